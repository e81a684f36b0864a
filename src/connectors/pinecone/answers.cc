#include "connectors/pinecone/answers.h"

#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/text.h"

namespace vecferry::pinecone {
namespace {

using Json = nlohmann::json;

/// Answers of this kind are small; a longer one is none.
constexpr size_t kLongest = size_t{256} << 20;
constexpr size_t kLongestError = 64 << 10;
constexpr int32_t kMostDims = 1'000'000;

Status Odd(std::string_view why) { return MakeError(Category::corrupt, std::string(why)); }

/// Neither too long nor too deep for a parser that recurses.
bool IsReasonable(std::string_view text, size_t longest) {
  if (text.size() > longest) return false;
  int depth = 0;
  bool string = false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (string && c == '\\') ++i;
    else if (c == '"') string = !string;
    else if (!string && (c == '{' || c == '[') && ++depth > 64) return false;
    else if (!string && (c == '}' || c == ']')) --depth;
  }
  return true;
}

Result<Json> ParseObject(std::string_view text) {
  if (!IsReasonable(text, kLongest)) return Odd("the answer is longer or deeper than any is");
  Json json = Json::parse(text, nullptr, false);
  if (!json.is_object()) return Odd(json.is_discarded() ? "the answer is not JSON" : "the answer is not an object");
  return json;
}

std::string TextOf(const Json& object, const char* key) {
  const auto at = object.find(key);
  return at != object.end() && at->is_string() ? at->get<std::string>() : std::string();
}

const Json& MemberOf(const Json& object, const char* key) {
  static const Json nothing;
  const auto at = object.find(key);
  return at == object.end() ? nothing : *at;
}

/// A count: a number that is not negative, or the same in quotes, as 64-bit integers are written.
int64_t CountOf(const Json& value) {
  if (value.is_number_unsigned()) return static_cast<int64_t>(std::min<uint64_t>(value.get<uint64_t>(), INT64_MAX));
  if (value.is_number()) return value.get<double>() < 0 ? -1 : static_cast<int64_t>(std::min(value.get<double>(), 9e18));
  if (!value.is_string()) return -1;
  const auto number = ParseInt(value.get<std::string>());
  return number.ok() && *number >= 0 ? *number : -1;
}

Result<int32_t> DimsOf(const Json& object) {
  const Json& value = MemberOf(object, "dimension");
  if (value.is_null()) return 0;
  const int64_t dims = CountOf(value);
  if (dims < 0 || dims > kMostDims) return Odd("the dimension of the index is none");
  return static_cast<int32_t>(dims);
}

Result<IndexInfo> IndexOf(const Json& json) {
  if (!json.is_object()) return Odd("an index is not an object");
  IndexInfo info;
  info.name = TextOf(json, "name");
  info.host = TextOf(json, "host");
  if (info.name.empty()) return Odd("an index has no name");
  ARROW_ASSIGN_OR_RAISE(info.dims, DimsOf(json));
  info.sparse = TextOf(json, "vector_type") == "sparse";
  ARROW_ASSIGN_OR_RAISE(info.metric, MetricOf(TextOf(json, "metric")));
  const Json &spec = MemberOf(json, "spec"), &status = MemberOf(json, "status"), &tags = MemberOf(json, "tags");
  info.pod = spec.is_object() && spec.contains("pod");
  if (spec.is_object() && spec.contains("serverless") && spec["serverless"].is_object()) {
    info.cloud = TextOf(spec["serverless"], "cloud");
    info.region = TextOf(spec["serverless"], "region");
  }
  if (status.is_object()) {
    const Json& ready = MemberOf(status, "ready");
    info.ready = ready.is_boolean() && ready.get<bool>();
    info.state = TextOf(status, "state");
  }
  info.is_protected = TextOf(json, "deletion_protection") == "enabled";
  if (tags.is_object()) {
    for (const auto& [key, value] : tags.items()) {
      if (value.is_string()) info.tags[key] = value.get<std::string>();
    }
  }
  return info;
}

int CodeOf(std::string_view name) {
  static constexpr std::pair<std::string_view, int> kNames[] = {{"INVALID_ARGUMENT", 3}, {"NOT_FOUND", 5}, {"ALREADY_EXISTS", 6}, {"FORBIDDEN", 7},
      {"PERMISSION_DENIED", 7}, {"RESOURCE_EXHAUSTED", 8}, {"QUOTA_EXCEEDED", 8}, {"OUT_OF_RANGE", 11}, {"UNIMPLEMENTED", 12}, {"INTERNAL", 13},
      {"UNAVAILABLE", 14}, {"UNAUTHENTICATED", 16}};
  for (const auto& [known, code] : kNames) {
    if (known == name) return code;
  }
  return -1;
}

}  // namespace

