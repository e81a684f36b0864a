#include "sqlite/db.h"

#include <utility>

#include <fmt/format.h>
#include <sqlite3.h>

#include "base/text.h"

namespace vecferry::sqlite {
namespace {

std::string Percent(std::string_view path) {
  std::string out;
  for (const char c : path) {
    if (c == '?' || c == '#' || c == '%') out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    else out += c;
  }
  return out;
}

std::string NextStep(Category category) {
  switch (category) {
    case Category::locked: return "stop the program that holds the database, or wait for it, and run the same command again";
    case Category::no_space: return "free some space and run the same command again: it resumes";
    case Category::corrupt: return "check the file with `sqlite3 FILE 'pragma integrity_check'` or restore it from a backup";
    case Category::permission: return "give this user the right to read it";
    default: return {};
  }
}

}  // namespace

Category CategoryOfCode(int extended_code) {
  switch (extended_code) {
    case SQLITE_READONLY_DIRECTORY:
    case SQLITE_READONLY_CANTINIT:
    case SQLITE_CANTOPEN_ISDIR: return Category::permission;
    case SQLITE_IOERR_NOMEM: return Category::internal;
    default: break;
  }
  switch (extended_code & 0xFF) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED: return Category::locked;
    case SQLITE_FULL: return Category::no_space;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_FORMAT: return Category::corrupt;
    case SQLITE_CANTOPEN: return Category::not_found;
    case SQLITE_PERM:
    case SQLITE_AUTH:
    case SQLITE_READONLY: return Category::permission;
    case SQLITE_TOOBIG: return Category::too_large;
    case SQLITE_CONSTRAINT:
    case SQLITE_MISMATCH: return Category::bad_content;
    case SQLITE_INTERRUPT: return Category::cancelled;
    default: return Category::internal;
  }
}

Status ErrorOf(sqlite3* db, std::string_view what) {
  const int code = db ? sqlite3_extended_errcode(db) : SQLITE_NOMEM;
  const Category category = CategoryOfCode(code);
  const char* name = db ? sqlite3_db_filename(db, "main") : nullptr;
  ErrorFacts facts;
  facts.category = category;
  facts.next_step = NextStep(category);
  if (category == Category::locked) facts.retry = Retry::after_delay;
  return MakeError(std::move(facts), fmt::format("{}{}{}: {}", what, name && *name ? " in " : "", name ? name : "",
                                                 db ? sqlite3_errmsg(db) : "out of memory"));
}

Stmt::Stmt(Stmt&& other) noexcept
    : stmt_(std::exchange(other.stmt_, nullptr)), bind_error_(other.bind_error_) {}
Stmt& Stmt::operator=(Stmt&& other) noexcept {
  std::swap(stmt_, other.stmt_);
  std::swap(bind_error_, other.bind_error_);
  return *this;
}
Stmt::~Stmt() { sqlite3_finalize(stmt_); }

Stmt& Stmt::Bind(int index, int64_t value) {
  bind_error_ |= sqlite3_bind_int64(stmt_, index, value);
  return *this;
}
Stmt& Stmt::Bind(int index, double value) {
  bind_error_ |= sqlite3_bind_double(stmt_, index, value);
  return *this;
}
Stmt& Stmt::BindText(int index, std::string_view text) {
  bind_error_ |= sqlite3_bind_text64(stmt_, index, text.data() ? text.data() : "", text.size(), SQLITE_STATIC, SQLITE_UTF8);
  return *this;
}
Stmt& Stmt::BindBlob(int index, std::string_view bytes) {
  bind_error_ |= sqlite3_bind_blob64(stmt_, index, bytes.data() ? bytes.data() : "", bytes.size(), SQLITE_STATIC);
  return *this;
}
Stmt& Stmt::BindNull(int index) {
  bind_error_ |= sqlite3_bind_null(stmt_, index);
  return *this;
}

Result<bool> Stmt::Step() {
  if (bind_error_ != 0) return ErrorOf(sqlite3_db_handle(stmt_), "cannot bind a value");
  const int code = sqlite3_step(stmt_);
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  return ErrorOf(sqlite3_db_handle(stmt_), "a statement failed");
}

Status Stmt::Run() {
  const auto result = Step();
  Reset();
  return result.status();
}

