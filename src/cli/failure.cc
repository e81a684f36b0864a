#include "cli/failure.h"

#include <ostream>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/text.h"

namespace vecferry::cli {
namespace {

using Json = nlohmann::ordered_json;

std::string Dump(const Json& json) { return json.dump(2, ' ', false, Json::error_handler_t::replace); }

std::string FailureObject(const Status& failure, const std::string& command_name, const std::string& resume) {
  const ErrorFacts facts = FactsOf(failure);
  Json error;
  error["category"] = CategoryName(facts.category);
  error["message"] = failure.message();
  if (facts.side != Side::none) error["side"] = SideName(facts.side);
  if (!facts.store.empty()) error["store"] = facts.store;
  if (!facts.dataset.empty()) error["dataset"] = facts.dataset;
  if (!facts.next_step.empty()) error["next_step"] = facts.next_step;
  if (!resume.empty()) error["resume"] = resume;
  Json json;
  json["vecferry"] = command_name;
  json["version"] = 1;
  json["exit_code"] = ExitCodeOf(failure);
  json["error"] = std::move(error);
  return Dump(json);
}

/// The text of a failure, a line at a time printable.
std::string PrintableLines(const std::string& text) {
  std::string out;
  std::string_view rest = text;
  while (true) {
    const auto end = rest.find('\n');
    out += Printable(rest.substr(0, end), 4096);
    if (end == std::string_view::npos) return out;
    out += '\n';
    rest.remove_prefix(end + 1);
  }
}

}  // namespace

int PrintFailure(const Status& failure, const std::string& command_name, const std::string& resume, bool json, Context& context) {
  context.err << "vecferry: " << PrintableLines(Describe(failure)) << '\n';
  const int code = ExitCodeOf(failure);
  if (!resume.empty() && (code == exit_code::kInterrupted || code == exit_code::kTransient || code == exit_code::kLimit)) {
    context.err << "What was done is kept. To go on:\n  " << Printable(resume, 8192) << '\n';
  }
  context.err.flush();
  if (json) context.out << FailureObject(failure, command_name, resume) << '\n' << std::flush;
  return code;
}

Result<std::string> ResultObject(const std::string& command_name, int exit_code, const std::string& body) {
  const Json parsed = Json::parse(body, nullptr, false);
  if (!parsed.is_object()) return MakeError(Category::internal, "the result of " + command_name + " is no JSON object");
  Json json;
  json["vecferry"] = command_name;
  json["version"] = 1;
  json["exit_code"] = exit_code;
  for (const auto& [key, value] : parsed.items()) {
    if (!json.contains(key)) json[key] = value;
  }
  return Dump(json);
}

}  // namespace vecferry::cli
