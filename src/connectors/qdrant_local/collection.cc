#include "connectors/qdrant_local/collection.h"

#include <algorithm>
#include <cstring>

#include <fmt/format.h>

#include "base/failpoint.h"
#include "base/text.h"

namespace vecferry::qdrant_local {
namespace {

void AppendField(std::string_view bytes, std::string* out) {
  const auto size = static_cast<uint64_t>(bytes.size());
  out->append(reinterpret_cast<const char*>(&size), 8);
  out->append(bytes);
}

bool TakeField(std::string_view* image, std::string_view* field) {
  uint64_t size;
  if (image->size() < 8) return false;
  std::memcpy(&size, image->data(), 8);
  image->remove_prefix(8);
  if (size > image->size()) return false;
  *field = image->substr(0, size);
  image->remove_prefix(size);
  return true;
}

}  // namespace

Result<sqlite::Db> OpenForWriting(const fs::path& directory) {
  ARROW_RETURN_NOT_OK(CheckNotLegacy(directory));
  ARROW_ASSIGN_OR_RAISE(auto db, sqlite::Db::Open(directory / kStorageFile, {.mode = sqlite::OpenOptions::Mode::create}));
  // Of a new file: rows of some kilobytes fit several to a page. A file that exists keeps its size.
  ARROW_RETURN_NOT_OK(db.Exec("PRAGMA page_size=16384"));
  ARROW_RETURN_NOT_OK(db.Exec("PRAGMA journal_mode=DELETE"));
  ARROW_RETURN_NOT_OK(db.Exec("PRAGMA synchronous=FULL"));
  ARROW_RETURN_NOT_OK(db.Exec("PRAGMA cache_size=-16384"));
  ARROW_RETURN_NOT_OK(db.Exec("CREATE TABLE IF NOT EXISTS points (id TEXT PRIMARY KEY, point BLOB)"));
  return db;
}

Result<std::unique_ptr<WritableCollection>> WritableCollection::Open(Dataset dataset, RecordSchema schema, bool unnamed,
                                                                     const Layout& layout) {
  std::unique_ptr<WritableCollection> collection(new WritableCollection(std::move(dataset), std::move(schema), unnamed, layout));
  ARROW_RETURN_NOT_OK(collection->Prepare());
  return collection;
}

Status WritableCollection::Prepare() {
  ARROW_ASSIGN_OR_RAISE(db_, OpenForWriting(dataset_.directory));
  ARROW_ASSIGN_OR_RAISE(keys_, KeyIndex::Build(db_));
  ARROW_ASSIGN_OR_RAISE(upsert_, db_.Prepare("INSERT OR REPLACE INTO points(id, point) VALUES(?, ?)"));
  ARROW_ASSIGN_OR_RAISE(insert_at_, db_.Prepare("INSERT INTO points(rowid, id, point) VALUES(?, ?, ?)"));
  ARROW_ASSIGN_OR_RAISE(select_key_, db_.Prepare("SELECT rowid, id, point FROM points WHERE id = ?"));
  ARROW_ASSIGN_OR_RAISE(select_row_, db_.Prepare("SELECT rowid, id, point FROM points WHERE rowid = ?"));
  ARROW_ASSIGN_OR_RAISE(has_key_, db_.Prepare("SELECT 1 FROM points WHERE id = ?"));
  ARROW_ASSIGN_OR_RAISE(delete_key_, db_.Prepare("DELETE FROM points WHERE id = ?"));
  ARROW_ASSIGN_OR_RAISE(delete_row_, db_.Prepare("DELETE FROM points WHERE rowid = ?"));
  return Status::OK();
}

Status WritableCollection::InsertAll(const EncodedBatch& batch) {
  ARROW_ASSIGN_OR_RAISE(auto transaction, sqlite::Transaction::Begin(db_));
  for (const auto& row : batch.rows) {
    for (const int64_t rowid : keys_.OtherRows(row.id)) ARROW_RETURN_NOT_OK(delete_row_.Bind(1, rowid).Run());
    ARROW_RETURN_NOT_OK(upsert_.BindText(1, batch.Key(row)).BindBlob(2, batch.Blob(row)).Run());
  }
  VF_FAILPOINT("qdrant-local.commit.before");
  ARROW_RETURN_NOT_OK(transaction.Commit());
  if (!keys_.AllCanonical()) {
    for (const auto& row : batch.rows) keys_.Forget(row.id);
  }
  VF_FAILPOINT("qdrant-local.commit.after");
  return Status::OK();
}

Result<WriteOutcome> WritableCollection::Write(const RecordView& batch) {
  ARROW_ASSIGN_OR_RAISE(EncodedBatch encoded, EncodeBatch(batch, layout_, schema_.id_kind, unnamed_));
  if (!encoded.rows.empty()) {
    std::lock_guard guard(mutex_);
    ARROW_RETURN_NOT_OK(InsertAll(encoded));
  }
  return WriteOutcome{std::move(encoded.rejects)};
}

Result<PointId> WritableCollection::IdOf(const std::vector<std::string_view>& tenants, const std::vector<std::string_view>& ids,
                                         size_t i) {
  const bool has_tenant = schema_.has_tenant && i < tenants.size() && !tenants[i].empty();
  bool keep_original;
  return PointIdOf(layout_, schema_.id_kind, has_tenant ? std::optional(tenants[i]) : std::nullopt, ids[i], &keep_original);
}

Result<std::vector<WritableCollection::Row>> WritableCollection::RowsOf(const PointId& id) {
  std::vector<Row> rows;
  const auto take = [&](sqlite::Stmt& stmt) -> Status {
    const auto found = stmt.Step();
    if (found.ok() && *found) rows.push_back({stmt.Int(0), std::string(stmt.Text(1)), std::string(stmt.Blob(2))});
    stmt.Reset();
    return found.status();
  };
  std::string key;
  AppendKey(id, &key);
  ARROW_RETURN_NOT_OK(take(select_key_.BindText(1, key)));
  for (const int64_t rowid : keys_.OtherRows(id)) ARROW_RETURN_NOT_OK(take(select_row_.Bind(1, rowid)));
  std::sort(rows.begin(), rows.end(), [](const Row& a, const Row& b) { return a.rowid < b.rowid; });
  return rows;
}

Status WritableCollection::RemoveRows(const PointId& id) {
  std::string key;
  AppendKey(id, &key);
  ARROW_RETURN_NOT_OK(delete_key_.BindText(1, key).Run());
  for (const int64_t rowid : keys_.OtherRows(id)) ARROW_RETURN_NOT_OK(delete_row_.Bind(1, rowid).Run());
  return Status::OK();
}

Result<RecordView> WritableCollection::Get(const std::vector<std::string_view>& tenants, const std::vector<std::string_view>& ids) {
  PointReader reader(schema_, layout_);
  BatchBuilder builder(schema_);
  std::lock_guard guard(mutex_);
  ARROW_ASSIGN_OR_RAISE(const auto transaction, sqlite::Transaction::Begin(db_, "BEGIN"));
  for (size_t i = 0; i < ids.size(); ++i) {
    const auto id = IdOf(tenants, ids, i);
    if (!id.ok()) continue;  // an id that the layout cannot hold is not there
    ARROW_ASSIGN_OR_RAISE(const auto rows, RowsOf(*id));
    PointFacts facts;
    // A row that cannot be read is not there either: the source tells of it.
    if (!rows.empty() && !reader.Open(rows.back().key, rows.back().blob, &facts)) (void)reader.Append(builder, &facts);
  }
  return builder.Finish();
}

Result<int64_t> WritableCollection::CountOf(const std::vector<std::string_view>& tenants, const std::vector<std::string_view>& ids) {
  std::vector<PointId> points;
  for (size_t i = 0; i < ids.size(); ++i) {
    if (auto id = IdOf(tenants, ids, i); id.ok()) points.push_back(std::move(*id));
  }
  int64_t count = 0;
  std::string key;
  std::lock_guard guard(mutex_);
  // One read transaction for all: each of its own would lock the file and look for a journal.
  ARROW_ASSIGN_OR_RAISE(const auto transaction, sqlite::Transaction::Begin(db_, "BEGIN"));
  for (const auto& point : points) {
    key.clear();
    AppendKey(point, &key);
    ARROW_ASSIGN_OR_RAISE(const bool found, has_key_.BindText(1, key).Step());
    has_key_.Reset();
    count += found || !keys_.OtherRows(point).empty();
  }
  return count;
}

Result<std::vector<std::optional<std::string>>> WritableCollection::Capture(const std::vector<std::string_view>& tenants,
                                                                            const std::vector<std::string_view>& ids) {
  std::vector<std::optional<std::string>> images(ids.size());
  std::lock_guard guard(mutex_);
  for (size_t i = 0; i < ids.size(); ++i) {
    const auto id = IdOf(tenants, ids, i);
    if (!id.ok()) continue;
    ARROW_ASSIGN_OR_RAISE(const auto rows, RowsOf(*id));
    if (rows.empty()) continue;
    std::string& image = images[i].emplace();
    for (const Row& row : rows) {
      AppendField(std::to_string(row.rowid), &image);
      AppendField(row.key, &image);
      AppendField(row.blob, &image);
    }
  }
  return images;
}

/// In its old place where that is free: the latest of several rows stays the latest, since they come by rowid.
Status WritableCollection::RestoreRow(const Row& row) {
  const auto taken = select_row_.Bind(1, row.rowid).Step();
  select_row_.Reset();
  ARROW_RETURN_NOT_OK(taken.status());
  if (!*taken) return insert_at_.Bind(1, row.rowid).BindText(2, row.key).BindBlob(3, row.blob).Run();
  return upsert_.BindText(1, row.key).BindBlob(2, row.blob).Run();
}

Status WritableCollection::Restore(const std::vector<std::string_view>& tenants, const std::vector<std::string_view>& ids,
                                   const std::vector<std::string_view>& images) {
  std::lock_guard guard(mutex_);
  ARROW_ASSIGN_OR_RAISE(auto transaction, sqlite::Transaction::Begin(db_));
  for (size_t i = 0; i < ids.size() && i < images.size(); ++i) {
    ARROW_ASSIGN_OR_RAISE(const PointId id, IdOf(tenants, ids, i));
    ARROW_RETURN_NOT_OK(RemoveRows(id));
    std::string_view image = images[i], rowid, key, blob;
    while (!image.empty()) {
      const bool whole = TakeField(&image, &rowid) && TakeField(&image, &key) && TakeField(&image, &blob);
      const auto number = ParseInt(rowid);
      if (!whole || !number.ok()) return MakeError(Category::corrupt, "a before-image of a point is damaged");
      ARROW_RETURN_NOT_OK(RestoreRow({*number, std::string(key), std::string(blob)}));
    }
  }
  VF_FAILPOINT("qdrant-local.restore.before");
  ARROW_RETURN_NOT_OK(transaction.Commit());
  ARROW_ASSIGN_OR_RAISE(keys_, KeyIndex::Build(db_));
  return Status::OK();
}

Status WritableCollection::Delete(const std::vector<std::string_view>& tenants, const std::vector<std::string_view>& ids) {
  std::lock_guard guard(mutex_);
  ARROW_ASSIGN_OR_RAISE(auto transaction, sqlite::Transaction::Begin(db_));
  std::vector<PointId> removed;
  for (size_t i = 0; i < ids.size(); ++i) {
    ARROW_ASSIGN_OR_RAISE(removed.emplace_back(), IdOf(tenants, ids, i));
    ARROW_RETURN_NOT_OK(RemoveRows(removed.back()));
  }
  VF_FAILPOINT("qdrant-local.delete.before");
  ARROW_RETURN_NOT_OK(transaction.Commit());
  for (const auto& id : removed) keys_.Forget(id);
  return Status::OK();
}

Status WritableCollection::WriteBookkeeping(const std::string& point_id, std::string_view blob) {
  std::lock_guard guard(mutex_);
  const auto number = ParseInt(point_id);
  const PointId id = number.ok() ? PointId::Of(static_cast<uint64_t>(*number)) : PointId::Of(point_id);
  ARROW_ASSIGN_OR_RAISE(const auto rows, RowsOf(id));
  if (!rows.empty()) return Status::OK();
  std::string key;
  AppendKey(id, &key);
  VF_FAILPOINT("qdrant-local.bookkeeping.before");
  ARROW_RETURN_NOT_OK(upsert_.BindText(1, key).BindBlob(2, blob).Run());
  VF_FAILPOINT("qdrant-local.bookkeeping.after");
  return Status::OK();
}

}  // namespace vecferry::qdrant_local