void Stmt::Reset() {
  if (!stmt_) return;
  sqlite3_reset(stmt_);
  sqlite3_clear_bindings(stmt_);
  bind_error_ = 0;
}

Type Stmt::ColumnType(int column) const {
  switch (sqlite3_column_type(stmt_, column)) {
    case SQLITE_INTEGER: return Type::integer;
    case SQLITE_FLOAT: return Type::real;
    case SQLITE_TEXT: return Type::text;
    case SQLITE_BLOB: return Type::blob;
    default: return Type::null;
  }
}
int64_t Stmt::Int(int column) const { return sqlite3_column_int64(stmt_, column); }
double Stmt::Double(int column) const { return sqlite3_column_double(stmt_, column); }
std::string_view Stmt::Text(int column) const {
  const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(stmt_, column));
  return text ? std::string_view(text, static_cast<size_t>(sqlite3_column_bytes(stmt_, column))) : std::string_view();
}
std::string_view Stmt::Blob(int column) const {
  const auto* bytes = static_cast<const char*>(sqlite3_column_blob(stmt_, column));
  return bytes ? std::string_view(bytes, static_cast<size_t>(sqlite3_column_bytes(stmt_, column))) : std::string_view();
}
Stmt::Cell Stmt::At(int column) const {
  // SQLite calls such a value unprotected: it is for one thread, as this class is.
  sqlite3_value* const value = sqlite3_column_value(stmt_, column);
  switch (sqlite3_value_type(value)) {
    case SQLITE_INTEGER: return {Type::integer, sqlite3_value_double(value), {}};
    case SQLITE_FLOAT: return {Type::real, sqlite3_value_double(value), {}};
    case SQLITE_TEXT: {
      const auto* text = reinterpret_cast<const char*>(sqlite3_value_text(value));
      return {Type::text, 0, text ? std::string_view(text, static_cast<size_t>(sqlite3_value_bytes(value))) : std::string_view()};
    }
    case SQLITE_BLOB: {
      const auto* bytes = static_cast<const char*>(sqlite3_value_blob(value));
      return {Type::blob, 0, bytes ? std::string_view(bytes, static_cast<size_t>(sqlite3_value_bytes(value))) : std::string_view()};
    }
    default: return {};
  }
}

BlobReader::BlobReader(BlobReader&& other) noexcept
    : db_(other.db_), blob_(std::exchange(other.blob_, nullptr)), size_(other.size_) {}
BlobReader& BlobReader::operator=(BlobReader&& other) noexcept {
  std::swap(db_, other.db_);
  std::swap(blob_, other.blob_);
  std::swap(size_, other.size_);
  return *this;
}
BlobReader::~BlobReader() { sqlite3_blob_close(blob_); }

Status BlobReader::Read(int64_t offset, int64_t bytes, void* out) {
  if (offset < 0 || bytes < 0 || offset + bytes > size_) {
    return MakeError(Category::corrupt, fmt::format("a blob of {} bytes is shorter than the {} needed", size_, offset + bytes));
  }
  if (sqlite3_blob_read(blob_, out, static_cast<int>(bytes), static_cast<int>(offset)) != SQLITE_OK) {
    return ErrorOf(db_, "cannot read a blob");
  }
  return Status::OK();
}

Status BlobReader::Reopen(int64_t rowid) {
  if (sqlite3_blob_reopen(blob_, rowid) != SQLITE_OK) return ErrorOf(db_, "cannot open a blob");
  size_ = sqlite3_blob_bytes(blob_);
  return Status::OK();
}

