#include "connectors/sqlite_vec/writable_table.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include <fmt/format.h>

#include "base/failpoint.h"
#include "base/text.h"
#include "connectors/sqlite_vec/row_writer.h"
#include "sqlite/vec0.h"

namespace vecferry::sqlite_vec {
namespace {

using sqlite::Vec0Column;
using sqlite::Vec0Element;
using sqlite::Vec0Kind;

/// Blobs need to be told apart where they are not floats.
std::string Placeholder(const Vec0Column& column) {
  if (column.kind != Vec0Kind::vector || column.element == Vec0Element::f32) return "?";
  return column.element == Vec0Element::i8 ? "vec_int8(?)" : "vec_bit(?)";
}

/// Key, vectors in their order, then the other columns: the order of every statement and of images.
std::vector<const Vec0Column*> ColumnsInOrder(const Mapping& mapping) {
  std::vector<const Vec0Column*> columns = mapping.table.Of(Vec0Kind::vector);
  for (const Vec0Column& field : mapping.fields) columns.push_back(&field);
  return columns;
}

void AppendCell(const sqlite::Stmt& stmt, int column, std::string* image) {
  const sqlite::Type type = stmt.ColumnType(column);
  image->push_back(static_cast<char>(type));
  const auto append = [image](const void* bytes, size_t size) {
    const auto length = static_cast<uint64_t>(size);
    image->append(reinterpret_cast<const char*>(&length), sizeof length);
    image->append(static_cast<const char*>(bytes), size);
  };
  const int64_t integer = stmt.Int(column);
  const double real = stmt.Double(column);
  switch (type) {
    case sqlite::Type::null: return append("", 0);
    case sqlite::Type::integer: return append(&integer, sizeof integer);
    case sqlite::Type::real: return append(&real, sizeof real);
    case sqlite::Type::text: return append(stmt.Text(column).data(), stmt.Text(column).size());
    case sqlite::Type::blob: return append(stmt.Blob(column).data(), stmt.Blob(column).size());
  }
}

/// Binds the next cell of an image, which must outlive the statement's step. False for bytes that are no image.
bool BindCell(std::string_view* image, int index, sqlite::Stmt& stmt) {
  uint64_t size;
  if (image->size() < 1 + sizeof size) return false;
  const auto type = static_cast<sqlite::Type>(image->front());
  std::memcpy(&size, image->data() + 1, sizeof size);
  image->remove_prefix(1 + sizeof size);
  if (size > image->size()) return false;
  const std::string_view bytes = image->substr(0, size);
  image->remove_prefix(size);
  int64_t integer = 0;
  double real = 0;
  const bool number = type == sqlite::Type::integer || type == sqlite::Type::real;
  if (number && size != 8) return false;
  if (number) std::memcpy(type == sqlite::Type::integer ? static_cast<void*>(&integer) : &real, bytes.data(), 8);
  switch (type) {
    case sqlite::Type::null: stmt.BindNull(index); return true;
    case sqlite::Type::integer: stmt.Bind(index, integer); return true;
    case sqlite::Type::real: stmt.Bind(index, real); return true;
    case sqlite::Type::text: stmt.BindText(index, bytes); return true;
    case sqlite::Type::blob: stmt.BindBlob(index, bytes); return true;
  }
  return false;
}

/// What the module says of values that it does not take is SQLite's general error: the statement being as it is, the row is at fault.
Status OfRow(const Status& status) {
  if (status.ok() || !IsCategory(status, Category::internal)) return status;
  ErrorFacts facts = FactsOf(status);
  facts.category = Category::bad_content;
  facts.code = "refused-by-store";
  return MakeError(std::move(facts), status.message());
}

}  // namespace

std::string KeyColumn(const sqlite::Vec0Table& table) { return table.key.empty() ? "rowid" : sqlite::QuoteName(table.key); }

namespace {

Status LoadInto(sqlite::Db& db, const std::string& extension) {
  const char* named = std::getenv("VECFERRY_SQLITE_VEC");
  return db.LoadExtension(!extension.empty() ? ExpandHome(extension).string() : named && *named ? named : "vec0");
}

}  // namespace

Result<sqlite::Db> OpenForSearch(const sqlite::Snapshot& snapshot, const std::string& extension) {
  ARROW_ASSIGN_OR_RAISE(sqlite::Db db, snapshot.Connect());
  ARROW_RETURN_NOT_OK(LoadInto(db, extension));
  return db;
}

Result<sqlite::Db> OpenForWriting(const fs::path& file, const std::string& extension, bool create) {
  ARROW_ASSIGN_OR_RAISE(sqlite::Db db, sqlite::Db::Open(file, {.mode = create ? sqlite::OpenOptions::Mode::create : sqlite::OpenOptions::Mode::read_write}));
  const Status loaded = LoadInto(db, extension);
  if (!loaded.ok()) {
    return MakeError(Category::not_found, "writing needs sqlite-vec itself: " + loaded.message(),
                     "install it (pip install sqlite-vec) and say where it is: --target-opt extension=$(python3 -c 'import sqlite_vec; print(sqlite_vec.loadable_path())')");
  }
  ARROW_RETURN_NOT_OK(db.Exec("PRAGMA synchronous=FULL"));
  ARROW_RETURN_NOT_OK(db.Exec("PRAGMA cache_size=-16384"));
  return db;
}

Result<Mapping> MappingOf(sqlite::Db& db, const std::string& table, const std::map<std::string, std::string>& options) {
  ARROW_ASSIGN_OR_RAISE(const sqlite::Vec0Table found, sqlite::FindVec0(db, table));
  ARROW_ASSIGN_OR_RAISE(const auto mark, FindMark(db, table));
  return MakeMapping(found, options, mark);
}

Result<std::unique_ptr<WritableTable>> WritableTable::Open(sqlite::Db db, Mapping mapping) {
  std::unique_ptr<WritableTable> table(new WritableTable(std::move(db), std::move(mapping)));
  ARROW_RETURN_NOT_OK(table->Prepare());
  return table;
}

Status WritableTable::Prepare() {
  const std::string name = sqlite::QuoteName(mapping_.table.name), key = KeyColumn(mapping_.table);
  std::string columns = key, values = "?";
  for (const Vec0Column* column : ColumnsInOrder(mapping_)) {
    columns += ", " + sqlite::QuoteName(column->name);
    values += ", " + Placeholder(*column);
  }
  ARROW_ASSIGN_OR_RAISE(insert_, db_.Prepare(fmt::format("INSERT INTO {}({}) VALUES({})", name, columns, values)));
  ARROW_ASSIGN_OR_RAISE(select_, db_.Prepare(fmt::format("SELECT {} FROM {} WHERE {} = ?", columns, name, key)));
  ARROW_ASSIGN_OR_RAISE(delete_, db_.Prepare(fmt::format("DELETE FROM {} WHERE {} = ?", name, key)));
  ARROW_ASSIGN_OR_RAISE(find_, db_.Prepare(fmt::format("SELECT rowid FROM {} WHERE {} = ?", sqlite::QuoteName(mapping_.table.Shadow("rowids")),
                                                       mapping_.table.text_key ? "id" : "rowid")));
  return Status::OK();
}

/// The key of a table whose keys are integers.
static Result<int64_t> IntegerKey(std::string_view id) {
  const auto number = ParseInt(id);
  if (number.ok() && std::to_string(*number) == id) return *number;
  return BadRecord("id-not-an-integer", fmt::format("the table's key is an integer, and the id is '{}'", Printable(id, 200)));
}

Status WritableTable::BindKey(sqlite::Stmt& stmt, int index, std::string_view id) const {
  if (mapping_.table.text_key) {
    stmt.BindText(index, id);
    return Status::OK();
  }
  ARROW_ASSIGN_OR_RAISE(const int64_t number, IntegerKey(id));
  stmt.Bind(index, number);
  return Status::OK();
}

Result<std::optional<int64_t>> WritableTable::RowOf(std::string_view id) {
  ARROW_RETURN_NOT_OK(BindKey(find_, 1, id));
  const auto found = find_.Step();
  const std::optional<int64_t> row = found.ok() && *found ? std::optional(find_.Int(0)) : std::nullopt;
  find_.Reset();
  ARROW_RETURN_NOT_OK(found.status());
  return row;
}

Status WritableTable::DeleteRow(std::string_view id) {
  ARROW_ASSIGN_OR_RAISE(const auto there, RowOf(id));
  if (!there) return Status::OK();
  ARROW_RETURN_NOT_OK(BindKey(delete_, 1, id));
  return delete_.Run();
}

Status CheckRow(const Mapping& mapping, const RecordView& batch, int64_t row, FieldSplit* split) {
  for (const VectorColumn& column : batch.vectors()) {
    if (column.IsNull(row)) return BadRecord("missing-vector", fmt::format("the record has no {}", Printable(column.spec.column(), 200)));
  }
  if (batch.document(row) && mapping.document < 0) return BadRecord("no-column", "the table has no column for documents");
  if (batch.tenant(row) && mapping.tenant < 0) return BadRecord("no-column", "the table has no column for tenants");
  if (!mapping.table.text_key) ARROW_RETURN_NOT_OK(IntegerKey(batch.id(row)).status());
  return split->Take(batch.metadata(row).value_or("{}"));
}

void WritableTable::BindField(int index, size_t field, const RecordView& batch, int64_t row) {
  const auto text = [&](std::optional<std::string_view> value) { value ? insert_.BindText(index, *value) : insert_.BindNull(index); };
  const int at = static_cast<int>(field);
  if (at == mapping_.document) return text(batch.document(row));
  if (at == mapping_.tenant) return text(batch.tenant(row));
  if (at == mapping_.metadata) return text(split_.rest());
  const FieldValue& value = split_.value(field);
  switch (value.kind) {
    case FieldValue::Kind::integer: insert_.Bind(index, value.integer); return;
    case FieldValue::Kind::real: insert_.Bind(index, value.real); return;
    case FieldValue::Kind::text: insert_.BindText(index, value.bytes); return;
    case FieldValue::Kind::blob: insert_.BindBlob(index, value.bytes); return;
    default: insert_.BindNull(index);
  }
}

Status WritableTable::Insert(const RecordView& batch, int64_t row, const std::vector<size_t>& vectors) {
  ARROW_RETURN_NOT_OK(DeleteRow(batch.id(row)));
  ARROW_RETURN_NOT_OK(BindKey(insert_, 1, batch.id(row)));
  int index = 2;
  for (const size_t column : vectors) insert_.BindBlob(index++, batch.vectors()[column].Dense(row));
  for (size_t i = 0; i < mapping_.fields.size(); ++i) BindField(index++, i, batch, row);
  return OfRow(insert_.Run());
}

/// Where in the batch the table's vectors are.
Result<std::vector<size_t>> WritableTable::VectorsOf(const RecordView& batch) const {
  std::vector<size_t> positions;
  for (const VectorSpec& wanted : mapping_.schema.vectors) {
    const auto& given = batch.vectors();
    const auto found = std::find_if(given.begin(), given.end(), [&](const VectorColumn& each) { return each.spec.name == wanted.name && each.width == wanted.width(); });
    if (found == given.end()) return MakeError(Category::internal, fmt::format("a batch lacks {}", wanted.column()));
    positions.push_back(static_cast<size_t>(found - given.begin()));
  }
  return positions;
}

Result<WriteOutcome> WritableTable::Write(const RecordView& batch) {
  const std::lock_guard guard(mutex_);
  WriteOutcome outcome;
  ARROW_ASSIGN_OR_RAISE(const auto vectors, VectorsOf(batch));
  ARROW_ASSIGN_OR_RAISE(auto transaction, sqlite::Transaction::Begin(db_));
  for (int64_t row = 0; row < batch.rows(); ++row) {
    const Status status = CheckRow(mapping_, batch, row, &split_);
    // A row that the module refuses may be there by half until the transaction ends: the batch is given up, and bisected.
    if (status.ok()) {
      ARROW_RETURN_NOT_OK(Insert(batch, row, vectors));
      continue;
    }
    if (!IsCategory(status, Category::bad_content)) return status;
    outcome.rejects.push_back({row, FactsOf(status).code.empty() ? "bad-metadata" : FactsOf(status).code, status.message()});
  }
  VF_FAILPOINT("sqlite-vec.commit.before");
  ARROW_RETURN_NOT_OK(transaction.Commit());
  VF_FAILPOINT("sqlite-vec.commit.after");
  return outcome;
}

Result<RecordView> WritableTable::Get(const std::vector<std::string_view>& ids) {
  const std::lock_guard guard(mutex_);
  BatchBuilder builder(mapping_.schema);
  ARROW_ASSIGN_OR_RAISE(auto transaction, sqlite::Transaction::Begin(db_, "BEGIN"));
  ARROW_ASSIGN_OR_RAISE(auto reader, sqlite::Vec0Reader::Open(db_, mapping_.table, {}));
  RowWriter rows(mapping_, reader);
  for (const std::string_view id : ids) {
    ARROW_ASSIGN_OR_RAISE(const auto rowid, RowOf(id));
    if (!rowid) continue;
    ARROW_ASSIGN_OR_RAISE(const sqlite::Vec0Place place, reader.Find(*rowid));
    sqlite::Vec0Chunk* chunk = nullptr;
    if (place.placed) {
      ARROW_ASSIGN_OR_RAISE(chunk, reader.Chunk(place.chunk));
    }
    ARROW_ASSIGN_OR_RAISE(const bool loaded, rows.Load(chunk, place.slot, *rowid, id));
    if (loaded) ARROW_RETURN_NOT_OK(rows.Append(builder).status());
  }
  reader.Release();
  return builder.Finish();
}

Result<int64_t> WritableTable::CountOf(const std::vector<std::string_view>& ids) {
  const std::lock_guard guard(mutex_);
  int64_t count = 0;
  for (const std::string_view id : ids) {
    ARROW_ASSIGN_OR_RAISE(const auto row, RowOf(id));
    count += row.has_value();
  }
  return count;
}

Result<std::vector<std::optional<std::string>>> WritableTable::Capture(const std::vector<std::string_view>& ids) {
  const std::lock_guard guard(mutex_);
  std::vector<std::optional<std::string>> images(ids.size());
  const int columns = 1 + static_cast<int>(ColumnsInOrder(mapping_).size());
  for (size_t i = 0; i < ids.size(); ++i) {
    const auto there = RowOf(ids[i]);
    if (!there.ok() && IsCategory(there.status(), Category::bad_content)) continue;  // an id that no row can have
    ARROW_RETURN_NOT_OK(there.status());
    if (!*there) continue;
    ARROW_RETURN_NOT_OK(BindKey(select_, 1, ids[i]));
    const auto found = select_.Step();
    if (found.ok() && *found) {
      images[i].emplace();
      for (int column = 0; column < columns; ++column) AppendCell(select_, column, &*images[i]);
    }
    select_.Reset();
    ARROW_RETURN_NOT_OK(found.status());
  }
  return images;
}

Status WritableTable::Restore(const std::vector<std::string_view>& ids, const std::vector<std::string_view>& images) {
  const std::lock_guard guard(mutex_);
  ARROW_ASSIGN_OR_RAISE(auto transaction, sqlite::Transaction::Begin(db_));
  const int columns = 1 + static_cast<int>(ColumnsInOrder(mapping_).size());
  for (size_t i = 0; i < ids.size(); ++i) {
    ARROW_RETURN_NOT_OK(DeleteRow(ids[i]));
    std::string_view image = images[i];
    for (int column = 1; column <= columns; ++column) {
      if (!BindCell(&image, column, insert_)) return MakeError(Category::corrupt, "a before-image is no row of this table");
    }
    ARROW_RETURN_NOT_OK(insert_.Run());
  }
  return transaction.Commit();
}

Status WritableTable::Delete(const std::vector<std::string_view>& ids) {
  const std::lock_guard guard(mutex_);
  ARROW_ASSIGN_OR_RAISE(auto transaction, sqlite::Transaction::Begin(db_));
  for (const std::string_view id : ids) {
    const Status status = DeleteRow(id);
    if (!status.ok() && !IsCategory(status, Category::bad_content)) return status;
  }
  return transaction.Commit();
}

}  // namespace vecferry::sqlite_vec
