#include <algorithm>
#include <cctype>

#include <fmt/format.h>

#include "base/failpoint.h"
#include "base/text.h"
#include "base/uuid.h"
#include "connector/fit.h"
#include "connectors/qdrant_local/collection.h"
#include "connectors/qdrant_local/meta.h"
#include "connectors/qdrant_local/point_pickle.h"
#include "qdrant_model/family.h"

namespace vecferry::qdrant_local {
namespace {

/// What is written down before it is done; the payload is the collection's name.
constexpr std::string_view kCreateIntent = "create-dataset";    ///< its folder is ours, and it is not listed yet
constexpr std::string_view kReplaceIntent = "replace-collection";  ///< the folder beside it is ours
constexpr std::string_view kSwapIntent = "swap-collection";        ///< the new folder takes the place of the old

bool Exists(const fs::path& path) {
  std::error_code ec;
  return fs::exists(path, ec);
}

Status Rename(const fs::path& from, const fs::path& to) {
  VF_FAILPOINT("qdrant-local.rename.before");
  std::error_code ec;
  fs::rename(from, to, ec);
  ARROW_RETURN_NOT_OK(FilesystemError(ec, "cannot rename", from));
  ARROW_RETURN_NOT_OK(SyncDir(to.parent_path()));
  VF_FAILPOINT("qdrant-local.rename.after");
  return Status::OK();
}

/// The point that mcp-memory-service keeps about its collection.
std::string BookkeepingBlob(const Layout::Bookkeeping& own, const RecordSchema& schema, bool unnamed, const std::string& model) {
  const VectorSpec* dense = FirstDense(schema);
  const int32_t dims = dense ? dense->dims : 0;
  const std::vector<float> zeros(static_cast<size_t>(dims), 0.0f);
  std::string blob;
  BeginPoint(&blob);
  if (const auto number = ParseInt(own.point_id); number.ok()) AppendSigned(*number, &blob);
  else AppendText(own.point_id, &blob);
  BeforeVector(&blob);
  if (!unnamed) {
    blob += "}(";
    if (dims > 0) AppendText(dense->name, &blob);
  }
  if (unnamed || dims > 0) AppendFloats(zeros.data(), zeros.size(), &blob);
  if (!unnamed) blob += 'u';
  BeforePayload(&blob);
  PayloadPickler payload(&blob);
  payload.Begin();
  (void)VisitBookkeeping(schema, model, payload);
  EndPoint(&blob);
  return blob;
}

class CollectionSink final : public Sink, public Lookup, public Undo {
 public:
  CollectionSink(Dataset dataset, const OpenContext& context, const Capabilities& can)
      : dataset_(std::move(dataset)), can_(can), layout_(context.layout), cancel_(context.cancel) {}

  // ---- Sink
  Result<TargetInfo> Describe() override {
    if (collection_) return InfoOf(ReadBackDataset(), spec_.schema);
    Dataset dataset = dataset_;
    ARROW_ASSIGN_OR_RAISE(dataset.lock, DirectoryLock::Shared(dataset.root));
    ARROW_ASSIGN_OR_RAISE(const bool listed, Locate(&dataset));
    TargetInfo info;
    info.identity = IdentityOf(dataset);
    if (!listed) {
      ARROW_RETURN_NOT_OK(CheckNewName(dataset.name));
      return info;
    }
    return InfoOf(std::move(dataset), std::nullopt);
  }

  Status Prepare(const SinkSpec& spec) override {
    ARROW_RETURN_NOT_OK(Abort());
    ARROW_RETURN_NOT_OK(CheckSchemaFits(can_, spec.schema));
    spec_ = spec;
    if (spec.layout) layout_ = spec.layout;
    ARROW_ASSIGN_OR_RAISE(dataset_.lock, DirectoryLock::Exclusive(dataset_.root));
    ARROW_RETURN_NOT_OK(MakeDirs(dataset_.root / "collection"));
    ARROW_ASSIGN_OR_RAISE(const bool listed, Locate(&dataset_));
    ARROW_ASSIGN_OR_RAISE(const bool replace_begun, Has(kReplaceIntent));
    active_ = dataset_.directory;
    if (spec.on_exists == OnExists::replace && (listed || replace_begun)) {
      ARROW_RETURN_NOT_OK(PrepareReplace());
    } else if (listed) {
      ARROW_ASSIGN_OR_RAISE(const RecordSchema existing, SchemaOfConfig(dataset_.config));
      ARROW_RETURN_NOT_OK(CheckFits(existing, spec.schema));
      ARROW_RETURN_NOT_OK(CheckEmpty());
      ARROW_RETURN_NOT_OK(MakeDirs(active_));
    } else {
      ARROW_RETURN_NOT_OK(PrepareCreate());
    }
    return OpenCollection();
  }

