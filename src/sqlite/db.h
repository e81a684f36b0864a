#pragma once
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

#include "base/error.h"

struct sqlite3;
struct sqlite3_stmt;
struct sqlite3_blob;

namespace vecferry::sqlite {

/// The one place that turns SQLite's result codes into facts (see error_test.cc).
Category CategoryOfCode(int extended_code);
/// The connection's last failure, classified by its extended code.
Status ErrorOf(sqlite3* db, std::string_view what);

enum class Type { null, integer, real, text, blob };

/// A prepared statement. Not for use by two threads at once. Views that columns return live until
/// the next Step or Reset.
class Stmt {
 public:
  Stmt() = default;
  Stmt(Stmt&&) noexcept;
  Stmt& operator=(Stmt&&) noexcept;
  ~Stmt();

  /// Parameters count from 1. Text and blobs are not copied: they must outlive the Step.
  Stmt& Bind(int index, int64_t value);
  Stmt& Bind(int index, double value);
  Stmt& BindText(int index, std::string_view text);
  Stmt& BindBlob(int index, std::string_view bytes);
  Stmt& BindNull(int index);

  /// True while there is a row. A failed Bind shows here.
  Result<bool> Step();
  /// Runs a statement that yields no row, and resets it.
  Status Run();
  void Reset();

  /// Columns count from 0.
  Type ColumnType(int column) const;
  int64_t Int(int column) const;
  double Double(int column) const;
  std::string_view Text(int column) const;
  std::string_view Blob(int column) const;
  bool IsNull(int column) const { return ColumnType(column) == Type::null; }
  /// A column as it is stored, in one look where Type, Text and Double are three.
  struct Cell {
    Type type = Type::null;
    double real = 0;         ///< of a number
    std::string_view bytes;  ///< of a text or blob
  };
  Cell At(int column) const;

 private:
  friend class Db;
  sqlite3_stmt* stmt_ = nullptr;
  int bind_error_ = 0;
};

/// An open blob of one row, for reading parts of it without loading it whole.
class BlobReader {
 public:
  BlobReader() = default;
  BlobReader(BlobReader&&) noexcept;
  BlobReader& operator=(BlobReader&&) noexcept;
  ~BlobReader();
  int64_t size() const { return size_; }
  Status Read(int64_t offset, int64_t bytes, void* out);
  /// Moves to another row of the same table and column; cheaper than a new reader.
  Status Reopen(int64_t rowid);

 private:
  friend class Db;
  sqlite3* db_ = nullptr;
  sqlite3_blob* blob_ = nullptr;
  int64_t size_ = 0;
};

struct OpenOptions {
  enum class Mode {
    read_only,   ///< needs the -wal's -shm to exist or be creatable, where there is a -wal
    immutable,   ///< reads the main file alone, without locks: only where no -wal exists
    read_write,  ///< the file must exist
    create,      ///< created when missing
  };
  Mode mode = Mode::read_only;
  int busy_timeout_ms = 5000;
};

/// One connection. Not for use by two threads at once. Every connection is opened defensively:
/// trusted_schema off, no extension loading from SQL, cell-size checks on.
class Db {
 public:
  Db() = default;
  static Result<Db> Open(const std::filesystem::path& file, OpenOptions options = {});
  Db(Db&&) noexcept;
  Db& operator=(Db&&) noexcept;
  ~Db();

  explicit operator bool() const { return db_ != nullptr; }
  Status Exec(const std::string& sql);
  Result<Stmt> Prepare(std::string_view sql);
  /// First column of the first row; `otherwise` when there is no row or it is NULL.
  Result<int64_t> QueryInt(std::string_view sql, int64_t otherwise = 0);
  Result<std::string> QueryText(std::string_view sql, std::string otherwise = {});
  Result<BlobReader> OpenBlob(const std::string& table, const std::string& column, int64_t rowid);
  Result<bool> HasTable(std::string_view name);
  /// Loads one extension that the user, never a database, has named: a path, or a name that the system's loader finds.
  /// Category::not_found with the loader's own words where that fails.
  Status LoadExtension(const std::string& library);
  sqlite3* handle() const { return db_; }

 private:
  sqlite3* db_ = nullptr;
};

/// BEGIN IMMEDIATE ... COMMIT; rolls back when it goes out of scope uncommitted.
class Transaction {
 public:
  static Result<Transaction> Begin(Db& db, const char* how = "BEGIN IMMEDIATE");
  Transaction(Transaction&& other) noexcept;
  Transaction& operator=(Transaction&&) = delete;
  ~Transaction();
  Status Commit();

 private:
  explicit Transaction(Db* db) : db_(db) {}
  Db* db_;
};

/// "name" with quotes doubled.
std::string QuoteName(std::string_view name);
/// 'text' with quotes doubled.
std::string QuoteText(std::string_view text);

}  // namespace vecferry::sqlite
