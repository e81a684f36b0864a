#include "connectors/chroma_local/directory.h"

#include <chrono>
#include <utility>

#include <fmt/format.h>

#include "base/text.h"
#include "chroma_model/metadata.h"
#include "chroma_model/parameters.h"
#include "connectors/chroma_local/segment_copy.h"
#include "record/json.h"

namespace vecferry::chroma_local {
namespace {

constexpr int kAttempts = 5;
/// How long files that look damaged must stand still to be believed to be: a program that writes them again leaves them cut off for a moment.
constexpr auto kStandsStill = std::chrono::milliseconds(200);
constexpr const char* kCopiedSegment = "source.segment";

Status BeingWritten(const fs::path& folder) {
  return MakeError({.category = Category::locked, .retry = Retry::after_delay,
                    .next_step = "close the program that writes it, or run the same command again when it writes less"},
                   fmt::format("{} was being written while it was looked at", folder.string()));
}

}  // namespace

std::string IdentityOf(const OpenWishes& wishes) {
  const fs::path folder = wishes.folder.filename() == kDatabaseFile ? wishes.folder.parent_path() : wishes.folder;
  return fmt::format("{}:{}#{}/{}/{}", kScheme, CanonicalPath(folder.empty() ? fs::path(".") : folder).string(), wishes.tenant, wishes.database, wishes.collection);
}

Result<fs::path> DatabaseOf(const fs::path& folder) {
  std::error_code ec;
  // The database itself may be named too.
  if (folder.filename() == kDatabaseFile && fs::is_regular_file(folder, ec)) return folder;
  if (fs::is_regular_file(folder / kDatabaseFile, ec)) return folder / kDatabaseFile;
  const bool exists = fs::exists(folder, ec);
  return MakeError(Category::not_found, exists ? fmt::format("{} is no folder of Chroma: it has no {}", folder.string(), kDatabaseFile)
                                               : fmt::format("{} does not exist", folder.string()),
                   "name the folder that was given to chromadb.PersistentClient(path=...) or to chroma run --path");
}

Result<std::shared_ptr<Directory>> Directory::Open(const OpenWishes& wishes, const OpenContext& context) {
  auto directory = std::make_shared<Directory>();
  ARROW_ASSIGN_OR_RAISE(const fs::path database, DatabaseOf(wishes.folder));
  directory->folder_ = CanonicalPath(database.parent_path().empty() ? fs::path(".") : database.parent_path());
  directory->cancel_ = context.cancel;
  directory->layout_ = context.layout;
  directory->damaged_is_missing_ = wishes.damaged_is_missing;
  ARROW_RETURN_NOT_OK(directory->OpenDatabase(wishes, context));
  return directory;
}

Status Directory::OpenDatabase(const OpenWishes& wishes, const OpenContext& context) {
  if (wishes.how == sqlite::Snapshot::How::copy && !context.work_dir.empty()) return Freeze(wishes, context);
  auto how = wishes.how;
  if (how == sqlite::Snapshot::How::copy && context.settings.contains("peek")) how = sqlite::Snapshot::How::peek;
  ARROW_ASSIGN_OR_RAISE(snapshot_, sqlite::Snapshot::Open(folder_ / kDatabaseFile, sqlite::OptionsFor(how, context.work_dir, context.cancel, context.on_progress)));
  ARROW_RETURN_NOT_OK(Understand(wishes));
  if (!collection_.vector_segment.empty()) segment_ = folder_ / collection_.vector_segment;
  return Status::OK();
}

Status Directory::Freeze(const OpenWishes& wishes, const OpenContext& context) {
  const fs::path copied = context.work_dir / kCopiedSegment, database = context.work_dir / "source.sqlite";
  std::error_code ec;
  const auto open = [&]() -> Status {
    ARROW_ASSIGN_OR_RAISE(snapshot_, sqlite::Snapshot::Open(folder_ / kDatabaseFile, sqlite::OptionsFor(sqlite::Snapshot::How::copy, context.work_dir, context.cancel, context.on_progress)));
    return Understand(wishes);
  };
  if (fs::is_directory(copied, ec)) {
    segment_ = copied;
    return open();
  }
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    // The files are named by the database: look there first, then see that none has changed while both were copied.
    ARROW_ASSIGN_OR_RAISE(snapshot_, sqlite::Snapshot::Open(folder_ / kDatabaseFile, {.how = sqlite::Snapshot::How::live}));
    ARROW_RETURN_NOT_OK(Understand(wishes));
    const fs::path segment = collection_.vector_segment.empty() ? fs::path() : folder_ / collection_.vector_segment;
    const SegmentStamps before = StampsOf(segment);
    fs::remove(database, ec);
    ARROW_RETURN_NOT_OK(open());
    const Status status = CopySegment(segment, copied, context, [&] { return StampsOf(segment) == before; });
    if (status.ok()) {
      segment_ = copied;
      return status;
    }
    if (!IsCategory(status, Category::locked)) return status;
  }
  return BeingWritten(folder_);
}

