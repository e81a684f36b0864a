#include <algorithm>

#include <fmt/format.h>

#include "base/failpoint.h"
#include "base/text.h"
#include "base/uuid.h"
#include "connector/fit.h"
#include "connector/intentions.h"
#include "connector/keyed_undo.h"
#include "connector/row_judge.h"
#include "connectors/milvus/replacement.h"
#include "connectors/milvus/writer.h"

namespace vecferry::milvus {
namespace {

/// What is written down before it is done, or where it says so after; the payload is a collection's name.
constexpr std::string_view kCreateIntent = "create-dataset";       ///< the collection is ours, once it exists
constexpr std::string_view kCreatedIntent = "created-dataset";     ///< after: it existed; gone later, somebody removed it

class CollectionSink final : public Sink, public KeyedUndo {
 public:
  CollectionSink(Dataset dataset, const Capabilities& can) : dataset_(std::move(dataset)), can_(can) {}

  // ---- Sink
  Result<TargetInfo> Describe() override {
    TargetInfo out;
    out.identity = dataset_.identity();
    found_.reset();
    ARROW_RETURN_NOT_OK(CheckCollectionName(dataset_.name));
    ARROW_ASSIGN_OR_RAISE(const auto found, Look(*dataset_.client, dataset_.name, *dataset_.layout));
    if (!found) return out;
    dataset_.collection = found->collection.name;
    found_ = found;
    out.exists = true;
    // Milvus Lite 2 knows neither aliases nor new names.
    const bool renames = !dataset_.client->is_lite() || !dataset_.client->version().empty();
    out.replace = !renames ? ReplaceMode::none : dataset_.is_alias() ? ReplaceMode::atomic : ReplaceMode::window;
    if (!Indexed(found->shape)) {
      // It cannot be loaded, and so not counted but by what is flushed: made a moment ago, or nobody's to read yet.
      out.schema = found->shape.schema;
      ARROW_ASSIGN_OR_RAISE(out.count, dataset_.client->Statistics(dataset_.collection));
      return out;
    }
    ARROW_ASSIGN_OR_RAISE(const DatasetInfo described, MakeSource(dataset_, writer_ ? std::optional(spec_.schema) : std::nullopt)->Describe());
    out.count = described.count;
    out.schema = described.schema;
    out.notes = described.notes;
    return out;
  }

  std::vector<Note> Foresee(const SinkSpec& spec) const override {
    std::vector<Note> notes;
    if (spec.schema.has_tenant && dataset_.client->target().tenant_field != "partition") {
      notes.push_back({"tenant-in-key", "a key of the collection is made of tenant and id, for keys are one space for all tenants", -1, false});
    }
    if (!KnowsNull() && spec.schema.has_document) {
      notes.push_back({"document-in-meta", "the server knows no null values: documents stand in the dynamic field", -1, false});
    }
    return notes;
  }

  Result<RowJudge> JudgeOf(const SinkSpec& spec) const override {
    const bool create = !found_ || spec.on_exists == OnExists::replace;
    Shape shape;
    if (create) {
      const auto setting = Takeover(spec);
      const NewCollection wishes = WishesFor(spec, setting);
      ARROW_ASSIGN_OR_RAISE(const Collection collection, Design(dataset_.name, spec.schema, wishes));
      Wishes as;
      as.layout = wishes.layout;
      as.tenant_field = wishes.tenant_field;
      as.document_field = wishes.document_field;
      ARROW_ASSIGN_OR_RAISE(shape, ShapeOf(collection, {}, as));
    } else {
      ARROW_RETURN_NOT_OK(CheckWritable(*found_, spec.schema));
      shape = found_->shape;
    }
    ARROW_ASSIGN_OR_RAISE(shape, BindShape(std::move(shape), spec.schema, create));
    RowEncoder encoder(shape, spec.layout ? *spec.layout : *dataset_.layout);
    return JudgeEach([encoder = std::move(encoder)](const RecordView& batch, int64_t row) mutable {
      encoder.Begin();
      return encoder.Append(batch, row);
    });
  }

  Status Prepare(const SinkSpec& spec) override {
    ARROW_RETURN_NOT_OK(Abort());
    ARROW_RETURN_NOT_OK(CheckSchemaFits(can_, spec.schema));
    spec_ = spec;
    intents_ = Intentions(spec.intents);
    if (spec.layout) dataset_.layout = spec.layout;
    setting_ = Takeover(spec);
    replacement_ = std::make_unique<Replacement>(dataset_, spec_.intents);
    ARROW_ASSIGN_OR_RAISE(const auto staging, replacement_->Staging());
    ARROW_ASSIGN_OR_RAISE(auto found, Look(*dataset_.client, dataset_.name, *dataset_.layout));
    active_ = found ? found->collection.name : dataset_.name;
    dataset_.collection = active_;
    if (staging || (spec.on_exists == OnExists::replace && found)) {
      ARROW_RETURN_NOT_OK(PrepareReplace(staging, found));
    } else if (found) {
      ARROW_RETURN_NOT_OK(CheckExisting(*found));
    } else {
      ARROW_RETURN_NOT_OK(PrepareCreate());
    }
    return Open();
  }

