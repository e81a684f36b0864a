#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "connectors/milvus/dataset.h"
#include "connectors/milvus/query.h"

namespace vecferry::milvus {
namespace {

using nlohmann::json;

/// Smaller collections are one range.
constexpr int64_t kLeastRows = 20'000;
/// Keys are walked through in pages of so many, which is the most that servers give.
constexpr int64_t kWalk = 16'384;
/// Pages that are walked at most to cut a collection; beyond, what is left is one range more.
constexpr int kMostPages = 4'000;

/// The time as of which all ranges are read, which the server says to a query of a kind that begins a walk.
Result<uint64_t> FixTime(const Dataset& dataset, const Found& found) {
  if (dataset.client->is_lite()) return 0;
  Query query;
  query.fields = {found.shape.key_field().name};
  query.limit = 1;
  query.iterate = true;
  query.collection_id = found.collection.id;
  ARROW_ASSIGN_OR_RAISE(const std::string answer, dataset.client->Call("Query", QueryRequest(dataset.client->For(found.collection.name), query), Act::read, "fixing the time to read at"));
  return SessionTime(answer);
}

/// Every n-th key, by walking through them.
Result<std::vector<Key>> Bounds(const Dataset& dataset, const Found& found, const Range& whole, int64_t every) {
  std::vector<Key> bounds;
  if (dataset.client->is_lite() || every <= 0) return bounds;
  RowDecoder decoder(found.shape, *dataset.layout);
  std::optional<Key> last;
  int64_t since = 0;
  for (int page = 0; page < kMostPages; ++page) {
    if (dataset.cancel) ARROW_RETURN_NOT_OK(dataset.cancel->Check());
    const std::string expr = RangeExpr(found.shape.key_field().name, last, std::nullopt);
    Query query;
    query.expr = expr;
    query.fields = {found.shape.key_field().name};
    query.partition = whole.partition;
    query.timestamp = whole.timestamp;
    query.limit = kWalk;
    query.iterate = true;
    query.collection_id = whole.collection_id;
    ARROW_ASSIGN_OR_RAISE(const std::string answer, dataset.client->Call("Query", QueryRequest(dataset.client->For(whole.collection), query), Act::read, "looking at the keys"));
    const Status opened = decoder.Open(answer, true);
    if (!opened.ok()) return BadAnswer("looking at the keys", opened.message());
    if (decoder.rows() == 0) break;
    const Key end = decoder.KeyOfRow(decoder.rows() - 1);
    if (last && !(*last < end)) return BadAnswer("looking at the keys", "the server's page is not behind the last");
    last = end;
    since += decoder.rows();
    if (since >= every) bounds.push_back(end), since = 0;
  }
  return bounds;
}

}  // namespace

std::string Range::Text() const {
  json out = {{"collection", collection}, {"id", collection_id}, {"time", timestamp}};
  if (!partition.empty()) out["partition"] = partition;
  for (const auto& [name, key] : {std::pair("after", &after), std::pair("to", &to)}) {
    if (!*key) continue;
    if ((*key)->is_number) out[name] = (*key)->number;
    else out[name] = (*key)->text;
  }
  return out.dump(-1, ' ', false, json::error_handler_t::replace);
}

Result<Range> Range::Parse(std::string_view text) {
  const json root = json::parse(text, nullptr, false);
  Range range;
  const auto corrupt = [] { return MakeError(Category::corrupt, "the plan's part of the collection cannot be read", "begin anew with --restart"); };
  if (!root.is_object() || !root.contains("collection") || !root["collection"].is_string()) return corrupt();
  range.collection = root["collection"].get<std::string>();
  if (root.contains("id") && root["id"].is_number_integer()) range.collection_id = root["id"].get<int64_t>();
  if (root.contains("time") && root["time"].is_number()) range.timestamp = root["time"].get<uint64_t>();
  if (root.contains("partition") && root["partition"].is_string()) range.partition = root["partition"].get<std::string>();
  for (const auto& [name, key] : {std::pair("after", &range.after), std::pair("to", &range.to)}) {
    if (!root.contains(name)) continue;
    if (root[name].is_number_integer()) *key = Key::Of(root[name].get<int64_t>());
    else if (root[name].is_string()) *key = Key::Of(root[name].get<std::string>());
    else return corrupt();
  }
  return range;
}

Result<std::vector<Split>> RangesOf(const Dataset& dataset, const Found& found, int wanted, int64_t count) {
  Range whole;
  whole.collection = found.collection.name;
  whole.collection_id = found.collection.id;
  ARROW_ASSIGN_OR_RAISE(whole.timestamp, FixTime(dataset, found));
  std::vector<std::string> partitions = {""};
  if (found.shape.partition_tenants) partitions = found.partitions;
  std::vector<Split> splits;
  for (const std::string& partition : partitions) {
    whole.partition = partition;
    int64_t rows = count;
    if (!partition.empty()) {
      ARROW_ASSIGN_OR_RAISE(rows, dataset.client->Count(whole.collection, {}, partition));
    }
    const int64_t share = std::max<int64_t>(kLeastRows, count / std::max(1, wanted));
    std::vector<Key> bounds;
    if (wanted > 1 && rows >= 2 * share) {
      ARROW_ASSIGN_OR_RAISE(bounds, Bounds(dataset, found, whole, share));
    }
    Range range = whole;
    const auto add = [&](int64_t records) {
      Split split;
      split.payload = range.Text();
      split.label = partition.empty() ? "all" : "partition " + Printable(partition, 100);
      if (range.after || range.to) {
        split.label = fmt::format("{}{}..{}", partition.empty() ? "" : split.label + " ", range.after ? Printable(range.after->Spelled(), 60) : "", range.to ? Printable(range.to->Spelled(), 60) : "");
      }
      split.records = records;
      splits.push_back(std::move(split));
    };
    for (const Key& bound : bounds) {
      range.to = bound;
      add(share);
      range.after = bound;
      range.to.reset();
    }
    add(std::max<int64_t>(0, rows - share * static_cast<int64_t>(bounds.size())));
  }
  return splits;
}

}  // namespace vecferry::milvus
