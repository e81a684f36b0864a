#include "options/option.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include <fmt/format.h>

#include "base/text.h"

namespace vecferry {
namespace {

bool IsReal(std::string_view text) {
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size() && std::isfinite(number);
}

std::string Allowed(const OptionSpec& spec) {
  switch (spec.kind) {
    case OptionSpec::Kind::text: return "any text";
    case OptionSpec::Kind::integer: return "a whole number";
    case OptionSpec::Kind::real: return "a number";
    case OptionSpec::Kind::boolean: return "yes or no";
    case OptionSpec::Kind::bytes: return "a size such as 64MiB";
    case OptionSpec::Kind::duration: return "a time such as 250ms, 30s, 5m or 2h";
    case OptionSpec::Kind::choice: return fmt::format("one of {}", fmt::join(spec.choices, ", "));
  }
  return {};
}

/// The value as it is handed on; nothing where the spec does not allow it.
Result<std::string> Normalise(const OptionSpec& spec, const std::string& value) {
  switch (spec.kind) {
    case OptionSpec::Kind::text: return value;
    case OptionSpec::Kind::integer: return ParseInt(value).Map([&](int64_t) { return value; });
    case OptionSpec::Kind::bytes: return ParseBytes(value).Map([&](uint64_t) { return value; });
    case OptionSpec::Kind::duration: return ParseDuration(value).Map([&](double) { return value; });
    case OptionSpec::Kind::boolean:
      return ParseBool(value).Map([](bool yes) { return std::string(yes ? "true" : "false"); });
    case OptionSpec::Kind::real:
      if (IsReal(value)) return value;
      break;
    case OptionSpec::Kind::choice:
      if (std::find(spec.choices.begin(), spec.choices.end(), value) != spec.choices.end()) return value;
      break;
  }
  return MakeError(Category::usage, "not allowed");
}

Result<std::string> CheckValue(const OptionSpec& spec, const std::string& value, std::string_view where) {
  auto normal = Normalise(spec, value);
  if (normal.ok()) return normal;
  const std::string shown = spec.secret ? "***" : Printable(value, 200);
  const std::string near = spec.kind == OptionSpec::Kind::choice && !spec.secret ? Suggestion(value, spec.choices) : "";
  return MakeError(Category::usage, fmt::format("{} '{}' cannot be '{}'{}", where, spec.name, shown, near),
                   fmt::format("give it {}", Allowed(spec)));
}

std::vector<std::string> NamesOf(const std::vector<OptionSpec>& specs) {
  std::vector<std::string> names;
  for (const auto& spec : specs) names.push_back(spec.name);
  return names;
}

}  // namespace

Result<std::map<std::string, std::string>> CheckOptions(const std::vector<OptionSpec>& specs,
                                                        const std::map<std::string, std::string>& values,
                                                        std::string_view where) {
  std::map<std::string, std::string> checked;
  for (const auto& spec : specs) {
    if (!spec.default_value.empty()) checked[spec.name] = spec.default_value;
  }
  for (const auto& [name, value] : values) {
    const auto spec = std::find_if(specs.begin(), specs.end(), [&](const auto& each) { return each.name == name; });
    if (spec == specs.end()) {
      const auto names = NamesOf(specs);
      return MakeError(Category::usage,
                       fmt::format("there is no {} '{}'{}", where, Printable(name, 200), Suggestion(name, names)),
                       names.empty() ? "leave it out" : fmt::format("it can be one of {}", fmt::join(names, ", ")));
    }
    ARROW_ASSIGN_OR_RAISE(checked[name], CheckValue(*spec, value, where));
  }
  return checked;
}

std::map<std::string, std::string> Redact(const std::vector<OptionSpec>& specs,
                                          std::map<std::string, std::string> values) {
  for (const auto& spec : specs) {
    if (!spec.secret) continue;
    if (const auto found = values.find(spec.name); found != values.end()) found->second = "***";
  }
  return values;
}

Result<bool> ParseBool(std::string_view text) {
  const std::string lower = ToLower(text);
  for (const char* yes : {"true", "yes", "on", "1"}) {
    if (lower == yes) return true;
  }
  for (const char* no : {"false", "no", "off", "0"}) {
    if (lower == no) return false;
  }
  return MakeError(Category::usage, fmt::format("'{}' is neither yes nor no", Printable(text, 200)), "write yes or no");
}

Result<double> ParseDuration(std::string_view text) {
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const std::string_view unit(end, static_cast<size_t>(text.data() + text.size() - end));
  static const std::map<std::string_view, double> kSeconds = {{"", 1},   {"s", 1},     {"ms", 0.001},
                                                              {"m", 60}, {"h", 3600}, {"d", 86400}};
  const auto found = kSeconds.find(unit);
  if (error != std::errc() || !std::isfinite(number) || number < 0 || found == kSeconds.end()) {
    return MakeError(Category::usage, fmt::format("'{}' is not a time", Printable(text, 200)),
                     "write it as 250ms, 30s, 5m or 2h");
  }
  return number * found->second;
}

}  // namespace vecferry