Status Directory::Understand(const OpenWishes& wishes) {
  ARROW_ASSIGN_OR_RAISE(sqlite::Db db, snapshot_->Connect());
  ARROW_ASSIGN_OR_RAISE(tables_, ProbeTables(db));
  std::string name = wishes.collection;
  if (name.empty()) {
    ARROW_ASSIGN_OR_RAISE(const auto all, ListCollections(db, tables_, wishes.tenant, wishes.database));
    if (all.size() != 1) {
      std::string names;
      for (size_t i = 0; i < all.size() && i < 20; ++i) names += (names.empty() ? ": " : ", ") + Printable(all[i].name, 100);
      return MakeError(Category::usage, fmt::format("the folder holds {} collections{}", all.size(), names), "name one of them after #");
    }
    name = all[0].name;
  }
  ARROW_ASSIGN_OR_RAISE(collection_, FindCollection(db, tables_, wishes.tenant, wishes.database, name));
  ARROW_ASSIGN_OR_RAISE(const auto parameters, chroma_model::ParametersOf({collection_.config, collection_.schema, collection_.metadata}));
  auto named = wishes;
  named.collection = name;
  identity_ = IdentityOf(named);
  schema_ = chroma_model::SchemaOf(parameters, static_cast<int32_t>(collection_.dimension));
  ARROW_ASSIGN_OR_RAISE(schema_.has_document, HasField(db, chroma_model::kDocumentKey));
  ARROW_ASSIGN_OR_RAISE(schema_.has_tenant, HasField(db, layout_->tenant_field.empty() ? "tenant" : layout_->tenant_field));
  metric_ = parameters.metric;
  settings_ = chroma_model::SettingsOf(parameters);
  function_ = parameters.function;
  return Status::OK();
}

Result<bool> Directory::HasField(sqlite::Db& db, std::string_view key) const {
  ARROW_ASSIGN_OR_RAISE(auto found, db.Prepare("SELECT 1 FROM embedding_metadata m JOIN embeddings e ON e.id=m.id WHERE m.key=? AND m.string_value IS NOT NULL "
                                               "AND e.segment_id=? LIMIT 1"));
  ARROW_ASSIGN_OR_RAISE(const bool in_tables, found.BindText(1, key).BindText(2, collection_.metadata_segment).Step());
  if (in_tables) return true;
  ARROW_ASSIGN_OR_RAISE(const int64_t watermark, Watermark(db, collection_.metadata_segment));
  ARROW_ASSIGN_OR_RAISE(auto queued, db.Prepare("SELECT 1 FROM embeddings_queue WHERE seq_id>? AND substr(topic, -length(?)-1)='/'||? AND instr(metadata, ?)>0 LIMIT 1"));
  std::string quoted;
  AppendJsonString(key, &quoted);
  return queued.Bind(1, watermark).BindText(2, collection_.id).BindText(3, collection_.id).BindText(4, quoted).Step();
}

