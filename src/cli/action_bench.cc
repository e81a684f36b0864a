#include "cli/actions.h"
#include "cli/search_options.h"
#include "cli/search_text.h"
#include "cli/session.h"
#include "cli/show.h"

namespace vecferry::cli {

Result<int> RunBench(const Invocation& invocation, Context& context) {
  ARROW_ASSIGN_OR_RAISE(auto session, Session::Start(invocation, context));
  ARROW_ASSIGN_OR_RAISE(const BenchOptions options, BenchOptionsOf(invocation));
  ARROW_ASSIGN_OR_RAISE(const Location first, session->Locate(invocation.arguments[0], "source-opt"));
  std::optional<Location> second;
  if (invocation.arguments.size() > 1) {
    ARROW_ASSIGN_OR_RAISE(second, session->Locate(invocation.arguments[1], "target-opt"));
  }
  const auto report = Bench(session->engine(), first, second, options);
  session->StopProgress();
  ARROW_RETURN_NOT_OK(report.status());
  return Show(invocation, context, *report, report->interrupted ? exit_code::kInterrupted : exit_code::kOk, &PrintBench);
}

}  // namespace vecferry::cli