  Result<WriteOutcome> Write(const RecordView& batch) override {
    ARROW_RETURN_NOT_OK(CheckPrepared());
    return collection_->Write(batch);
  }

  Status Finish() override {
    ARROW_RETURN_NOT_OK(CheckPrepared());
    // A collection that others made keeps what they put into it: a rollback would not know that this is ours.
    if (layout_->bookkeeping && (created_ || replacing_)) {
      const std::string blob = BookkeepingBlob(*layout_->bookkeeping, spec_.schema, unnamed_, spec_.model);
      ARROW_RETURN_NOT_OK(collection_->WriteBookkeeping(layout_->bookkeeping->point_id, blob));
    }
    if (replacing_) return FinishReplace();
    if (!created_) return Status::OK();
    ARROW_RETURN_NOT_OK(List());
    created_ = false;
    return Status::OK();
  }

  Status Abort() override {
    collection_.reset();
    dataset_.lock.reset();
    created_ = replacing_ = false;
    return Status::OK();
  }

  Result<std::string> KeyOf(std::string_view tenant, std::string_view id) const override {
    const bool has_tenant = spec_.schema.has_tenant && !tenant.empty();
    bool keep_original;
    ARROW_ASSIGN_OR_RAISE(const PointId point, PointIdOf(*layout_, spec_.schema.id_kind, has_tenant ? std::optional(tenant) : std::nullopt,
                                                         id, &keep_original));
    return point.Identity();
  }
  /// A native id is the same point for every tenant, and a hash is cut to its first half.
  bool InjectiveKeys(const RecordSchema& schema) const override {
    return layout_->id_rule == Layout::IdRule::native_or_uuid5 && !schema.has_tenant;
  }

  Lookup* lookup() override { return this; }
  Undo* undo() override { return this; }

  Result<std::unique_ptr<Source>> OpenReadBack() override {
    ARROW_RETURN_NOT_OK(CheckPrepared());
    return MakeSource(ReadBackDataset(), layout_, spec_.schema, cancel_);
  }

  // ---- Lookup
  Result<int64_t> Count() override {
    ARROW_RETURN_NOT_OK(EnsureOpen());
    ARROW_ASSIGN_OR_RAISE(const auto info, InfoOf(ReadBackDataset(), spec_.schema));
    return info.count;
  }
  Result<RecordView> Get(const std::vector<std::string_view>& tenants, const std::vector<std::string_view>& ids) override {
    ARROW_RETURN_NOT_OK(EnsureOpen());
    return collection_->Get(tenants, ids);
  }
  Result<int64_t> CountOf(const std::vector<std::string_view>& tenants, const std::vector<std::string_view>& ids) override {
    ARROW_RETURN_NOT_OK(EnsureOpen());
    return collection_->CountOf(tenants, ids);
  }

  // ---- Undo
  Result<std::vector<std::optional<std::string>>> Capture(const std::vector<std::string_view>& tenants,
                                                          const std::vector<std::string_view>& ids) override {
    ARROW_RETURN_NOT_OK(EnsureOpen());
    return collection_->Capture(tenants, ids);
  }
  Status Restore(const std::vector<std::string_view>& tenants, const std::vector<std::string_view>& ids,
                 const std::vector<std::string_view>& images) override {
    ARROW_RETURN_NOT_OK(EnsureOpen());
    return collection_->Restore(tenants, ids, images);
  }
  Status DeleteIds(const std::vector<std::string_view>& tenants, const std::vector<std::string_view>& ids) override {
    ARROW_RETURN_NOT_OK(EnsureOpen());
    return collection_->Delete(tenants, ids);
  }
  Status DropDataset() override;

 private:
  static std::string IdentityOf(const Dataset& dataset) {
    return fmt::format("{}:{}#{}", kScheme, CanonicalPath(dataset.root).string(), dataset.name);
  }

  Result<TargetInfo> InfoOf(Dataset dataset, std::optional<RecordSchema> known) {
    TargetInfo info;
    info.exists = true;
    info.identity = IdentityOf(dataset);
    ARROW_ASSIGN_OR_RAISE(const DatasetInfo described, MakeSource(std::move(dataset), layout_, std::move(known), cancel_)->Describe());
    info.count = described.count;
    info.schema = described.schema;
    info.notes = described.notes;
    return info;
  }

  /// Reads meta.json: fills in name (through an alias), folder and parameters. Whether it is listed.
  static Result<bool> Locate(Dataset* dataset) {
    ARROW_ASSIGN_OR_RAISE(const Meta meta, Meta::Read(dataset->root));
    dataset->name = meta.Resolve(dataset->name);
    ARROW_ASSIGN_OR_RAISE(dataset->directory, CollectionPath(dataset->root, dataset->name));
    const auto config = meta.Config(dataset->name);
    dataset->config = config.value_or("");
    return config.has_value();
  }