  Result<WriteOutcome> Write(const RecordView& batch) override {
    ARROW_RETURN_NOT_OK(CheckPrepared());
    return writer_->Write(batch);
  }

  Status Finish() override {
    ARROW_RETURN_NOT_OK(CheckPrepared());
    ARROW_RETURN_NOT_OK(dataset_.client->Flush(active_));
    if (replacing_) {
      ARROW_RETURN_NOT_OK(replacement_->TurnOver(active_));
      ARROW_ASSIGN_OR_RAISE(const auto now, dataset_.client->Describe(dataset_.name));
      if (!now) return MakeError(Category::not_found, fmt::format("the collection '{}' is gone", Printable(dataset_.name)), "see what removed it");
      dataset_.collection = active_ = now->name;
      // A server may release what gets another name.
      ARROW_RETURN_NOT_OK(loaded_->Ensure(dataset_.client, active_));
      loaded_->Keep();
      ARROW_RETURN_NOT_OK(Bind());
    }
    return Status::OK();
  }

  Status Abort() override {
    writer_.reset(), rows_.reset();
    created_ = replacing_ = false;
    return Status::OK();
  }

  Result<std::string> KeyOf(std::string_view tenant, std::string_view id) const override {
    ARROW_ASSIGN_OR_RAISE(const auto key, vecferry::milvus::KeyOf(shape_, tenant, id));
    return key.Spelled();
  }
  /// Keys are one space for all tenants; only such as are made of tenant and id are apart.
  bool InjectiveKeys(const RecordSchema& schema) const override { return !schema.has_tenant || shape_.qualified_keys; }

  Lookup* lookup() override { return Rows(); }
  Undo* undo() override { return this; }

  Result<std::unique_ptr<Source>> OpenReadBack() override {
    ARROW_RETURN_NOT_OK(CheckPrepared());
    return MakeSource(Active(), spec_.schema);
  }

  // ---- Undo
  Result<Undo*> Records() override {
    ARROW_RETURN_NOT_OK(CheckPrepared());
    return rows_.get();
  }
  /// The collection that was being written, never what it took the place of.
  Status DropDataset() override {
    if (replacement_) ARROW_RETURN_NOT_OK(replacement_->GiveBack());
    VF_FAILPOINT("milvus.drop.before");
    ARROW_RETURN_NOT_OK(dataset_.client->Drop(active_.empty() ? dataset_.name : active_));
    VF_FAILPOINT("milvus.drop.after");
    return Status::OK();
  }

 private:
  Status CheckPrepared() const { return writer_ ? Status::OK() : MakeError(Category::internal, "the sink was not prepared"); }
  static bool Indexed(const Shape& shape) {
    return std::all_of(shape.slots.begin(), shape.slots.end(), [&](const Slot& slot) { return !IsVector(slot.field.type) || shape.indexes.contains(slot.field.name); });
  }
  bool KnowsNull() const { return dataset_.client->AtLeast(2, 5); }

  Dataset Active() const {
    Dataset dataset = dataset_;
    dataset.collection = active_;
    return dataset;
  }
  /// For what may be asked of a sink that was only described.
  RowsByKey* Rows() {
    if (rows_) return rows_.get();
    const auto found = Look(*dataset_.client, dataset_.name, *dataset_.layout);
    if (!found.ok() || !*found) return nullptr;
    Dataset dataset = dataset_;
    dataset.collection = (*found)->collection.name;
    rows_ = std::make_unique<RowsByKey>(dataset, (*found)->shape, loaded_);
    return rows_.get();
  }

  static std::optional<Setting> Takeover(const SinkSpec& spec) {
    const auto at = spec.settings.find(kCollectionSetting);
    return at == spec.settings.end() ? std::nullopt : ParseSetting(at->second);
  }

  Status CheckExisting(const Found& found) {
    ARROW_RETURN_NOT_OK(CheckWritable(found, spec_.schema));
    ARROW_RETURN_NOT_OK(BindShape(found.shape, spec_.schema, false).status());
    ARROW_ASSIGN_OR_RAISE(const auto ours, intents_.Find(kCreateIntent));
    created_ = ours == active_;
    if (created_) {
      ARROW_RETURN_NOT_OK(intents_.Record(kCreatedIntent, active_));
      return AddIndexes(active_);
    }
    if (spec_.on_exists != OnExists::fail || spec_.resumed) return Status::OK();
    ARROW_RETURN_NOT_OK(loaded_->Ensure(dataset_.client, active_));
    ARROW_ASSIGN_OR_RAISE(const int64_t count, dataset_.client->Count(active_));
    if (count == 0) return Status::OK();
    return MakeError(Category::refused, fmt::format("the collection '{}' holds {} rows", Printable(dataset_.name), count),
                     "use --on-exists append, upsert or replace, or name another collection");
  }