Result<Db> Db::Open(const std::filesystem::path& file, OpenOptions options) {
  Db db;
  int flags = SQLITE_OPEN_URI | SQLITE_OPEN_NOMUTEX;
  std::string uri = "file:" + Percent(file.string());
  switch (options.mode) {
    case OpenOptions::Mode::read_only: flags |= SQLITE_OPEN_READONLY; break;
    case OpenOptions::Mode::immutable: flags |= SQLITE_OPEN_READONLY, uri += "?immutable=1"; break;
    case OpenOptions::Mode::read_write: flags |= SQLITE_OPEN_READWRITE; break;
    case OpenOptions::Mode::create: flags |= SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE; break;
  }
  if (sqlite3_open_v2(uri.c_str(), &db.db_, flags, nullptr) != SQLITE_OK) {
    return ErrorOf(db.db_, fmt::format("cannot open {}", file.string()));
  }
  sqlite3_extended_result_codes(db.db_, 1);
  sqlite3_busy_timeout(db.db_, options.busy_timeout_ms);
  sqlite3_db_config(db.db_, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
  sqlite3_db_config(db.db_, SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0, nullptr);
  sqlite3_db_config(db.db_, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  ARROW_RETURN_NOT_OK(db.Exec("PRAGMA cell_size_check=ON"));
  return db;
}

Db::Db(Db&& other) noexcept : db_(std::exchange(other.db_, nullptr)) {}
Db& Db::operator=(Db&& other) noexcept {
  std::swap(db_, other.db_);
  return *this;
}
Db::~Db() { sqlite3_close_v2(db_); }

Status Db::Exec(const std::string& sql) {
  return sqlite3_exec(db_, sql.c_str(), nullptr, nullptr, nullptr) == SQLITE_OK ? Status::OK()
                                                                                 : ErrorOf(db_, "a statement failed");
}

Result<Stmt> Db::Prepare(std::string_view sql) {
  Stmt stmt;
  if (sqlite3_prepare_v2(db_, sql.data(), static_cast<int>(sql.size()), &stmt.stmt_, nullptr) != SQLITE_OK) {
    return ErrorOf(db_, "cannot prepare a statement");
  }
  return stmt;
}

Result<int64_t> Db::QueryInt(std::string_view sql, int64_t otherwise) {
  ARROW_ASSIGN_OR_RAISE(Stmt stmt, Prepare(sql));
  ARROW_ASSIGN_OR_RAISE(const bool row, stmt.Step());
  return row && !stmt.IsNull(0) ? stmt.Int(0) : otherwise;
}

Result<std::string> Db::QueryText(std::string_view sql, std::string otherwise) {
  ARROW_ASSIGN_OR_RAISE(Stmt stmt, Prepare(sql));
  ARROW_ASSIGN_OR_RAISE(const bool row, stmt.Step());
  return row && !stmt.IsNull(0) ? std::string(stmt.Text(0)) : otherwise;
}

Result<BlobReader> Db::OpenBlob(const std::string& table, const std::string& column, int64_t rowid) {
  BlobReader reader;
  reader.db_ = db_;
  if (sqlite3_blob_open(db_, "main", table.c_str(), column.c_str(), rowid, 0, &reader.blob_) != SQLITE_OK) {
    return ErrorOf(db_, fmt::format("cannot open a blob of {}", table));
  }
  reader.size_ = sqlite3_blob_bytes(reader.blob_);
  return reader;
}

Result<bool> Db::HasTable(std::string_view name) {
  ARROW_ASSIGN_OR_RAISE(Stmt stmt, Prepare("SELECT 1 FROM sqlite_master WHERE type='table' AND name=?"));
  return stmt.BindText(1, name).Step();
}

Status Db::LoadExtension(const std::string& library) {
  sqlite3_db_config(db_, SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 1, nullptr);
  char* text = nullptr;
  const int code = sqlite3_load_extension(db_, library.c_str(), nullptr, &text);
  sqlite3_db_config(db_, SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0, nullptr);
  const std::string why = text ? text : "";
  sqlite3_free(text);
  if (code == SQLITE_OK) return Status::OK();
  return MakeError(Category::not_found, fmt::format("the SQLite extension {} cannot be loaded: {}", Printable(library, 500), Printable(why, 500)));
}

Result<Transaction> Transaction::Begin(Db& db, const char* how) {
  ARROW_RETURN_NOT_OK(db.Exec(how));
  return Transaction(&db);
}
Transaction::Transaction(Transaction&& other) noexcept : db_(std::exchange(other.db_, nullptr)) {}
Transaction::~Transaction() {
  if (db_) (void)db_->Exec("ROLLBACK");
}
Status Transaction::Commit() {
  ARROW_RETURN_NOT_OK(db_->Exec("COMMIT"));
  db_ = nullptr;
  return Status::OK();
}

std::string QuoteName(std::string_view name) {
  std::string quoted = "\"";
  for (const char c : name) quoted.append(c == '"' ? 2 : 1, c);
  return quoted + '"';
}

std::string QuoteText(std::string_view text) {
  std::string quoted = "'";
  for (const char c : text) quoted.append(c == '\'' ? 2 : 1, c);
  return quoted + '\'';
}

}  // namespace vecferry::sqlite
