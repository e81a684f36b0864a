#include "connectors/parquet/footer.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "connectors/parquet/parquet.h"

namespace vecferry::parquet_store {
namespace {

constexpr const char* kFactsIntent = "parquet-facts";
constexpr size_t kMaxTexts = size_t{16} << 20;
constexpr std::string_view kHiveNone = "__HIVE_DEFAULT_PARTITION__";

std::string Dump(const std::map<std::string, std::string>& texts) { return nlohmann::json(texts).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace); }

}  // namespace

Result<std::map<std::string, std::string>> FooterFacts(const SinkSpec& spec) {
  std::map<std::string, std::string> facts;
  if (spec.layout && spec.layout->name != "default") facts[kLayoutKey] = spec.layout->name;
  for (const auto& [name, text] : spec.settings) {
    if (!IsValidUtf8(name) || !IsValidUtf8(text)) return MakeError(Category::refused, fmt::format("the setting {} of the source is not UTF-8", Printable(name, 100)));
  }
  if (!spec.settings.empty()) {
    facts[kSettingsKey] = Dump(spec.settings);
    if (facts[kSettingsKey].size() > kMaxTexts) return MakeError(Category::refused, "the source's settings are larger than 16 MiB");
  }
  return facts;
}

Result<std::map<std::string, std::string>> ChosenFacts(const SinkSpec& spec) {
  if (spec.resumed && spec.intents) {
    ARROW_ASSIGN_OR_RAISE(const auto begun, spec.intents->Find(kFactsIntent));
    if (begun) return ParseTexts(*begun);
  }
  ARROW_ASSIGN_OR_RAISE(auto facts, FooterFacts(spec));
  if (spec.intents) ARROW_RETURN_NOT_OK(spec.intents->Record(kFactsIntent, Dump(facts)));
  return facts;
}

Result<std::map<std::string, std::string>> ParseTexts(const std::string& text) {
  if (text.size() > 2 * kMaxTexts) return MakeError(Category::corrupt, "a footer's settings are larger than 16 MiB");
  const auto json = nlohmann::json::parse(text, nullptr, false);
  if (!json.is_object()) return MakeError(Category::corrupt, "a footer's settings are no object");
  std::map<std::string, std::string> texts;
  for (const auto& [name, value] : json.items()) {
    if (!value.is_string()) return MakeError(Category::corrupt, fmt::format("a footer's setting {} is no text", Printable(name, 100)));
    texts[name] = value.get<std::string>();
  }
  return texts;
}

std::string FolderOf(const std::string& key, const std::optional<std::string>& value) {
  // An empty value and one that is only dots would be no name of their own.
  const bool none = !value || value->empty();
  std::string text = none ? std::string(kHiveNone) : PercentEncode(*value, " ");
  if (text.size() > 200) text = text.substr(0, 150) + "~" + std::to_string(std::hash<std::string>{}(*value));
  return PercentEncode(key, " ") + "=" + text;
}

std::optional<std::pair<std::string, std::optional<std::string>>> ParseFolder(std::string_view name) {
  const auto equals = name.find('=');
  if (equals == 0 || equals == std::string_view::npos) return std::nullopt;
  const std::string value = PercentDecode(name.substr(equals + 1));
  return std::pair(PercentDecode(name.substr(0, equals)), value == kHiveNone ? std::nullopt : std::optional(value));
}

}  // namespace vecferry::parquet_store
