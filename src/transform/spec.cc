#include "transform/spec.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "transform/filter_names.h"
#include "transform/filter.h"

namespace vecferry {
namespace {

using Json = nlohmann::ordered_json;

constexpr size_t kMostIdBytes = 64 << 20;
constexpr size_t kMostConditions = 1000;

std::string QuotedText(std::string_view text) {
  std::string out = "'";
  for (const char c : text) out.append(c == '\'' ? 2 : 1, c);
  return out + '\'';
}

std::string Globs(const std::vector<std::string>& globs) {
  std::string any;
  for (const auto& glob : globs) any += fmt::format("{}id GLOB {}", any.empty() ? "" : " OR ", QuotedText(glob));
  return any;
}

std::string Text(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

Status Corrupt() { return MakeError(Category::corrupt, "the transforms of the run cannot be read", "start anew with --restart"); }

/// Everything that can be a schema's, so that conditions are checked without a dataset. A vector is known by the dataset alone.
Status CheckCondition(const std::string& condition) {
  const auto names = ScanNames(condition);
  if (names.ok()) return Status::OK();
  return MakeError(Category::usage, fmt::format("--filter '{}': {}", Printable(condition, 300), names.status().message()), FactsOf(names.status()).next_step);
}

/// A check sum of the list that does not depend on how the file was laid out.
uint64_t SumOf(const std::vector<std::string>& ids) {
  uint64_t sum = 1469598103934665603ull;
  for (const auto& id : ids) {
    for (const char c : id) sum = (sum ^ static_cast<unsigned char>(c)) * 1099511628211ull;
    sum = (sum ^ 0x0A) * 1099511628211ull;
  }
  return sum;
}

}  // namespace

std::vector<std::string> TransformSpec::Conditions() const {
  std::vector<std::string> conditions;
  if (!includes.empty()) conditions.push_back(Globs(includes));
  if (!excludes.empty()) conditions.push_back(fmt::format("NOT ({})", Globs(excludes)));
  conditions.insert(conditions.end(), filters.begin(), filters.end());
  return conditions;
}

Status TransformSpec::Check() const {
  if (filters.size() + includes.size() + excludes.size() > kMostConditions) {
    return MakeError(Category::usage, fmt::format("there are {} filters at most", kMostConditions), "put ids into a file and use --ids");
  }
  for (const auto& condition : Conditions()) ARROW_RETURN_NOT_OK(CheckCondition(condition));
  if (!sample.empty()) ARROW_RETURN_NOT_OK(SampleShare(sample, 1).status());
  for (const auto& reduction : reductions) ARROW_RETURN_NOT_OK(ParseReduction(reduction).status());
  return ParseMapRules(maps).status();
}

std::vector<std::pair<std::string, std::string>> TransformSpec::Entries() const {
  std::vector<std::pair<std::string, std::string>> entries;
  const auto list = [&](const char* name, const std::vector<std::string>& values) {
    if (!values.empty()) entries.emplace_back(name, Text(Json(values)));
  };
  list("--filter", filters);
  list("--include", includes);
  list("--exclude", excludes);
  if (has_ids) entries.emplace_back("--ids", Text(Json(fmt::format("{} ids, {:016x}", ids.size(), SumOf(ids)))));
  if (!sample.empty()) entries.emplace_back("--sample", Text(Json(sample)));
  list("--map", maps);
  list("--reduce", reductions);
  if (normalise) entries.emplace_back("--normalise", "true");
  return entries;
}

std::string TransformSpec::ToJson() const {
  Json json = {{"filters", filters}, {"includes", includes}, {"excludes", excludes}, {"sample", sample}, {"maps", maps}, {"reductions", reductions}, {"normalise", normalise}};
  if (has_ids) json["ids"] = ids;
  return Text(json);
}

Result<TransformSpec> TransformSpec::FromJson(std::string_view text) {
  try {
    const auto json = Json::parse(text);
    TransformSpec spec;
    const auto list = [&](const char* name, std::vector<std::string>* values) { json.at(name).get_to(*values); };
    list("filters", &spec.filters);
    list("includes", &spec.includes);
    list("excludes", &spec.excludes);
    list("maps", &spec.maps);
    list("reductions", &spec.reductions);
    spec.sample = json.at("sample").get<std::string>();
    spec.normalise = json.at("normalise").get<bool>();
    spec.has_ids = json.contains("ids");
    if (spec.has_ids) list("ids", &spec.ids);
    ARROW_RETURN_NOT_OK(spec.Check());
    return spec;
  } catch (const nlohmann::json::exception&) {
    return Corrupt();
  }
}

Result<std::vector<std::string>> ParseIdList(std::string_view text) {
  if (text.size() > kMostIdBytes) return MakeError(Category::usage, fmt::format("a list of ids has {} bytes at most", kMostIdBytes), "select with --filter instead");
  if (!IsValidUtf8(text)) return MakeError(Category::usage, "a list of ids is UTF-8 text, one id a line");
  std::vector<std::string> ids;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (!line.empty()) ids.emplace_back(line);
  }
  std::sort(ids.begin(), ids.end());
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
  return ids;
}

Result<double> SampleShare(std::string_view sample, int64_t count) {
  double number = 0;
  const bool share = sample.ends_with('%');
  const std::string_view digits = sample.substr(0, sample.size() - (share ? 1 : 0));
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  const bool good = error == std::errc() && end == digits.data() + digits.size() && std::isfinite(number) && number > 0 &&
                    (share ? number <= 100 : number < 1e15 && number == std::floor(number));
  if (!good) return MakeError(Category::usage, fmt::format("--sample cannot be '{}'", Printable(sample, 100)), "give it a number such as 1000, or a share such as 5%");
  if (share) return number / 100;
  if (count < 0) {
    return MakeError(Category::refused, "--sample takes a number of records only where the source knows how many it has", "give it a share such as 5%, or use --limit");
  }
  return count == 0 ? 1 : std::min(1.0, number / static_cast<double>(count));
}

std::string ResolvedTransforms::ToJson() const {
  Json json = {{"spec", Json::parse(spec.ToJson())}, {"run", facts.id}, {"started_at", facts.started_at}, {"dataset", facts.dataset}, {"store", facts.store},
               {"sample_below", sample_below}, {"limit", limit}};
  json["projections"] = Json::object();
  for (const auto& [column, projection] : projections) json["projections"][column] = Json::parse(projection.ToJson());
  return Text(json);
}

Result<ResolvedTransforms> ResolvedTransforms::FromJson(std::string_view text) {
  try {
    const auto json = Json::parse(text);
    ResolvedTransforms resolved;
    ARROW_ASSIGN_OR_RAISE(resolved.spec, TransformSpec::FromJson(json.at("spec").dump()));
    resolved.facts = {json.at("run").get<std::string>(), json.at("started_at").get<std::string>(), json.at("dataset").get<std::string>(), json.at("store").get<std::string>()};
    resolved.sample_below = json.at("sample_below").get<uint64_t>();
    resolved.limit = json.at("limit").get<int64_t>();
    for (const auto& [column, projection] : json.at("projections").items()) {
      ARROW_ASSIGN_OR_RAISE(resolved.projections[column], Projection::FromJson(projection.dump()));
    }
    return resolved;
  } catch (const nlohmann::json::exception&) {
    return Corrupt();
  }
}

}  // namespace vecferry