  Status CheckWritable(const Found& found, const RecordSchema& schema) const {
    if (found.shape.key_field().auto_id) {
      return MakeError(Category::refused, fmt::format("the collection '{}' makes its own keys, so that no record keeps its id and a repeated write makes another row", Printable(dataset_.name)),
                       "name a new collection: its key is the records' id");
    }
    if (found.shape.schema.has_tenant && !found.shape.partition_tenants && !schema.has_tenant && !found.shape.dynamic) return Status::OK();
    if (!found.shape.integer_keys() || schema.id_kind == IdKind::i64 || schema.id_kind == IdKind::u64) return Status::OK();
    return MakeError(Category::refused, fmt::format("the key of '{}' is an integer, and the records' ids are {}", Printable(dataset_.name), Name(schema.id_kind)),
                     "name another collection, or use --on-exists replace");
  }

  Status PrepareCreate() {
    ARROW_ASSIGN_OR_RAISE(const auto made, intents_.Find(kCreatedIntent));
    ARROW_RETURN_NOT_OK(CheckMayMake(spec_, intents_, made == dataset_.name, fmt::format("the collection '{}'", Printable(dataset_.name))));
    ARROW_RETURN_NOT_OK(CheckCollectionName(dataset_.name));
    ARROW_RETURN_NOT_OK(intents_.Record(kCreateIntent, dataset_.name));
    ARROW_RETURN_NOT_OK(CreateCollection(dataset_.name));
    ARROW_RETURN_NOT_OK(intents_.Record(kCreatedIntent, dataset_.name));
    created_ = true;
    return AddIndexes(dataset_.name);
  }

  NewCollection WishesFor(const SinkSpec& spec, const std::optional<Setting>& setting) const {
    const Target& target = dataset_.client->target();
    NewCollection wishes;
    wishes.layout = spec.layout ? spec.layout : dataset_.layout;
    wishes.tenant_field = target.tenant_field == "partition" ? "" : target.tenant_field;
    wishes.document_field = target.document_field;
    wishes.integer_keys = target.integer_keys;
    wishes.nullable_scalars = KnowsNull();
    wishes.missing_vectors = KnowsNull() && !dataset_.client->is_lite();
    wishes.partition_tenants = PartitionTenants();
    wishes.least_dims = dataset_.client->is_lite() ? 1 : 2;
    wishes.like = setting ? &setting->collection : nullptr;
    return wishes;
  }

  Status CreateCollection(const std::string& name) {
    NewCollection wishes = WishesFor(spec_, setting_);
    VF_FAILPOINT("milvus.create.before");
    ARROW_ASSIGN_OR_RAISE(Collection collection, Design(name, spec_.schema, wishes));
    Status created = dataset_.client->Create(collection);
    if (IsCategory(created, Category::refused) && wishes.missing_vectors) {
      // Servers that know null values do not all know vectors that are.
      wishes.missing_vectors = false;
      ARROW_ASSIGN_OR_RAISE(collection, Design(name, spec_.schema, wishes));
      created = dataset_.client->Create(collection);
    }
    ARROW_RETURN_NOT_OK(created);
    VF_FAILPOINT("milvus.create.after");
    return Status::OK();
  }

  bool PartitionTenants() const { return dataset_.client->target().tenant_field == "partition"; }

  /// Each vector field gets one, for without it nothing can be loaded and so nothing read; and partitions that the source had.
  Status AddIndexes(const std::string& name) {
    ARROW_ASSIGN_OR_RAISE(auto found, Look(*dataset_.client, name, *dataset_.layout));
    if (!found) return MakeError(Category::not_found, fmt::format("the collection '{}' was made and is gone", Printable(name)), "see what removed it");
    ARROW_ASSIGN_OR_RAISE(const Shape shape, BindShape(found->shape, spec_.schema, true));
    for (const Slot& slot : shape.slots) {
      if (slot.role != Role::vector || shape.indexes.contains(slot.field.name)) continue;
      ARROW_ASSIGN_OR_RAISE(const Pairs params, IndexParams(slot, shape.schema.vectors[slot.column]));
      ARROW_RETURN_NOT_OK(dataset_.client->CreateIndex(name, slot.field.name, slot.field.name, params));
    }
    return Status::OK();
  }

