#pragma once
#include <mutex>

#include "connectors/qdrant_local/dataset.h"

namespace vecferry::qdrant_local {

/// One collection open for writing. Thread-safe; batches are encoded side by side and inserted one after the other.
class WritableCollection {
 public:
  /// `schema` is that of the records as they are read back; ids are mapped by its id kind. The layout outlives this.
  static Result<std::unique_ptr<WritableCollection>> Open(Dataset dataset, RecordSchema schema, bool unnamed, const Layout& layout);

  /// Upserts a batch in one transaction: durable when it returns. Rows of the same points under other keys go.
  Result<WriteOutcome> Write(const RecordView& batch);
  Result<RecordView> Get(const std::vector<std::string_view>& tenants, const std::vector<std::string_view>& ids);
  /// How many of the points there are, by their keys alone.
  Result<int64_t> CountOf(const std::vector<std::string_view>& tenants, const std::vector<std::string_view>& ids);
  /// The rows of each point: rowids, keys and blobs, as one opaque text.
  Result<std::vector<std::optional<std::string>>> Capture(const std::vector<std::string_view>& tenants,
                                                          const std::vector<std::string_view>& ids);
  Status Restore(const std::vector<std::string_view>& tenants, const std::vector<std::string_view>& ids,
                 const std::vector<std::string_view>& images);
  Status Delete(const std::vector<std::string_view>& tenants, const std::vector<std::string_view>& ids);
  /// Writes the application's own point where there is none of that id. OK where another point has the id.
  Status WriteBookkeeping(const std::string& point_id, std::string_view blob);
  const Dataset& dataset() const { return dataset_; }

 private:
  struct Row {
    int64_t rowid;
    std::string key, blob;
  };
  WritableCollection(Dataset dataset, RecordSchema schema, bool unnamed, const Layout& layout)
      : dataset_(std::move(dataset)), schema_(std::move(schema)), unnamed_(unnamed), layout_(layout) {}
  Status Prepare();
  Result<PointId> IdOf(const std::vector<std::string_view>& tenants, const std::vector<std::string_view>& ids, size_t i);
  /// All rows of a point, by rowid.
  Result<std::vector<Row>> RowsOf(const PointId& id);
  Status RemoveRows(const PointId& id);
  Status RestoreRow(const Row& row);
  Status InsertAll(const EncodedBatch& batch);

  Dataset dataset_;
  RecordSchema schema_;
  bool unnamed_;
  const Layout& layout_;
  std::mutex mutex_;
  sqlite::Db db_;
  KeyIndex keys_;
  sqlite::Stmt upsert_, insert_at_, select_key_, select_row_, has_key_, delete_key_, delete_row_;
};

}  // namespace vecferry::qdrant_local
