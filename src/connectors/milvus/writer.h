#pragma once
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "connectors/milvus/dataset.h"

namespace vecferry::milvus {

/// Upserts batches into a collection. Thread-safe.
class CollectionWriter {
 public:
  CollectionWriter(Dataset dataset, Shape shape) : dataset_(std::move(dataset)), shape_(std::move(shape)) {}
  Result<WriteOutcome> Write(const RecordView& batch);

 private:
  struct Lease;
  Result<WriteOutcome> WritePart(const RecordView& batch, const std::string& partition);
  /// Each tenant's records go into the partition of its name, which is made where it is not there.
  Result<WriteOutcome> WriteByPartition(const RecordView& batch);
  Status EnsurePartition(const std::string& name);

  const Dataset dataset_;
  const Shape shape_;
  std::mutex mutex_;
  std::vector<RowEncoder> idle_;
  std::set<std::string> partitions_;
  bool partitions_known_ = false;
};

}  // namespace vecferry::milvus
