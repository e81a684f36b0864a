#include "sqlite/vec0.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <unordered_map>
#include <utility>

#include <fmt/format.h>

#include "base/text.h"

namespace vecferry::sqlite {
namespace {

static_assert(std::endian::native == std::endian::little, "vec0 blobs are little-endian");

constexpr int64_t kInlineText = 12;
constexpr int64_t kMaxText = int64_t{1} << 30;
constexpr int64_t kWindowBytes = 48 << 10;  ///< small enough to stay in the cache between two rows

Status Damage(std::string message) { return MakeError(Category::corrupt, std::move(message)); }

/// What SQLite says of a damaged page or of an impossible length is damage of that row; locks and I/O are not.
bool IsDamage(const Status& status) {
  const Category category = FactsOf(status).category;
  return category == Category::corrupt || category == Category::too_large;
}

std::string Reason(const Status& status) { return status.message(); }

template <typename T>
T Load(const std::string& bytes, size_t at) {
  T value;
  std::memcpy(&value, bytes.data() + at, sizeof value);
  return value;
}

}  // namespace

int64_t Vec0Chunk::RowId(int64_t slot) const { return Load<int64_t>(rowids, static_cast<size_t>(slot) * 8); }

int64_t Vec0Chunk::LiveCount() const {
  int64_t count = 0;
  for (const char c : validity) count += std::popcount(static_cast<uint8_t>(c));
  return count;
}

struct Vec0Reader::Impl {
  Db* db = nullptr;
  Vec0Table table;
  std::vector<const Vec0Column*> vectors, metadata, partitions, auxiliaries;
  Stmt find, chunk, next, auxiliary;
  bool has_chunks = false, has_auxiliary = false;
  std::vector<Stmt> vector_place;    ///< chunk -> _rowid_ of T_vector_chunksNN; unset for indexed columns
  std::vector<Stmt> vector_row;      ///< rowid -> vector of indexed columns
  std::vector<Stmt> metadata_chunk, metadata_text;
  int64_t auxiliary_row = 0;
  bool auxiliary_loaded = false;     ///< the statement stands on auxiliary_row
  std::unordered_map<int64_t, std::unique_ptr<Vec0Chunk>> open;
  size_t open_chunks = 0;
  Vec0Chunk* last = nullptr;         ///< the chunk of the last call, which is most often that of the next
  uint64_t clock = 0;

