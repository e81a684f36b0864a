#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "connectors/qdrant/points.h"

/// The requests of the service qdrant.Points that carry or fetch points, as bytes.
namespace vecferry::qdrant {

/// Which points of a sharded collection are meant; nothing: all. A key's text, see TextOf(ShardKey).
using Shard = std::optional<std::string>;

/// What of each point is wanted. The names of payload fields are plain keys, not paths.
struct Wanted {
  bool vectors = true;
  bool payload = true;
  std::vector<std::string> fields;  ///< with payload: only these; empty: all
};

/// A key as the path that means it and nothing below it.
std::string PathOf(const std::string& key);
/// WithPayloadSelector{1 enable | 2 include{1 fields}}.
std::string PayloadSelector(const Wanted& wanted);
/// WithVectorsSelector{1 enable}.
std::string VectorsSelector(const Wanted& wanted);
/// ShardKeySelector as that field of a request, where a shard is meant.
void AppendShard(uint32_t field, const Shard& shard, std::string* out);

std::string ScrollRequest(const std::string& collection, const Shard& shard, const std::optional<PointId>& from, uint32_t limit, const Wanted& wanted);
std::string GetRequest(const std::string& collection, const Shard& shard, const std::vector<PointId>& ids, const Wanted& wanted);
/// `limit` ids drawn at random, without payload and vectors unless wanted. Servers of 1.11 and later.
std::string SampleRequest(const std::string& collection, const Shard& shard, uint32_t limit, const Wanted& wanted);
std::string DeleteRequest(const std::string& collection, const Shard& shard, const std::vector<PointId>& ids);
/// The head of UpsertPoints with wait=true; points (field 3) are appended to it.
std::string UpsertHead(const std::string& collection, const Shard& shard);

/// An id as it stands in a split or cursor, and back. Category::corrupt for a text that is none.
Result<PointId> ParsePointId(std::string_view text);

}  // namespace vecferry::qdrant
