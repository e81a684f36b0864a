#include "connectors/qdrant/requests.h"

#include <fmt/format.h>

#include "base/text.h"
#include "base/uuid.h"
#include "connectors/qdrant/client.h"
#include "qdrant_pb/collections.pb.h"

namespace vecferry::qdrant {

std::string PathOf(const std::string& key) {
  if (key.find_first_of(".[]\"") == key.npos) return key;
  return '"' + key + '"';
}

std::string PayloadSelector(const Wanted& wanted) {
  std::string selector;
  if (!wanted.payload || wanted.fields.empty()) {
    AppendUintField(1, wanted.payload ? 1 : 0, &selector);
    return selector;
  }
  std::string fields;
  for (const auto& field : wanted.fields) AppendBytesField(1, PathOf(field), &fields);
  AppendBytesField(2, fields, &selector);
  return selector;
}

std::string VectorsSelector(const Wanted& wanted) {
  std::string selector;
  AppendUintField(1, wanted.vectors ? 1 : 0, &selector);
  return selector;
}

void AppendShard(uint32_t field, const Shard& shard, std::string* out) {
  if (!shard) return;
  std::string selector;
  AppendBytesField(1, ShardKeyOf(*shard).SerializeAsString(), &selector);
  AppendBytesField(field, selector, out);
}

std::string ScrollRequest(const std::string& collection, const Shard& shard, const std::optional<PointId>& from, uint32_t limit, const Wanted& wanted) {
  std::string out;
  AppendBytesField(1, collection, &out);
  if (from) AppendPointId(3, *from, &out);
  AppendUintField(4, limit, &out);
  AppendBytesField(6, PayloadSelector(wanted), &out);
  AppendBytesField(7, VectorsSelector(wanted), &out);
  AppendShard(9, shard, &out);
  return out;
}

std::string GetRequest(const std::string& collection, const Shard& shard, const std::vector<PointId>& ids, const Wanted& wanted) {
  std::string out;
  out.reserve(ids.size() * 42 + 100);
  AppendBytesField(1, collection, &out);
  for (const auto& id : ids) AppendPointId(2, id, &out);
  AppendBytesField(4, PayloadSelector(wanted), &out);
  AppendBytesField(5, VectorsSelector(wanted), &out);
  AppendShard(7, shard, &out);
  return out;
}

std::string SampleRequest(const std::string& collection, const Shard& shard, uint32_t limit, const Wanted& wanted) {
  std::string out, query;
  AppendBytesField(1, collection, &out);
  AppendUintField(7, 0, &query);  // Query.sample = Random
  AppendBytesField(3, query, &out);
  AppendUintField(8, limit, &out);
  AppendBytesField(10, VectorsSelector(wanted), &out);
  AppendBytesField(11, PayloadSelector(wanted), &out);
  AppendShard(13, shard, &out);
  return out;
}

std::string DeleteRequest(const std::string& collection, const Shard& shard, const std::vector<PointId>& ids) {
  std::string out, list, selector;
  AppendBytesField(1, collection, &out);
  AppendUintField(2, 1, &out);
  for (const auto& id : ids) AppendPointId(1, id, &list);
  AppendBytesField(1, list, &selector);
  AppendBytesField(3, selector, &out);
  AppendShard(5, shard, &out);
  return out;
}

std::string UpsertHead(const std::string& collection, const Shard& shard) {
  std::string out;
  AppendBytesField(1, collection, &out);
  AppendUintField(2, 1, &out);
  AppendShard(5, shard, &out);
  return out;
}

Result<PointId> ParsePointId(std::string_view text) {
  if (const auto uuid = ParseUuid(text); uuid && text.size() == 36) return PointId{true, 0, FormatUuid(*uuid)};
  uint64_t number = 0;
  bool digits = !text.empty() && text.size() <= 20;
  for (const char c : text) {
    digits = digits && c >= '0' && c <= '9' && !__builtin_mul_overflow(number, uint64_t{10}, &number) &&
             !__builtin_add_overflow(number, static_cast<uint64_t>(c - '0'), &number);
  }
  if (digits) return PointId::Of(number);
  return MakeError(Category::corrupt, fmt::format("'{}' is no id of a point", Printable(text, 100)), "start anew with --restart");
}

}  // namespace vecferry::qdrant
