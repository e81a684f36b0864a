#pragma once
#include <cstdint>
#include <optional>
#include <unordered_map>

#include "connectors/mcp_memory/tables.h"
#include "sqlite/vec0.h"

namespace vecferry::mcp_memory {

/// The vector of a memory: from the vec0 table, or where that has none from the backup of a migration that was cut short.
class VectorFinder {
 public:
  Status Open(sqlite::Db& db, const Tables& tables);
  /// False where there is none. Category::corrupt where there is one that cannot be trusted.
  Result<bool> Read(int64_t rowid, bool placed, int64_t chunk, int64_t slot, uint8_t* out);
  void Release();

 private:
  Status LoadBackup(sqlite::Db& db);
  Result<bool> ReadBackup(int64_t rowid, uint8_t* out);

  std::optional<sqlite::Vec0Reader> reader_;
  size_t column_ = 0;
  bool indexed_ = false;
  int64_t width_ = 0;
  sqlite::Stmt backup_;
  std::unordered_map<int64_t, int64_t> backup_rows_;  ///< memories.id -> address in the backup, which has no index
};

}  // namespace vecferry::mcp_memory
