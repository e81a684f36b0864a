#pragma once
#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "record/batch.h"

namespace vecferry::memory {

/// (tenant, id); no tenant and the empty one are the same.
using Key = std::pair<std::string, std::string>;
Key KeyOf(std::optional<std::string_view> tenant, std::string_view id);

/// One record: a row of a batch that is kept alive.
struct Entry {
  RecordView view;
  int64_t row = 0;
  bool live = true;
};

/// The records of one dataset in the order in which they were first written. A position is never used again, so
/// a range of positions stays the same split. Every member is guarded by `mutex`.
struct Dataset {
  std::mutex mutex;
  RecordSchema schema;
  std::vector<Entry> entries;
  std::map<Key, size_t> index;

  int64_t CountLocked() const { return static_cast<int64_t>(index.size()); }
  const Entry* FindLocked(const Key& key) const;
  void PutLocked(const RecordView& view, int64_t row, bool append);
  void EraseLocked(const Key& key);
  /// Cuts the entries beyond a position.
  void TruncateLocked(size_t entries_kept);
};

/// The process's datasets by store and name. Thread-safe; a dataset lives on while somebody uses it.
std::shared_ptr<Dataset> Find(const std::string& store, const std::string& name);
/// Replaces what was there.
void Put(const std::string& store, const std::string& name, std::shared_ptr<Dataset> dataset);
void Drop(const std::string& store, const std::string& name);
std::vector<std::string> Names(const std::string& store);

/// The batch with dense f32 and f16 vectors of metric cosine, and the rows of such multi-vectors, at length 1.
Result<RecordView> NormalisedRows(const RecordView& batch, bool single);
/// Adds one row of a view to a builder of the same schema.
void AppendRow(const RecordView& view, int64_t row, BatchBuilder& builder);
/// The same with the bytes of dense and multi-vectors as `change` makes them.
using ChangeVector = std::function<std::string(const VectorSpec& spec, std::string_view bytes)>;
void AppendRow(const RecordView& view, int64_t row, BatchBuilder& builder, const ChangeVector& change);

}  // namespace vecferry::memory