Result<Metric> MetricOf(std::string_view name) {
  if (name.empty()) return Metric::unknown;
  if (name == "cosine") return Metric::cosine;
  if (name == "dotproduct") return Metric::dot;
  if (name == "euclidean") return Metric::l2;
  return Odd(fmt::format("the metric '{}' is not known", Printable(name, 100)));
}

std::string_view NameOf(Metric metric) {
  switch (metric) {
    case Metric::cosine: return "cosine";
    case Metric::dot: return "dotproduct";
    case Metric::l2: return "euclidean";
    default: return "";
  }
}

Result<IndexInfo> ParseIndex(std::string_view text) {
  ARROW_ASSIGN_OR_RAISE(const Json json, ParseObject(text));
  return IndexOf(json);
}

Result<std::vector<IndexInfo>> ParseIndexes(std::string_view text) {
  ARROW_ASSIGN_OR_RAISE(const Json json, ParseObject(text));
  const Json& list = MemberOf(json, "indexes");
  if (!list.is_array()) return Odd("the answer lists no indexes");
  std::vector<IndexInfo> indexes;
  for (const Json& each : list) {
    ARROW_ASSIGN_OR_RAISE(indexes.emplace_back(), IndexOf(each));
  }
  return indexes;
}

Result<IndexStats> ParseStats(std::string_view text) {
  ARROW_ASSIGN_OR_RAISE(const Json json, ParseObject(text));
  IndexStats stats;
  const Json& spaces = MemberOf(json, "namespaces");
  if (!spaces.is_object() && !spaces.is_null()) return Odd("the namespaces of the statistics are no object");
  for (const auto& [name, facts] : spaces.items()) {
    const int64_t count = facts.is_object() ? CountOf(MemberOf(facts, "vectorCount")) : -1;
    if (count < 0) return Odd("a namespace of the statistics has no count");
    if (count == 0) continue;
    int64_t& sum = stats.namespaces[name == "__default__" ? "" : name];
    sum = sum > INT64_MAX - count ? INT64_MAX : sum + count;
  }
  const int64_t total = CountOf(MemberOf(json, "totalVectorCount"));
  if (spaces.is_null() && total < 0) return Odd("the answer has no statistics");
  for (const auto& [name, count] : stats.namespaces) stats.total = stats.total > INT64_MAX - count ? INT64_MAX : stats.total + count;
  ARROW_ASSIGN_OR_RAISE(stats.dims, DimsOf(json));
  ARROW_ASSIGN_OR_RAISE(stats.metric, MetricOf(TextOf(json, "metric")));
  if (const std::string type = TextOf(json, "vectorType"); !type.empty()) stats.sparse = type == "sparse";
  if (const Json& fullness = MemberOf(json, "indexFullness"); fullness.is_number()) stats.fullness = fullness.get<double>();
  return stats;
}

Result<IdPage> ParseIdPage(std::string_view text) {
  ARROW_ASSIGN_OR_RAISE(const Json json, ParseObject(text));
  const Json &list = MemberOf(json, "vectors"), &pages = MemberOf(json, "pagination");
  IdPage page;
  if (!list.is_array() && !list.is_null()) return Odd("the list of ids is none");
  if (list.is_null() && !json.contains("namespace")) return Odd("the answer lists no ids");
  for (const Json& each : list) {
    if (!each.is_object() || !MemberOf(each, "id").is_string()) return Odd("an entry of the list has no id");
    page.ids.push_back(each["id"].get<std::string>());
  }
  if (!pages.is_null() && !pages.is_object()) return Odd("the token of the next page is none");
  if (pages.is_object()) page.next = TextOf(pages, "next");
  return page;
}

ErrorBody ParseError(std::string_view body) {
  ErrorBody error;
  if (body.empty() || body.size() > kLongestError) return error;
  const Json json = IsReasonable(body, kLongestError) ? Json::parse(body, nullptr, false) : Json();
  if (!json.is_object()) {
    // "Invalid API Key" comes as plain text; a page of a proxy is no reason.
    if (body.front() != '<' && body.front() != '{') error.message = std::string(body.substr(0, 300));
    return error;
  }
  const Json& inner = json.contains("error") && json["error"].is_object() ? json["error"] : json;
  error.message = TextOf(inner, "message");
  const Json& code = MemberOf(inner, "code");
  if (code.is_number_integer()) error.code = static_cast<int>(std::clamp<int64_t>(code.get<int64_t>(), -1, 1000));
  else if (code.is_string()) error.code = CodeOf(code.get<std::string>());
  return error;
}

}  // namespace vecferry::pinecone
