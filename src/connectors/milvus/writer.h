#pragma once
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "base/pool.h"
#include "connectors/milvus/dataset.h"

namespace vecferry::milvus {

/// Upserts batches into a collection. Thread-safe.
class CollectionWriter {
 public:
  /// `merges`: the server's upsert leaves what a row had in the dynamic field, so that the row is deleted before.
  CollectionWriter(Dataset dataset, Shape shape, bool merges) : dataset_(std::move(dataset)), shape_(std::move(shape)), merges_(merges) {}
  Result<WriteOutcome> Write(const RecordView& batch);

 private:
  Result<WriteOutcome> WritePart(const RecordView& batch, const std::string& partition);
  /// Each tenant's records go into the partition of its name, which is made where it is not there.
  Result<WriteOutcome> WriteByPartition(const RecordView& batch);
  Status Delete(const std::vector<Key>& keys, const std::string& partition) const;
  Status EnsurePartition(const std::string& name);

  const Dataset dataset_;
  const Shape shape_;
  const bool merges_;
  Pool<RowEncoder> encoders_;
  std::mutex mutex_;
  std::set<std::string> partitions_;
  bool partitions_known_ = false;
};

}  // namespace vecferry::milvus
