#pragma once
#include <ostream>

#include "cli/failure.h"

namespace vecferry::cli {

/// Prints a result in the form that was asked for.
template <class Report>
Result<int> Show(const Invocation& invocation, Context& context, const Report& report, int code, void (*print)(std::ostream&, const Report&)) {
  if (invocation.Bool("json")) {
    ARROW_ASSIGN_OR_RAISE(const std::string object, ResultObject(invocation.command->name, code, report.ToJson()));
    context.out << object << '\n';
  } else {
    print(context.out, report);
  }
  return code;
}

}  // namespace vecferry::cli
