#include "connectors/mcp_memory/vectors.h"

#include <cstring>
#include <utility>

#include <fmt/format.h>

namespace vecferry::mcp_memory {

Status VectorFinder::Open(sqlite::Db& db, const Tables& tables) {
  width_ = int64_t{4} * tables.dims;
  column_ = tables.vector_column;
  if (tables.embeddings) {
    indexed_ = tables.embeddings->Of(sqlite::Vec0Kind::vector)[column_]->indexed != sqlite::Vec0Index::none;
    ARROW_ASSIGN_OR_RAISE(sqlite::Vec0Reader reader, sqlite::Vec0Reader::Open(db, *tables.embeddings, {.scalars = false}));
    reader_.emplace(std::move(reader));
  }
  return tables.backup ? LoadBackup(db) : Status::OK();
}

Status VectorFinder::LoadBackup(sqlite::Db& db) {
  ARROW_ASSIGN_OR_RAISE(sqlite::Stmt rows, db.Prepare("SELECT rowid, _rowid_ FROM memory_embeddings_migration_backup"));
  while (true) {
    ARROW_ASSIGN_OR_RAISE(const bool row, rows.Step());
    if (!row) break;
    backup_rows_.emplace(rows.Int(0), rows.Int(1));
  }
  return db.Prepare("SELECT content_embedding FROM memory_embeddings_migration_backup WHERE _rowid_=?").Value(&backup_);
}

Result<bool> VectorFinder::Read(int64_t rowid, bool placed, int64_t chunk_id, int64_t slot, uint8_t* out) {
  if (!placed) return ReadBackup(rowid, out);
  sqlite::Vec0Chunk* chunk = nullptr;
  if (!indexed_) {
    ARROW_ASSIGN_OR_RAISE(chunk, reader_->Chunk(chunk_id));
    ARROW_RETURN_NOT_OK(reader_->CheckPlace(*chunk, slot, rowid));
  }
  ARROW_RETURN_NOT_OK(reader_->ReadVector(column_, chunk, slot, rowid, out));
  return true;
}

Result<bool> VectorFinder::ReadBackup(int64_t rowid, uint8_t* out) {
  const auto found = backup_rows_.find(rowid);
  if (found == backup_rows_.end()) return false;
  backup_.Reset();
  ARROW_ASSIGN_OR_RAISE(const bool row, backup_.Bind(1, found->second).Step());
  const std::string_view bytes = row ? backup_.Blob(0) : std::string_view();
  const bool fits = static_cast<int64_t>(bytes.size()) == width_;
  if (fits) std::memcpy(out, bytes.data(), bytes.size());
  const size_t size = bytes.size();
  backup_.Reset();
  if (fits) return true;
  return MakeError(Category::corrupt, fmt::format("the vector kept in the migration backup has {} bytes instead of {}", size, width_));
}

void VectorFinder::Release() {
  if (reader_) reader_->Release();
  backup_.Reset();
}

}  // namespace vecferry::mcp_memory