  Result<bool> Has(std::string_view intent) const {
    if (!spec_.intents) return false;
    ARROW_ASSIGN_OR_RAISE(const auto payload, spec_.intents->Find(intent));
    return payload == dataset_.name;
  }
  Status Record(std::string_view intent) const {
    ARROW_ASSIGN_OR_RAISE(const bool there, Has(intent));
    return there || !spec_.intents ? Status::OK() : spec_.intents->Record(intent, dataset_.name);
  }
  Status CheckPrepared() const {
    return collection_ ? Status::OK() : MakeError(Category::internal, "the sink was not prepared");
  }

  Result<std::string> NewConfig() const {
    const auto settings = spec_.settings.find(kConfigSetting);
    return ConfigOfSchema(spec_.schema, settings == spec_.settings.end() ? "" : settings->second);
  }

  /// Whether the folder of a collection that is not listed is this run's. A caller without a log of intents says it by `resumed`.
  Result<bool> Ours() const { return spec_.intents ? Has(kCreateIntent) : Result<bool>(spec_.resumed); }
  Status CheckEmpty();
  Status PrepareCreate();
  Status PrepareReplace();
  Status FinishReplace();
  Status List();
  Status OpenCollection();
  Status EnsureOpen();

  /// Folders of a replacement, beside the collection's own; the client ignores what is not listed.
  fs::path Staging(std::string_view suffix = {}) const {
    std::string run;
    for (const char c : spec_.run_id) run += std::isalnum(static_cast<unsigned char>(c)) || c == '-' || c == '_' ? c : '_';
    return dataset_.root / "collection" / fmt::format(".vecferry-{}-{}{}", run, FormatUuid(UuidV5(kIdNamespace, dataset_.name)).substr(0, 8), suffix);
  }
  fs::path Backup() const { return Staging(".old"); }

  Dataset ReadBackDataset() const {
    Dataset dataset = dataset_;
    dataset.directory = active_;
    return dataset;
  }