  Status Prepare(bool scalars);
  Status PrepareVectors();
  Status PrepareScalars();
  Status Load(Vec0Chunk& chunk);
  Status LoadMetadata(Vec0Chunk& chunk);
  void LoadPartitions(Vec0Chunk& chunk);
  Status OpenVector(Vec0Chunk& chunk, size_t column);
  bool ReadAhead(Vec0Chunk& chunk, size_t column, int64_t slot);
  Status ReadIndexed(size_t column, int64_t rowid, uint8_t* out);
  Result<Vec0Value> ReadMetadata(const Vec0Column& column, const Vec0Chunk& chunk, int64_t slot, int64_t rowid);
  Result<Vec0Value> ReadText(const Vec0Column& column, const std::string& blob, int64_t slot, int64_t rowid);
  Result<Vec0Value> ReadAuxiliary(const Vec0Column& column, int64_t rowid);
};

namespace {

Result<Stmt> PrepareOn(Db& db, std::string_view select, const std::string& table, std::string_view where) {
  return db.Prepare(fmt::format("SELECT {} FROM {} WHERE {}", select, QuoteName(table), where));
}

Vec0Value ValueOf(const Stmt& stmt, int column) {
  Vec0Value value;
  value.type = stmt.ColumnType(column);
  if (value.type == Type::integer) value.integer = stmt.Int(column);
  if (value.type == Type::real) value.real = stmt.Double(column);
  if (value.type == Type::text) value.bytes = stmt.Text(column);
  if (value.type == Type::blob) value.bytes = stmt.Blob(column);
  return value;
}

}  // namespace

Status Vec0Reader::Impl::Prepare(bool scalars) {
  vectors = table.Of(Vec0Kind::vector);
  ARROW_ASSIGN_OR_RAISE(has_chunks, db->HasTable(table.Shadow("chunks")));
  ARROW_ASSIGN_OR_RAISE(find, PrepareOn(*db, table.text_key ? "chunk_id, chunk_offset, id" : "chunk_id, chunk_offset",
                                        table.Shadow("rowids"), "rowid=?"));
  if (scalars) ARROW_RETURN_NOT_OK(PrepareScalars());
  if (has_chunks) {
    std::string columns = "size, validity, rowids";
    for (const Vec0Column* column : partitions) columns += fmt::format(", partition{:02}", column->index);
    ARROW_ASSIGN_OR_RAISE(chunk, PrepareOn(*db, columns, table.Shadow("chunks"), "chunk_id=?"));
    ARROW_ASSIGN_OR_RAISE(next, PrepareOn(*db, "chunk_id", table.Shadow("chunks"), "chunk_id>=? ORDER BY chunk_id LIMIT 1"));
  }
  return PrepareVectors();
}

Status Vec0Reader::Impl::PrepareVectors() {
  for (const Vec0Column* column : vectors) {
    Stmt place, row;
    if (column->indexed == Vec0Index::none) {
      // The column named rowid is the chunk's id; the row's own address is _rowid_.
      ARROW_ASSIGN_OR_RAISE(place, PrepareOn(*db, "_rowid_, typeof(vectors)='blob'", table.Shadow("vector_chunks", column->index), "rowid=?"));
    } else {
      const char* suffix = column->indexed == Vec0Index::rescore ? "rescore_vectors" : "vectors";
      ARROW_ASSIGN_OR_RAISE(row, PrepareOn(*db, "vector", table.Shadow(suffix, column->index), "rowid=?"));
    }
    vector_place.push_back(std::move(place));
    vector_row.push_back(std::move(row));
  }
  return Status::OK();
}

Status Vec0Reader::Impl::PrepareScalars() {
  metadata = table.Of(Vec0Kind::metadata);
  partitions = table.Of(Vec0Kind::partition);
  auxiliaries = table.Of(Vec0Kind::auxiliary);
  for (const Vec0Column* column : metadata) {
    Stmt data, text;
    ARROW_ASSIGN_OR_RAISE(data, PrepareOn(*db, "data", table.Shadow("metadatachunks", column->index), "rowid=?"));
    if (column->type == Vec0Type::text) {
      ARROW_ASSIGN_OR_RAISE(text, PrepareOn(*db, "data", table.Shadow("metadatatext", column->index), "rowid=?"));
    }
    metadata_chunk.push_back(std::move(data));
    metadata_text.push_back(std::move(text));
  }
  if (auxiliaries.empty()) return Status::OK();
  std::string columns;
  for (const Vec0Column* column : auxiliaries) columns += fmt::format("{}value{:02}", columns.empty() ? "" : ", ", column->index);
  ARROW_ASSIGN_OR_RAISE(auxiliary, PrepareOn(*db, columns, table.Shadow("auxiliary"), "rowid=?"));
  return Status::OK();
}

/// Fills a chunk; whatever is wrong with it becomes its problem.
Status Vec0Reader::Impl::Load(Vec0Chunk& into) {
  chunk.Reset();
  const auto row = chunk.Bind(1, into.id).Step();
  if (!row.ok()) {
    chunk.Reset();
    if (!IsDamage(row.status())) return row.status();
    into.problem = fmt::format("chunk {} cannot be read: {}", into.id, Reason(row.status()));
    return Status::OK();
  }
  if (!*row) {
    into.problem = fmt::format("chunk {} does not exist", into.id);
    return Status::OK();
  }
  const auto slots = static_cast<size_t>(table.chunk_size);
  if (chunk.ColumnType(0) == Type::integer && chunk.Int(0) == table.chunk_size) {
    into.validity = chunk.Blob(1);
    into.rowids = chunk.Blob(2);
    if (into.validity.size() != slots / 8) {
      into.problem = fmt::format("chunk {} has a validity bitmap of {} bytes instead of {}", into.id, into.validity.size(), slots / 8);
    } else if (into.rowids.size() != slots * 8) {
      into.problem = fmt::format("chunk {} has {} bytes of rowids instead of {}", into.id, into.rowids.size(), slots * 8);
    }
  } else {
    into.problem = fmt::format("chunk {} has a size of {} slots, declared are {}", into.id, chunk.Int(0), slots);
  }
  if (into.problem.empty()) LoadPartitions(into);
  chunk.Reset();
  into.vectors.resize(vectors.size());
  into.windows.resize(vectors.size());
  into.vector_problems.assign(vectors.size(), "");
  return into.problem.empty() ? LoadMetadata(into) : Status::OK();
}

void Vec0Reader::Impl::LoadPartitions(Vec0Chunk& into) {
  into.partitions.clear();
  into.partition_bytes.assign(partitions.size(), "");
  for (size_t i = 0; i < partitions.size(); ++i) {
    Vec0Value value = ValueOf(chunk, static_cast<int>(i) + 3);
    into.partition_bytes[i] = value.bytes;
    value.bytes = into.partition_bytes[i];
    into.partitions.push_back(value);
  }
}

Status Vec0Reader::Impl::LoadMetadata(Vec0Chunk& into) {
  into.metadata.assign(metadata.size(), "");
  for (size_t i = 0; i < metadata.size() && into.problem.empty(); ++i) {
    const int64_t width = metadata[i]->width();
    const auto wanted = static_cast<size_t>(width == 0 ? table.chunk_size / 8 : table.chunk_size * width);
    Stmt& stmt = metadata_chunk[i];
    const auto row = stmt.Bind(1, into.id).Step();
    if (!row.ok() && !IsDamage(row.status())) return row.status();
    if (row.ok() && *row) into.metadata[i] = stmt.Blob(0);
    if (into.metadata[i].size() != wanted) {
      into.problem = row.ok() ? fmt::format("chunk {} has {} bytes of \"{}\" instead of {}", into.id, into.metadata[i].size(),
                                            metadata[i]->name, wanted)
                              : fmt::format("chunk {} cannot be read: {}", into.id, Reason(row.status()));
    }
    stmt.Reset();
  }
  return Status::OK();
}

Status Vec0Reader::Impl::OpenVector(Vec0Chunk& into, size_t column) {
  Stmt& place = vector_place[column];
  const auto row = place.Bind(1, into.id).Step();
  const bool found = row.ok() && *row && place.Int(1) != 0;
  const int64_t address = found ? place.Int(0) : 0;
  place.Reset();
  ARROW_RETURN_NOT_OK(row.status());
  if (!found) return Damage(fmt::format("chunk {} has no vectors of column {}", into.id, vectors[column]->name));
  ARROW_ASSIGN_OR_RAISE(BlobReader reader, db->OpenBlob(table.Shadow("vector_chunks", vectors[column]->index), "vectors", address));
  const int64_t wanted = table.chunk_size * vectors[column]->width();
  if (reader.size() != wanted) {
    return Damage(fmt::format("chunk {} has {} bytes of vectors instead of {}", into.id, reader.size(), wanted));
  }
  into.vectors[column] = std::move(reader);
  return Status::OK();
}

/// Slots are most often asked for in their order: then the next few are read in one go. False where the slot is to be
/// read alone, out of order or near damage, which is told per row.
bool Vec0Reader::Impl::ReadAhead(Vec0Chunk& from, size_t column, int64_t slot) {
  Vec0Chunk::Window& window = from.windows[column];
  const int64_t width = vectors[column]->width();
  const int64_t count = std::min(kWindowBytes / width, table.chunk_size - slot);
  if (std::exchange(window.expected, slot + 1) != slot || count < 2) return false;
  window.bytes.resize(static_cast<size_t>(count * width));
  window.first = window.end = slot;
  if (!from.vectors[column]->Read(slot * width, count * width, window.bytes.data()).ok()) {
    from.vectors[column].reset();  // a failed handle stays failed
    return false;
  }
  window.end = slot + count;
  return true;
}

Status Vec0Reader::Impl::ReadIndexed(size_t column, int64_t rowid, uint8_t* out) {
  Stmt& stmt = vector_row[column];
  const auto row = stmt.Bind(1, rowid).Step();
  Status status = row.status();
  if (status.ok() && !*row) status = Damage(fmt::format("row {} has no vector", rowid));
  if (status.ok()) {
    const std::string_view bytes = stmt.Blob(0);
    if (static_cast<int64_t>(bytes.size()) == vectors[column]->width()) std::memcpy(out, bytes.data(), bytes.size());
    else status = Damage(fmt::format("row {} has a vector of {} bytes instead of {}", rowid, bytes.size(), vectors[column]->width()));
  }
  stmt.Reset();
  return status;
}

Result<Vec0Value> Vec0Reader::Impl::ReadText(const Vec0Column& column, const std::string& blob, int64_t slot, int64_t rowid) {
  const auto at = static_cast<size_t>(slot) * 16;
  const auto length = ::vecferry::sqlite::Load<int32_t>(blob, at);
  if (length < 0 || length > kMaxText) {
    return Damage(fmt::format("row {} has a text of {} bytes in \"{}\"", rowid, length, column.name));
  }
  Vec0Value value;
  value.type = Type::text;
  value.bytes = std::string_view(blob).substr(at + 4, static_cast<size_t>(std::min<int64_t>(length, kInlineText)));
  if (length <= kInlineText) return value;
  Stmt& stmt = metadata_text[static_cast<size_t>(column.index)];
  stmt.Reset();
  ARROW_ASSIGN_OR_RAISE(const bool found, stmt.Bind(1, rowid).Step());
  const std::string_view text = found ? stmt.Text(0) : std::string_view();
  if (!found || static_cast<int64_t>(text.size()) != length || text.substr(0, kInlineText) != value.bytes) {
    return Damage(fmt::format("the text of row {} in \"{}\" is not the one its chunk announces", rowid, column.name));
  }
  value.bytes = text;
  return value;
}

Result<Vec0Value> Vec0Reader::Impl::ReadMetadata(const Vec0Column& column, const Vec0Chunk& from, int64_t slot, int64_t rowid) {
  const std::string& blob = from.metadata[static_cast<size_t>(column.index)];
  const auto at = static_cast<size_t>(slot);
  Vec0Value value;
  switch (column.type) {
    case Vec0Type::boolean:
      value.type = Type::integer;
      value.boolean = true;
      value.integer = (static_cast<uint8_t>(blob[at >> 3]) >> (at & 7)) & 1;
      return value;
    case Vec0Type::integer:
      value.type = Type::integer;
      value.integer = ::vecferry::sqlite::Load<int64_t>(blob, at * 8);
      return value;
    case Vec0Type::real:
      value.type = Type::real;
      value.real = ::vecferry::sqlite::Load<double>(blob, at * 8);
      return value;
    default: return ReadText(column, blob, slot, rowid);
  }
}

Result<Vec0Value> Vec0Reader::Impl::ReadAuxiliary(const Vec0Column& column, int64_t rowid) {
  if (!auxiliary_loaded || auxiliary_row != rowid) {
    auxiliary.Reset();
    auxiliary_loaded = false;
    ARROW_ASSIGN_OR_RAISE(const bool found, auxiliary.Bind(1, rowid).Step());
    if (!found) return Damage(fmt::format("row {} has no auxiliary columns", rowid));
    auxiliary_row = rowid;
    auxiliary_loaded = true;
  }
  Vec0Value value = ValueOf(auxiliary, column.index);
  return value;
}

Vec0Reader::Vec0Reader(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Vec0Reader::Vec0Reader(Vec0Reader&&) noexcept = default;
Vec0Reader& Vec0Reader::operator=(Vec0Reader&&) noexcept = default;
Vec0Reader::~Vec0Reader() = default;

Result<Vec0Reader> Vec0Reader::Open(Db& db, const Vec0Table& table, Options options) {
  auto impl = std::make_unique<Impl>();
  impl->db = &db;
  impl->table = table;
  impl->open_chunks = std::max<size_t>(options.open_chunks, 1);
  ARROW_RETURN_NOT_OK(impl->Prepare(options.scalars));
  return Vec0Reader(std::move(impl));
}

const Vec0Table& Vec0Reader::table() const { return impl_->table; }

Result<Vec0Chunk*> Vec0Reader::Chunk(int64_t id) {
  Impl& impl = *impl_;
  if (impl.last && impl.last->id == id) return impl.last;
  impl.last = nullptr;
  if (const auto found = impl.open.find(id); found != impl.open.end()) {
    impl.last = found->second.get();
    impl.last->used = ++impl.clock;
    return impl.last;
  }
  if (impl.open.size() >= impl.open_chunks) {
    impl.open.erase(std::min_element(impl.open.begin(), impl.open.end(),
                                     [](const auto& a, const auto& b) { return a.second->used < b.second->used; }));
  }
  auto chunk = std::make_unique<Vec0Chunk>();
  chunk->id = id;
  chunk->used = ++impl.clock;
  if (impl.has_chunks) ARROW_RETURN_NOT_OK(impl.Load(*chunk));
  else chunk->problem = "the table has no chunks";
  impl.last = chunk.get();
  impl.open.emplace(id, std::move(chunk));
  return impl.last;
}

Result<std::optional<int64_t>> Vec0Reader::NextChunk(int64_t from) {
  if (!impl_->has_chunks) return std::nullopt;
  impl_->next.Reset();
  ARROW_ASSIGN_OR_RAISE(const bool row, impl_->next.Bind(1, from).Step());
  std::optional<int64_t> id;
  if (row) id = impl_->next.Int(0);
  impl_->next.Reset();
  return id;
}

Result<Vec0Place> Vec0Reader::Find(int64_t rowid) {
  Stmt& stmt = impl_->find;
  stmt.Reset();
  ARROW_ASSIGN_OR_RAISE(const bool row, stmt.Bind(1, rowid).Step());
  Vec0Place place;
  if (!row) return place;
  place.found = true;
  place.placed = stmt.ColumnType(0) == Type::integer && stmt.ColumnType(1) == Type::integer;
  if (place.placed) {
    place.chunk = stmt.Int(0);
    place.slot = stmt.Int(1);
  }
  if (impl_->table.text_key) place.key = stmt.Text(2);
  return place;
}

Status Vec0Reader::CheckPlace(const Vec0Chunk& chunk, int64_t slot, int64_t rowid) const {
  if (!chunk.problem.empty()) return Damage(chunk.problem);
  if (slot < 0 || slot >= impl_->table.chunk_size) return Damage(fmt::format("row {} is placed in slot {} of {}", rowid, slot, impl_->table.chunk_size));
  if (!chunk.Live(slot)) return Damage(fmt::format("row {} is placed in slot {} of chunk {}, which is marked as deleted", rowid, slot, chunk.id));
  if (chunk.RowId(slot) != rowid) {
    return Damage(fmt::format("row {} is placed in slot {} of chunk {}, which belongs to row {}", rowid, slot, chunk.id, chunk.RowId(slot)));
  }
  return Status::OK();
}

Status Vec0Reader::ReadVector(size_t column, Vec0Chunk* chunk, int64_t slot, int64_t rowid, uint8_t* out) {
  if (impl_->vectors[column]->indexed != Vec0Index::none) {
    const Status status = impl_->ReadIndexed(column, rowid, out);
    return status.ok() || !IsDamage(status) ? status : Damage(Reason(status));
  }
  if (!chunk) return Damage(fmt::format("row {} has no place in a chunk", rowid));
  if (!chunk->vector_problems[column].empty()) return Damage(chunk->vector_problems[column]);
  const int64_t width = impl_->vectors[column]->width();
  const auto from_window = [&] {
    Vec0Chunk::Window& window = chunk->windows[column];
    if (slot < window.first || slot >= window.end) return false;
    std::memcpy(out, window.bytes.data() + (slot - window.first) * width, static_cast<size_t>(width));
    window.expected = slot + 1;
    return true;
  };
  if (from_window()) return Status::OK();
  auto& reader = chunk->vectors[column];
  const auto open = [&]() -> Status {
    if (reader) return Status::OK();
    const Status status = impl_->OpenVector(*chunk, column);
    if (status.ok() || !IsDamage(status)) return status;
    return Damage(chunk->vector_problems[column] = Reason(status));
  };
  ARROW_RETURN_NOT_OK(open());
  if (impl_->ReadAhead(*chunk, column, slot) && from_window()) return Status::OK();
  ARROW_RETURN_NOT_OK(open());
  const Status status = reader->Read(slot * width, width, out);
  if (status.ok()) return status;
  reader.reset();  // a failed handle stays failed; other slots may still be read
  return IsDamage(status) ? Damage(fmt::format("the vector of row {} cannot be read: {}", rowid, Reason(status))) : status;
}

Result<Vec0Value> Vec0Reader::ReadScalar(const Vec0Column& column, const Vec0Chunk* chunk, int64_t slot, int64_t rowid) {
  const auto value = [&]() -> Result<Vec0Value> {
    if (column.kind == Vec0Kind::auxiliary) return impl_->ReadAuxiliary(column, rowid);
    if (!chunk) return Damage(fmt::format("row {} has no place in a chunk", rowid));
    if (column.kind == Vec0Kind::partition) return chunk->partitions[static_cast<size_t>(column.index)];
    return impl_->ReadMetadata(column, *chunk, slot, rowid);
  }();
  if (value.ok() || !IsDamage(value.status())) return value;
  return Damage(Reason(value.status()));
}

void Vec0Reader::Release() {
  impl_->open.clear();
  impl_->last = nullptr;
  impl_->auxiliary_loaded = false;
  for (Stmt* stmt : {&impl_->find, &impl_->chunk, &impl_->next, &impl_->auxiliary}) stmt->Reset();
  for (auto* group : {&impl_->vector_place, &impl_->vector_row, &impl_->metadata_chunk, &impl_->metadata_text}) {
    for (Stmt& stmt : *group) stmt.Reset();
  }
}

Result<std::vector<std::string>> ListVec0(Db& db) {
  std::vector<std::string> names;
  ARROW_ASSIGN_OR_RAISE(Stmt stmt, db.Prepare("SELECT name, sql FROM sqlite_master WHERE type='table' AND rootpage=0 ORDER BY name"));
  while (true) {
    ARROW_ASSIGN_OR_RAISE(const bool row, stmt.Step());
    if (!row) return names;
    if (IsVec0Sql(stmt.Text(1))) names.emplace_back(stmt.Text(0));
  }
}

namespace {

/// The shadow tables that a reader of the table cannot do without.
std::vector<std::string> RequiredShadows(const Vec0Table& table) {
  std::vector<std::string> names{table.Shadow("rowids")};
  if (!table.indexed()) names.push_back(table.Shadow("chunks"));
  bool auxiliary = false;
  for (const Vec0Column& column : table.columns) {
    const auto add = [&](const char* suffix) { names.push_back(table.Shadow(suffix, column.index)); };
    if (column.kind == Vec0Kind::vector) {
      add(column.indexed == Vec0Index::none ? "vector_chunks" : column.indexed == Vec0Index::rescore ? "rescore_vectors" : "vectors");
    } else if (column.kind == Vec0Kind::metadata) {
      add("metadatachunks");
      if (column.type == Vec0Type::text) add("metadatatext");
    } else if (column.kind == Vec0Kind::auxiliary) {
      auxiliary = true;
    }
  }
  if (auxiliary) names.push_back(table.Shadow("auxiliary"));
  return names;
}

/// A view in place of a shadow table could compute without end: only ordinary tables are read.
Status CheckShadows(Db& db, const Vec0Table& table) {
  ARROW_ASSIGN_OR_RAISE(Stmt stmt, db.Prepare("SELECT 1 FROM sqlite_master WHERE type='table' AND rootpage>0 AND name=?"));
  for (const std::string& name : RequiredShadows(table)) {
    ARROW_ASSIGN_OR_RAISE(const bool found, stmt.BindText(1, name).Step());
    stmt.Reset();
    if (!found) {
      return MakeError(Category::corrupt, fmt::format("the vec0 table {} lacks its table {}", Printable(table.name, 200), Printable(name, 200)),
                       "restore the database from a backup");
    }
  }
  return Status::OK();
}

}  // namespace

Result<Vec0Table> FindVec0(Db& db, std::string_view name) {
  ARROW_ASSIGN_OR_RAISE(Stmt stmt, db.Prepare("SELECT name, sql FROM sqlite_master WHERE type='table' AND rootpage=0 AND name=? COLLATE NOCASE"));
  ARROW_ASSIGN_OR_RAISE(const bool row, stmt.BindText(1, name).Step());
  if (row && IsVec0Sql(stmt.Text(1))) {
    ARROW_ASSIGN_OR_RAISE(Vec0Table table, ParseVec0(stmt.Text(0), stmt.Text(1)));
    stmt.Reset();
    ARROW_RETURN_NOT_OK(CheckShadows(db, table));
    return table;
  }
  ARROW_ASSIGN_OR_RAISE(const auto names, ListVec0(db));
  if (names.empty()) return MakeError(Category::not_found, "the database holds no vec0 table", "check the path");
  return MakeError(Category::not_found, fmt::format("there is no vec0 table \"{}\"{}", Printable(name, 200), Suggestion(name, names)),
                   "list what there is with `vecferry inspect`");
}

Result<int64_t> CountRows(Db& db, const Vec0Table& table) {
  return db.QueryInt("SELECT count(*) FROM " + QuoteName(table.Shadow("rowids")));
}

Result<int64_t> CountLiveSlots(Db& db, const Vec0Table& table) {
  if (table.indexed()) return -1;
  ARROW_ASSIGN_OR_RAISE(Stmt stmt, db.Prepare("SELECT validity FROM " + QuoteName(table.Shadow("chunks"))));
  int64_t count = 0;
  while (true) {
    ARROW_ASSIGN_OR_RAISE(const bool row, stmt.Step());
    if (!row) return count;
    const std::string_view validity = stmt.Blob(0);
    const size_t bytes = std::min(validity.size(), static_cast<size_t>(table.chunk_size / 8));
    for (size_t i = 0; i < bytes; ++i) count += std::popcount(static_cast<uint8_t>(validity[i]));
  }
}

}  // namespace vecferry::sqlite
