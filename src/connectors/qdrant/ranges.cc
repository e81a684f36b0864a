#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "connectors/qdrant/dataset.h"
#include "qdrant_pb/collections.pb.h"

namespace vecferry::qdrant {
namespace {

using Json = nlohmann::ordered_json;

/// Ids drawn for each range that is wanted.
constexpr int64_t kDrawnPerRange = 256;
constexpr int64_t kMostDrawn = 20'000;
/// Below so many points a range is not worth a thread.
constexpr int64_t kLeastPoints = 2'000;

/// The first id that is not below `from`.
Result<std::optional<PointId>> FirstFrom(const Dataset& dataset, const Shard& shard, const std::optional<PointId>& from) {
  const Wanted nothing{.vectors = false, .payload = false};
  ARROW_ASSIGN_OR_RAISE(const std::string bytes, dataset.client->Call("/qdrant.Points/Scroll", ScrollRequest(dataset.collection, shard, from, 1, nothing),
                                                                      Act::read, "looking for ids"));
  ARROW_ASSIGN_OR_RAISE(const Page page, Understood(ParseScrollResponse(bytes), "looking for ids"));
  if (page.points.empty()) return std::nullopt;
  ARROW_ASSIGN_OR_RAISE(PointId id, PointDecoder::IdOf(page.points.front()));
  return id;
}

/// Ids drawn at random; empty where the server cannot draw or does not want to.
std::vector<PointId> Draw(const Dataset& dataset, const Shard& shard, int64_t n) {
  std::vector<PointId> ids;
  if (!dataset.client->AtLeast(1, 11)) return ids;
  const Wanted nothing{.vectors = false, .payload = false};
  const auto bytes = dataset.client->Call("/qdrant.Points/Query", SampleRequest(dataset.collection, shard, static_cast<uint32_t>(n), nothing), Act::look, "drawing ids");
  if (!bytes.ok()) return ids;
  const auto page = ParseGetResponse(*bytes);  // a list of points in field 1, as Get's answer
  if (!page.ok()) return ids;
  for (const auto& point : page->points) {
    if (auto id = PointDecoder::IdOf(point); id.ok()) ids.push_back(std::move(*id));
  }
  std::sort(ids.begin(), ids.end());
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
  return ids;
}

/// The greatest number that is an id, by halving; 0 where there is none.
Result<uint64_t> GreatestNumber(const Dataset& dataset, const Shard& shard) {
  uint64_t low = 0, high = UINT64_MAX;  // some id is >= low, none is > high
  while (low < high) {
    const uint64_t middle = low + (high - low) / 2 + 1;
    ARROW_ASSIGN_OR_RAISE(const auto id, FirstFrom(dataset, shard, PointId::Of(middle)));
    if (id && !id->is_uuid) low = id->number;
    else high = middle - 1;
  }
  return low;
}

PointId UuidWithFirstByte(unsigned byte) { return {true, 0, fmt::format("{:02x}000000-0000-0000-0000-000000000000", byte)}; }

/// Boundaries made up from the ids' extent alone: even steps of numbers, or even steps of UUIDs' first bytes.
Result<std::vector<PointId>> MadeUp(const Dataset& dataset, const Shard& shard, int64_t parts) {
  std::vector<PointId> boundaries;
  ARROW_ASSIGN_OR_RAISE(const auto first, FirstFrom(dataset, shard, std::nullopt));
  ARROW_ASSIGN_OR_RAISE(const auto uuid, FirstFrom(dataset, shard, UuidWithFirstByte(0)));
  const bool numbers = first && !first->is_uuid;
  const int64_t each = numbers && uuid ? std::max<int64_t>(1, parts / 2) : parts;
  if (numbers) {
    ARROW_ASSIGN_OR_RAISE(const uint64_t last, GreatestNumber(dataset, shard));
    const double width = static_cast<double>(last - first->number) + 1;
    for (int64_t i = 1; i < each; ++i) {
      boundaries.push_back(PointId::Of(first->number + static_cast<uint64_t>(width / static_cast<double>(each) * static_cast<double>(i))));
    }
  }
  if (numbers && uuid) boundaries.push_back(UuidWithFirstByte(0));
  if (uuid) {
    for (int64_t i = 1; i < std::min<int64_t>(each, 256); ++i) boundaries.push_back(UuidWithFirstByte(static_cast<unsigned>(i * 256 / each)));
  }
  std::sort(boundaries.begin(), boundaries.end());
  boundaries.erase(std::unique(boundaries.begin(), boundaries.end()), boundaries.end());
  return boundaries;
}

Result<std::vector<PointId>> Boundaries(const Dataset& dataset, const Shard& shard, int64_t parts, int64_t count) {
  std::vector<PointId> boundaries;
  if (parts <= 1) return boundaries;
  const auto drawn = Draw(dataset, shard, std::min({count, parts * kDrawnPerRange, kMostDrawn}));
  if (static_cast<int64_t>(drawn.size()) < parts * 4) return MadeUp(dataset, shard, parts);
  for (int64_t i = 1; i < parts; ++i) boundaries.push_back(drawn[static_cast<size_t>(i) * drawn.size() / static_cast<size_t>(parts)]);
  return boundaries;
}

}  // namespace

/// {"collection": NAME, "shard": KEY?, "from": ID?, "to": ID?}
std::string Range::Text() const {
  Json json = {{"collection", collection}};
  if (shard) json["shard"] = *shard;
  if (from) json["from"] = from->Spelled();
  if (to) json["to"] = to->Spelled();
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Result<Range> Range::Parse(std::string_view text) {
  const Json json = Json::parse(text, nullptr, false);
  const auto field = [&](const char* key) -> std::optional<std::string> {
    if (!json.is_object() || !json.contains(key) || !json[key].is_string()) return std::nullopt;
    return json[key].get<std::string>();
  };
  const auto collection = field("collection"), from = field("from"), to = field("to");
  if (!collection) return MakeError(Category::corrupt, fmt::format("the split '{}' is none of a qdrant source", Printable(text, 200)));
  Range range;
  range.collection = *collection;
  range.shard = field("shard");
  if (from) {
    ARROW_ASSIGN_OR_RAISE(range.from, ParsePointId(*from));
  }
  if (to) {
    ARROW_ASSIGN_OR_RAISE(range.to, ParsePointId(*to));
  }
  return range;
}

Result<std::vector<Split>> RangesOf(const Dataset& dataset, bool custom_sharding, int wanted, int64_t count) {
  std::vector<Shard> shards = {std::nullopt};
  if (custom_sharding) {
    ARROW_ASSIGN_OR_RAISE(const auto keys, dataset.client->ShardKeys(dataset.collection));
    shards.clear();
    for (const auto& key : keys) shards.emplace_back(TextOf(key));
  }
  std::vector<Split> splits;
  const int64_t per_shard = std::max<int64_t>(1, wanted / std::max<int64_t>(1, static_cast<int64_t>(shards.size())));
  for (const auto& shard : shards) {
    const int64_t parts = std::clamp<int64_t>(count / kLeastPoints, 1, per_shard);
    ARROW_ASSIGN_OR_RAISE(const auto boundaries, Boundaries(dataset, shard, parts, count));
    std::optional<PointId> from;
    for (size_t i = 0; i <= boundaries.size(); ++i) {
      const auto to = i < boundaries.size() ? std::optional(boundaries[i]) : std::nullopt;
      const Range range{dataset.collection, shard, from, to};
      const std::string label = fmt::format("{}{}..{}", shard ? *shard + ": " : "", from ? from->Spelled() : "first", to ? to->Spelled() : "last");
      splits.push_back({range.Text(), Printable(label, 300), count / static_cast<int64_t>((boundaries.size() + 1) * shards.size()), -1});
      from = to;
    }
  }
  return splits;
}

}  // namespace vecferry::qdrant
