#include "connectors/weaviate/ranges.h"

#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "base/uuid.h"
#include "connectors/weaviate/objects.h"

namespace vecferry::weaviate {
namespace {

using Json = nlohmann::json;

constexpr int64_t kLeastObjects = 2'000;   ///< of a range: what it takes to begin one is not for nothing
constexpr int kMostRanges = 256;
constexpr size_t kMostSplits = 512;
constexpr std::string_view kEnd = "end";

Status NoRange(std::string_view text) { return MakeError(Category::corrupt, fmt::format("the split '{}' is none of a weaviate source", Printable(text, 200))); }
Status NoPosition(std::string_view text) { return MakeError(Category::corrupt, fmt::format("the cursor '{}' is none of a weaviate source", Printable(text, 200))); }

Split SplitOf(const Range& range, int64_t records) {
  std::string label;
  if (range.tenants.size() == 1 && range.tenants[0].empty()) label = fmt::format("{}..{}", range.from.empty() ? "first" : range.from, range.to.empty() ? "last" : range.to);
  else if (range.tenants.size() == 1) label = "tenant " + range.tenants[0];
  else label = fmt::format("tenants {}..{}", range.tenants.front(), range.tenants.back());
  return {range.Text(), Printable(label, 300), records, -1};
}

/// Ids that are made at random lie evenly.
std::vector<Split> ByIds(const std::string& class_name, int wanted, int64_t count) {
  const int parts = static_cast<int>(std::clamp<int64_t>(count / kLeastObjects, 1, std::clamp(wanted, 1, kMostRanges)));
  std::vector<Split> splits;
  std::string from;
  for (int i = 1; i <= parts; ++i) {
    const std::string to = i == parts ? "" : fmt::format("{:04x}0000-0000-0000-0000-000000000000", i * 65536 / parts);
    splits.push_back(SplitOf({class_name, {""}, from, to}, count / parts));
    from = to;
  }
  return splits;
}

}  // namespace

std::string Range::Text() const {
  Json json = {{"class", class_name}, {"tenants", tenants}};
  if (!from.empty()) json["from"] = from;
  if (!to.empty()) json["to"] = to;
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Result<Range> Range::Parse(std::string_view text) {
  const Json json = Json::parse(text, nullptr, false);
  if (!json.is_object() || !json.contains("class") || !json["class"].is_string() || !json.contains("tenants") || !json["tenants"].is_array()) return NoRange(text);
  Range range;
  range.class_name = json["class"].get<std::string>();
  for (const Json& each : json["tenants"]) {
    if (!each.is_string()) return NoRange(text);
    range.tenants.push_back(each.get<std::string>());
  }
  for (auto [key, place] : {std::pair{"from", &range.from}, std::pair{"to", &range.to}}) {
    if (!json.contains(key)) continue;
    if (!json[key].is_string()) return NoRange(text);
    *place = json[key].get<std::string>();
    if (!IsObjectId(*place)) return NoRange(text);
  }
  return range;
}

std::vector<Split> RangesOf(const std::string& class_name, bool multi_tenant, const std::vector<Tenant>& tenants, int wanted, int64_t count) {
  if (!multi_tenant) return ByIds(class_name, wanted, std::max<int64_t>(count, 0));
  // Each tenant is a split, so that one that sleeps is awake no longer than it is read; very many share some.
  const size_t each = std::max<size_t>(1, (tenants.size() + kMostSplits - 1) / kMostSplits);
  std::vector<Split> splits;
  for (size_t first = 0; first < tenants.size(); first += each) {
    Range range{class_name, {}, "", ""};
    for (size_t i = first; i < std::min(tenants.size(), first + each); ++i) range.tenants.push_back(tenants[i].name);
    splits.push_back(SplitOf(range, tenants.size() == 1 ? count : -1));
  }
  return splits;
}

Cursor Position::Text(const Range& range) const {
  if (ended || tenant >= range.tenants.size()) return std::string(kEnd);
  return range.tenants[tenant] + "/" + after;
}

Result<Position> Position::Parse(const Range& range, std::string_view text) {
  Position position;
  position.ended = text == kEnd;
  if (position.ended || text.empty()) return position;
  const size_t slash = text.find('/');
  if (slash == text.npos) return NoPosition(text);
  const auto at = std::find(range.tenants.begin(), range.tenants.end(), text.substr(0, slash));
  position.after = text.substr(slash + 1);
  if (at == range.tenants.end() || (!position.after.empty() && !IsObjectId(position.after))) return NoPosition(text);
  position.tenant = static_cast<size_t>(at - range.tenants.begin());
  return position;
}

std::string Before(std::string_view text) {
  auto uuid = ParseUuid(text);
  if (!uuid) return {};
  for (size_t i = uuid->size(); i-- > 0;) {
    if ((*uuid)[i]-- != 0) return FormatUuid(*uuid);
  }
  return {};
}

}  // namespace vecferry::weaviate
