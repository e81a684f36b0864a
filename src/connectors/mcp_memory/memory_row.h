#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "connector/connector.h"
#include "connectors/mcp_memory/tables.h"
#include "record/json.h"
#include "sqlite/db.h"

namespace vecferry::mcp_memory {

/// The columns of the statement that MemoryRow reads, in this order.
enum RowColumn { kId, kHash, kContent, kTags, kType, kMetadata, kCreated, kUpdated, kCreatedIso, kUpdatedIso, kPlaced, kChunkId, kChunkSlot };
/// "m.id, m.content_hash, ..." without the last three, which say where T_rowids places the vector.
std::string RowColumns(const Tables& tables);

/// Turns one row of `memories` into id, document and metadata, or into a reject with the reason. Its buffers are kept.
///
/// metadata = {"tags": [...], "metadata": {...}, "created_at": f64, "updated_at": f64, "memory_type": text}; tags, metadata and
/// type are left out where they are empty. A time that is no number is taken from the column of ISO text.
class MemoryRow {
 public:
  /// Prepares the look-up in the tag tables, where there are any.
  Status Open(sqlite::Db& db, const Tables& tables);
  /// False: the row is odd, take reject(). The row's views live until the statement moves on.
  Result<bool> Load(const sqlite::Stmt& row);
  std::string_view id() const { return id_; }
  std::string_view document() const { return document_; }
  std::string_view metadata() const { return json_; }
  const Reject& reject() const { return reject_; }

  /// A reject of the row, loaded whole but for its vector.
  Reject RejectWhole(std::string code, std::string message) const;
  void Release() { names_.Reset(); }

 private:
  bool Refuse(const sqlite::Stmt& row, std::string code, std::string message);
  bool LoadTexts(const sqlite::Stmt& row);
  /// Adds the key and what `add` writes, or nothing where that is `empty`.
  template <typename Add>
  Status AddUnless(std::string_view empty, std::string_view key, Add add);
  Status AddTags(const sqlite::Stmt& row);
  Status AddMetadata(const sqlite::Stmt& row);
  Status AddTime(const sqlite::Stmt& row, int column, int iso_column);

  sqlite::Stmt names_;
  bool has_names_ = false;
  JsonReader reader_;
  std::string json_;
  std::string_view id_, document_, type_, tags_;
  std::vector<std::string> tag_names_;
  Reject reject_;
};

}  // namespace vecferry::mcp_memory