  Dataset dataset_;
  const Capabilities& can_;
  const Layout* layout_;
  const CancelToken* cancel_;
  SinkSpec spec_;
  fs::path active_;         ///< the folder that is written to
  bool created_ = false;    ///< it is to be listed at the end
  bool replacing_ = false;  ///< it is to take the place of the old one at the end
  bool unnamed_ = false;
  std::mutex open_mutex_;
  std::unique_ptr<WritableCollection> collection_;
};

/// A collection that holds records is only added to where that was asked for, or by the run that filled it.
Status CollectionSink::CheckEmpty() {
  ARROW_ASSIGN_OR_RAISE(const bool ours, Ours());
  if (spec_.on_exists != OnExists::fail || spec_.resumed || ours) return Status::OK();
  ARROW_ASSIGN_OR_RAISE(const TargetInfo info, InfoOf(dataset_, spec_.schema));
  if (info.count == 0) return Status::OK();
  return MakeError(Category::refused, fmt::format("the collection {} holds {} points", Printable(dataset_.name), info.count),
                   "use --on-exists append, upsert or replace, or name another collection");
}

/// A folder that is not listed and not ours may be what somebody wants back: it is not written to.
Status CollectionSink::PrepareCreate() {
  ARROW_RETURN_NOT_OK(CheckNewName(dataset_.name));
  ARROW_ASSIGN_OR_RAISE(const bool ours, Ours());
  ARROW_ASSIGN_OR_RAISE(dataset_.config, NewConfig());
  if (!ours && !spec_.adopt && Exists(active_)) {
    int64_t rows = 0;
    const auto file = OpenForReading(dataset_);
    if (file.ok() && *file) {
      ARROW_ASSIGN_OR_RAISE(auto db, (*file)->Connect());
      ARROW_ASSIGN_OR_RAISE(rows, db.QueryInt("SELECT count(*) FROM points"));
    }
    if (!file.ok() || rows > 0) {
      return MakeError(Category::refused,
                       fmt::format("{} exists but meta.json does not list it{}", active_.string(),
                                   file.ok() ? fmt::format(", and it holds {} points", rows) : ""),
                       "if it is what is left of this copy and its journal is lost, run the same command with --adopt; else move the folder away, "
                       "or choose another collection name");
    }
  }
  ARROW_RETURN_NOT_OK(Record(kCreateIntent));
  VF_FAILPOINT("qdrant-local.create.before");
  ARROW_RETURN_NOT_OK(MakeDirs(active_));
  ARROW_RETURN_NOT_OK(SyncDir(active_.parent_path()));
  VF_FAILPOINT("qdrant-local.create.after");
  created_ = true;
  return Status::OK();
}

Status CollectionSink::PrepareReplace() {
  ARROW_ASSIGN_OR_RAISE(dataset_.config, NewConfig());
  ARROW_RETURN_NOT_OK(Record(kReplaceIntent));
  ARROW_ASSIGN_OR_RAISE(const bool swapping, Has(kSwapIntent));
  replacing_ = true;
  if (swapping && !Exists(Staging())) {
    if (Exists(active_)) return Status::OK();  // swapped already: the folder is the new one
    return MakeError(Category::refused, fmt::format("{} was removed in the middle of its replacement", active_.string()),
                     "start a new run with --restart");
  }
  active_ = Staging();
  VF_FAILPOINT("qdrant-local.create.before");
  ARROW_RETURN_NOT_OK(MakeDirs(active_));
  ARROW_RETURN_NOT_OK(SyncDir(active_.parent_path()));
  VF_FAILPOINT("qdrant-local.create.after");
  return Status::OK();
}

Status CollectionSink::OpenCollection() {
  ARROW_ASSIGN_OR_RAISE(RecordSchema schema, SchemaOfConfig(dataset_.config));
  unnamed_ = IsUnnamed(dataset_.config);
  schema.id_kind = spec_.schema.id_kind;
  schema.has_document = spec_.schema.has_document;
  schema.has_tenant = spec_.schema.has_tenant;
  ARROW_ASSIGN_OR_RAISE(collection_, WritableCollection::Open(ReadBackDataset(), std::move(schema), unnamed_, *layout_));
  return Status::OK();
}

/// For what may be asked of a sink that was not prepared: rollback.
Status CollectionSink::EnsureOpen() {
  std::lock_guard guard(open_mutex_);
  if (collection_) return Status::OK();
  ARROW_ASSIGN_OR_RAISE(dataset_.lock, DirectoryLock::Exclusive(dataset_.root));
  ARROW_ASSIGN_OR_RAISE(const bool listed, Locate(&dataset_));
  if (!listed) {
    return MakeError(Category::not_found, fmt::format("there is no collection {}", Printable(dataset_.name)), "check the name");
  }
  active_ = dataset_.directory;
  ARROW_ASSIGN_OR_RAISE(const DatasetInfo info, MakeSource(dataset_, layout_, std::nullopt, cancel_)->Describe());
  spec_.schema = info.schema;
  return OpenCollection();
}

Status CollectionSink::List() {
  ARROW_ASSIGN_OR_RAISE(Meta meta, Meta::Read(dataset_.root));
  ARROW_RETURN_NOT_OK(meta.Put(dataset_.name, dataset_.config));
  ARROW_RETURN_NOT_OK(SyncDir(active_));
  VF_FAILPOINT("qdrant-local.list.before");
  ARROW_RETURN_NOT_OK(meta.Write(dataset_.root));
  VF_FAILPOINT("qdrant-local.list.after");
  return Status::OK();
}

Status CollectionSink::FinishReplace() {
  ARROW_RETURN_NOT_OK(Record(kSwapIntent));
  collection_.reset();  // a database must not be open while its folder moves
  if (active_ != dataset_.directory) {
    if (Exists(dataset_.directory) && !Exists(Backup())) ARROW_RETURN_NOT_OK(Rename(dataset_.directory, Backup()));
    ARROW_RETURN_NOT_OK(Rename(active_, dataset_.directory));
    active_ = dataset_.directory;
  }
  ARROW_RETURN_NOT_OK(List());
  VF_FAILPOINT("qdrant-local.remove.before");
  ARROW_RETURN_NOT_OK(RemoveTree(Backup()));
  VF_FAILPOINT("qdrant-local.remove.after");
  return OpenCollection();
}

Status CollectionSink::DropDataset() {
  std::lock_guard guard(open_mutex_);
  collection_.reset();
  ARROW_ASSIGN_OR_RAISE(dataset_.lock, DirectoryLock::Exclusive(dataset_.root));
  ARROW_ASSIGN_OR_RAISE(const bool listed, Locate(&dataset_));
  if (replacing_ && active_ == Staging()) {  // the old one still stands, or stands beside
    if (!Exists(dataset_.directory) && Exists(Backup())) ARROW_RETURN_NOT_OK(Rename(Backup(), dataset_.directory));
    return RemoveTree(Staging());
  }
  if (listed) {
    ARROW_ASSIGN_OR_RAISE(Meta meta, Meta::Read(dataset_.root));
    meta.Remove(dataset_.name);
    VF_FAILPOINT("qdrant-local.unlist.before");
    ARROW_RETURN_NOT_OK(meta.Write(dataset_.root));
    VF_FAILPOINT("qdrant-local.unlist.after");
  }
  return RemoveTree(dataset_.directory);
}

}  // namespace

std::unique_ptr<Sink> MakeSink(Dataset dataset, const OpenContext& context, const Capabilities& can) {
  return std::make_unique<CollectionSink>(std::move(dataset), context, can);
}

}  // namespace vecferry::qdrant_local
