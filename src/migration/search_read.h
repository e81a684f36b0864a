#pragma once
#include <functional>
#include <memory>
#include <string>

#include "migration/engine.h"

namespace vecferry {

/// What one thread makes of the batches that it reads.
class BatchWorker {
 public:
  virtual ~BatchWorker() = default;
  virtual Status Take(const RecordView& view) = 0;
  /// Adds what was gathered to what all share; called once at the end, never two at once.
  virtual void Merge() = 0;
};

/// Reads a whole dataset, split by split on several threads, with progress under `phase`, none under "". Returns how many records there were.
/// `splits` are the dataset's, where they are known already.
Result<int64_t> ReadBatches(const Engine& engine, Source& source, const std::string& phase, int64_t total, int jobs,
                            const std::function<std::unique_ptr<BatchWorker>()>& worker, const std::vector<Split>* splits = nullptr);

}  // namespace vecferry