int64_t Directory::bytes() const {
  int64_t sum = 0;
  for (const FileStamp& stamp : StampsOf(segment_)) sum += std::max<int64_t>(stamp.size, 0);
  return sum + std::max<int64_t>(StampOf(snapshot_->file()).size, 0);
}

std::string Directory::damage() const {
  std::lock_guard guard(mutex_);
  return damage_;
}

Result<std::shared_ptr<const FileVectors>> Directory::LoadFiles() {
  const bool norms = !schema_.vectors.empty() && schema_.vectors[0].metric == Metric::cosine;
  const auto dims = static_cast<int32_t>(collection_.dimension);
  const fs::path segment = collection_.dimension > 0 ? segment_ : fs::path();
  const SegmentStamps before = StampsOf(segment_);
  auto files = FileVectors::Load(segment, norms, dims, cancel_);
  if (!files.ok() && !frozen() && !IsCategory(files.status(), Category::cancelled)) ARROW_RETURN_NOT_OK(Believe(before));
  if (files.ok() || !damaged_is_missing_ || IsCategory(files.status(), Category::cancelled)) return files;
  damage_ = files.status().message();
  auto none = std::make_shared<FileVectors>();
  none->stamps = StampsOf(segment_);
  none->damaged = true;
  return none;
}

Status Directory::Believe(const SegmentStamps& stamps) {
  const auto now = std::chrono::steady_clock::now();
  if (!suspect_ || suspect_->first != stamps) suspect_ = {stamps, now};
  return now - suspect_->second < kStandsStill ? BeingWritten(folder_) : Status::OK();
}

Result<std::shared_ptr<const State>> Directory::Current(sqlite::Db& db) {
  std::lock_guard guard(mutex_);
  if (state_ && frozen()) return state_;
  std::string key;
  if (!frozen()) {
    ARROW_RETURN_NOT_OK(CheckStillThere(db));
    ARROW_ASSIGN_OR_RAISE(const int64_t last, db.QueryInt("SELECT max(seq_id) FROM embeddings_queue"));
    ARROW_ASSIGN_OR_RAISE(const int64_t vectors, Watermark(db, collection_.vector_segment));
    ARROW_ASSIGN_OR_RAISE(const int64_t metadata, Watermark(db, collection_.metadata_segment));
    key = fmt::format("{} {} {}", last, vectors, metadata);
  }
  const bool same_files = state_ && Unchanged(*state_);
  if (same_files && key == state_key_) return state_;
  std::shared_ptr<const FileVectors> files;
  if (same_files) {
    files = std::shared_ptr<const FileVectors>(state_->vectors, &state_->vectors->files());
  } else {
    ARROW_ASSIGN_OR_RAISE(files, LoadFiles());
  }
  auto state = std::make_shared<State>();
  ARROW_ASSIGN_OR_RAISE(state->vectors, VectorMap::Load(db, collection_, std::move(files), cancel_));
  ARROW_ASSIGN_OR_RAISE(state->pending, Pending::Load(db, collection_, cancel_));
  if (!Unchanged(*state)) return BeingWritten(folder_);
  state_ = state;
  state_key_ = key;
  return state;
}

Status Directory::CheckStillThere(sqlite::Db& db) const {
  ARROW_ASSIGN_OR_RAISE(auto row, db.Prepare("SELECT 1 FROM collections WHERE id=? AND name=?"));
  ARROW_ASSIGN_OR_RAISE(const bool found, row.BindText(1, collection_.id).BindText(2, collection_.name).Step());
  if (found) return Status::OK();
  return MakeError(Category::not_found, fmt::format("the collection '{}' was deleted or renamed while it was read", Printable(collection_.name, 200)),
                   "see what did it; snapshot=copy reads the folder as of one moment");
}

bool Directory::Unchanged(const State& state) const {
  return frozen() || StampsOf(segment_) == state.vectors->files().stamps;
}

}  // namespace vecferry::chroma_local
