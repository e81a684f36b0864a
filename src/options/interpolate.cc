#include "options/interpolate.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/text.h"

namespace vecferry {
namespace {

bool IsName(std::string_view name) {
  const auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; };
  if (name.empty() || !letter(name[0])) return false;
  return std::all_of(name.begin(), name.end(), [&](char c) { return letter(c) || (c >= '0' && c <= '9'); });
}

Status NoVariable(std::string_view body) {
  return MakeError(Category::usage, fmt::format("'${{{}}}' names no variable", Printable(body, 100)),
                   "write ${NAME} or ${NAME:-DEFAULT}; a plain '${' is written $${");
}

/// What stands for "${BODY}".
Status Put(std::string_view body, const VariableLookup& lookup, Interpolated* into) {
  const size_t mark = body.find(":-");
  const std::string name(body.substr(0, mark));
  if (!IsName(name) || body.find("${") != body.npos) return NoVariable(body);
  into->variables.push_back(name);
  const auto value = lookup(name);
  if (value && (mark == body.npos || !value->empty())) {
    into->text += *value;
  } else if (mark != body.npos) {
    into->text += body.substr(mark + 2);
  } else {
    return MakeError(Category::usage, fmt::format("the variable {} is not set", Printable(name, 100)), fmt::format("set it, or give a default: ${{{}:-...}}", Printable(name, 100)));
  }
  return Status::OK();
}

}  // namespace

Result<Interpolated> Interpolate(std::string_view text, const VariableLookup& lookup) {
  Interpolated result;
  while (!text.empty()) {
    const size_t at = text.find("${");
    result.text += text.substr(0, at);
    if (at == text.npos) break;
    text.remove_prefix(at + 2);
    if (at > 0 && result.text.back() == '$') {  // "$${": the first '$' is taken already
      result.text += '{';
      continue;
    }
    const size_t end = text.find('}');
    if (end == text.npos) return MakeError(Category::usage, "a '${' is not closed", "write ${NAME}; a plain '${' is written $${");
    const std::string_view body = text.substr(0, end);
    if (body.starts_with("run.") || body.starts_with("source.") || body.starts_with("metadata.")) {
      result.text += fmt::format("${{{}}}", body);
    } else {
      ARROW_RETURN_NOT_OK(Put(body, lookup, &result));
    }
    text.remove_prefix(end + 1);
  }
  return result;
}

}  // namespace vecferry
