#include "connector/intentions.h"

#include <fmt/format.h>

namespace vecferry {

Status Gone(std::string_view what, std::string_view which) {
  return MakeError(Category::not_found, fmt::format("{}, which {}, is gone", what, which), "see what removed it, then begin anew with --restart");
}

Status CheckMayMake(const SinkSpec& spec, const Intentions& intents, bool made, std::string_view what) {
  if (made) return Gone(what, "this run had made and was filling");
  if (spec.existed) return Gone(what, "was there when the run began");
  return spec.resumed && !intents.kept() ? Gone(what, "was being filled") : Status::OK();
}

}  // namespace vecferry
