#pragma once
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "base/pool.h"
#include "connectors/qdrant/dataset.h"

namespace vecferry::qdrant {

/// Writes batches into one collection. Thread-safe: several Write calls at once, each with an encoder of its own.
class CollectionWriter {
 public:
  /// `shape` is that of the records that come.
  CollectionWriter(Dataset dataset, Shape shape);
  ~CollectionWriter();
  Result<WriteOutcome> Write(const RecordView& batch);
  /// The application's own point of a layout, where it is not there.
  Status WriteBookkeeping(const std::string& model);

 private:
  Result<WriteOutcome> WriteShard(const RecordView& batch, const Shard& shard);
  Result<WriteOutcome> WriteByTenant(const RecordView& batch);
  Status EnsureShardKey(const std::string& key);

  const Dataset dataset_;
  const Shape shape_;
  RecordSchema written_;          ///< of the batches as they are encoded
  Pool<PointEncoder> encoders_;
  std::mutex mutex_;
  std::set<std::string> keys_;    ///< shard keys that are there
  bool keys_known_ = false;
};

}  // namespace vecferry::qdrant
