#pragma once
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "connector/connector.h"
#include "connectors/sqlite_vec/field_split.h"
#include "connectors/sqlite_vec/mapping.h"
#include "sqlite/snapshot.h"

namespace vecferry::sqlite_vec {

/// A connection for writing, with sqlite-vec's extension loaded. `extension` is the option of that name, "" to look for it.
/// Category::not_found where the extension cannot be loaded, with how to get it.
Result<sqlite::Db> OpenForWriting(const fs::path& file, const std::string& extension, bool create);
/// The same for searching, in the state that a snapshot reads.
Result<sqlite::Db> OpenForSearch(const sqlite::Snapshot& snapshot, const std::string& extension);
/// The column that a row is known by, quoted.
std::string KeyColumn(const sqlite::Vec0Table& table);
/// The mapping of a table as it is now.
Result<Mapping> MappingOf(sqlite::Db& db, const std::string& table, const std::map<std::string, std::string>& options);

/// One vec0 table open for writing, through the vendor's extension. Thread-safe.
class WritableTable {
 public:
  static Result<std::unique_ptr<WritableTable>> Open(sqlite::Db db, Mapping mapping);

  /// One transaction, durable when it returns: a row whose key is there already is taken out and put in anew.
  Result<WriteOutcome> Write(const RecordView& batch);
  Result<RecordView> Get(const std::vector<std::string_view>& ids);
  Result<int64_t> CountOf(const std::vector<std::string_view>& ids);
  /// Every column of each row, opaque.
  Result<std::vector<std::optional<std::string>>> Capture(const std::vector<std::string_view>& ids);
  Status Restore(const std::vector<std::string_view>& ids, const std::vector<std::string_view>& images);
  Status Delete(const std::vector<std::string_view>& ids);

  const Mapping& mapping() const { return mapping_; }
  sqlite::Db& db() { return db_; }

 private:
  WritableTable(sqlite::Db db, Mapping mapping) : db_(std::move(db)), mapping_(std::move(mapping)), split_(mapping_) {}
  Status Prepare();
  Result<std::vector<size_t>> VectorsOf(const RecordView& batch) const;
  Status Insert(const RecordView& batch, int64_t row, const std::vector<size_t>& vectors);
  Status BindKey(sqlite::Stmt& stmt, int index, std::string_view id) const;
  void BindField(int index, size_t field, const RecordView& batch, int64_t row);
  Result<std::optional<int64_t>> RowOf(std::string_view id);
  Status DeleteRow(std::string_view id);

  sqlite::Db db_;
  const Mapping mapping_;
  FieldSplit split_;
  std::mutex mutex_;
  sqlite::Stmt insert_, find_, delete_, select_;
};

/// Whether a table of that mapping can hold a record; leaves its metadata, taken apart, in `split`. Category::bad_content with the reject's code.
Status CheckRow(const Mapping& mapping, const RecordView& batch, int64_t row, FieldSplit* split);

}  // namespace vecferry::sqlite_vec