  /// The source's own where it was a collection with the same metric; else what the server chooses.
  Result<Pairs> IndexParams(const Slot& slot, const VectorSpec& spec) const {
    ARROW_ASSIGN_OR_RAISE(const std::string metric, MetricName(spec));
    if (setting_ && dataset_.client->target().index_type.empty() && spec_.index) {
      for (const Index& index : setting_->indexes) {
        if (index.field == slot.field.name && ValueOf(index.params, "metric_type") == metric && !ValueOf(index.params, "index_type").empty()) return TakenOver(index.params);
      }
    }
    std::string type = dataset_.client->target().index_type;
    if (type.empty()) type = DefaultIndex(slot.field.type);
    Pairs params = {{"index_type", type}, {"metric_type", metric}};
    if (type.starts_with("IVF") || type.starts_with("BIN_IVF")) params.emplace_back("params", R"({"nlist":1024})");
    if (type == "HNSW") params.emplace_back("params", R"({"M":16,"efConstruction":200})");
    return params;
  }

  std::string DefaultIndex(DataType type) const {
    if (type == DataType::sparse_vector) return "SPARSE_INVERTED_INDEX";
    if (type == DataType::binary_vector) return dataset_.client->is_lite() || !spec_.index ? "BIN_FLAT" : "AUTOINDEX";
    return spec_.index || type == DataType::int8_vector ? "AUTOINDEX" : "FLAT";
  }

  /// A server tells parameters one by one, and takes those of the index in one JSON text.
  static Pairs TakenOver(const Pairs& params) {
    Pairs out;
    for (const auto& [key, value] : params) {
      if (key != "dim" && key != "index_id") out.emplace_back(key, value);
    }
    return out;
  }

  /// A new collection beside the old one, which takes its place in Finish.
  Status PrepareReplace(const std::optional<std::string>& staging, const std::optional<Found>& found) {
    replacing_ = true;
    ARROW_ASSIGN_OR_RAISE(const auto made, intents_.Find(kCreatedIntent));
    if (!staging) {
      ARROW_ASSIGN_OR_RAISE(active_, replacement_->Begin(spec_.run_id, found && found->collection.name != dataset_.name ? found->collection.name : ""));
    } else {
      ARROW_ASSIGN_OR_RAISE(active_, replacement_->Where(*staging));
      ARROW_ASSIGN_OR_RAISE(const auto there, dataset_.client->Describe(active_));
      if (there) return AddIndexes(active_);
      if (made == *staging) {
        return MakeError(Category::not_found, fmt::format("the collection '{}', which was to take the place of '{}', is gone", Printable(active_), Printable(dataset_.name)),
                         "begin anew with --restart");
      }
    }
    ARROW_RETURN_NOT_OK(CreateCollection(active_));
    ARROW_RETURN_NOT_OK(intents_.Record(kCreatedIntent, active_));
    return AddIndexes(active_);
  }

  Status Open() {
    ARROW_RETURN_NOT_OK(loaded_->Ensure(dataset_.client, active_));
    if (created_ || replacing_) loaded_->Keep();
    return Bind();
  }

  Status Bind() {
    ARROW_ASSIGN_OR_RAISE(const auto found, Look(*dataset_.client, active_, *dataset_.layout));
    if (!found) return MakeError(Category::not_found, fmt::format("the collection '{}' was made and is gone", Printable(active_)), "see what removed it");
    Shape shape = found->shape;
    if (PartitionTenants() && spec_.schema.has_tenant) shape.partition_tenants = true;
    ARROW_ASSIGN_OR_RAISE(shape_, BindShape(std::move(shape), spec_.schema, created_ || replacing_));
    // Milvus Lite 3 merges; nothing is there before in a collection of our own.
    const bool merges = dataset_.client->is_lite() && !dataset_.client->is_lite_2() && shape_.dynamic && !created_ && !replacing_;
    writer_ = std::make_unique<CollectionWriter>(Active(), shape_, merges);
    rows_ = std::make_unique<RowsByKey>(Active(), shape_, loaded_);
    return Status::OK();
  }

  Dataset dataset_;
  const Capabilities& can_;
  SinkSpec spec_;
  Intentions intents_;
  std::optional<Setting> setting_;
  std::optional<Found> found_;  ///< what Describe found
  Shape shape_;
  std::string active_;      ///< the collection that is written to
  bool created_ = false;    ///< it is this run's own
  bool replacing_ = false;  ///< it takes the place of another at the end
  std::shared_ptr<Loaded> loaded_ = std::make_shared<Loaded>();
  std::unique_ptr<Replacement> replacement_;
  std::unique_ptr<CollectionWriter> writer_;
  std::unique_ptr<RowsByKey> rows_;
};

}  // namespace

std::unique_ptr<Sink> MakeSink(Dataset dataset, const OpenContext& context, const Capabilities& can) {
  if (context.layout) dataset.layout = context.layout;
  return std::make_unique<CollectionSink>(std::move(dataset), can);
}

}  // namespace vecferry::milvus
