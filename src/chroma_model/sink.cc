#include <fmt/format.h>

#include "base/failpoint.h"
#include "base/text.h"
#include "base/uuid.h"
#include "chroma_model/records.h"
#include "chroma_model/writer.h"
#include "connector/fit.h"
#include "connector/intentions.h"
#include "connector/keyed_undo.h"

namespace vecferry::chroma_model {
namespace {

/// What is written down before it is done, or where it says so after.
constexpr std::string_view kCreateIntent = "create-dataset";      ///< the name of the collection that will be ours
constexpr std::string_view kCreatedIntent = "created-dataset";    ///< after: its UUID
constexpr std::string_view kReplaceIntent = "replace-collection"; ///< the name that the new collection has until it takes the old one's place
constexpr std::string_view kReplacedIntent = "replaced-collection";  ///< the UUID of the old one
constexpr std::string_view kSwapIntent = "swap-collection";       ///< the names are being changed

class CollectionSink final : public Sink, public KeyedUndo {
 public:
  CollectionSink(Dataset dataset, const Capabilities& can) : dataset_(std::move(dataset)), can_(can) {}

  // ---- Sink
  Result<TargetInfo> Describe() override {
    TargetInfo out;
    out.identity = dataset_.identity;
    ARROW_ASSIGN_OR_RAISE(auto collection, Client().Find(dataset_.name));
    if (!collection) {
      ARROW_RETURN_NOT_OK(CheckCollectionName(dataset_.name));
      ARROW_ASSIGN_OR_RAISE(const bool database, Client().HasDatabase());
      if (!database) return NoDatabase();
      return out;
    }
    out.exists = true;
    const auto source = MakeSource(dataset_, *collection, writer_ ? std::optional(spec_.schema) : std::nullopt);
    ARROW_ASSIGN_OR_RAISE(const DatasetInfo described, source->Describe());
    out.count = described.count;
    out.schema = described.schema;
    // The first write fixes the dimension; the metric is there from the beginning.
    if (out.schema.vectors.empty()) out.schema.vectors = {{"", VectorKind::dense, Element::f32, 0, collection->parameters.metric, ""}};
    out.notes = described.notes;
    if (!writer_) active_ = *std::move(collection);
    return out;
  }

  Result<RowJudge> JudgeOf(const SinkSpec& spec) const override { return JudgeBy(spec.schema, spec.layout ? *spec.layout : *dataset_.layout, dataset_.json_text); }

  Status Prepare(const SinkSpec& spec) override {
    ARROW_RETURN_NOT_OK(Abort());
    ARROW_RETURN_NOT_OK(CheckSchemaFits(can_, spec.schema));
    spec_ = spec;
    intents_ = Intentions(spec.intents);
    if (spec.layout) dataset_.layout = spec.layout;
    ARROW_ASSIGN_OR_RAISE(const auto staging, intents_.Find(kReplaceIntent));
    ARROW_ASSIGN_OR_RAISE(auto collection, Client().Find(dataset_.name));
    if (staging || (spec.on_exists == OnExists::replace && collection)) {
      ARROW_RETURN_NOT_OK(PrepareReplace(staging, collection));
    } else if (collection) {
      ARROW_RETURN_NOT_OK(CheckExisting(*collection));
      active_ = *std::move(collection);
    } else {
      ARROW_RETURN_NOT_OK(PrepareCreate());
    }
    ARROW_RETURN_NOT_OK(CheckFits(SchemaOf(active_.parameters, active_.dimension), spec_.schema));
    writer_ = std::make_unique<CollectionWriter>(dataset_, active_.id, spec_.schema, !created_ && !replacing_);
    keyed_ = std::make_unique<RecordsByKey>(dataset_, active_.id, spec_.schema);
    return Status::OK();
  }

  Result<WriteOutcome> Write(const RecordView& batch) override {
    ARROW_RETURN_NOT_OK(CheckPrepared());
    return writer_->Write(batch);
  }

  Status Finish() override {
    ARROW_RETURN_NOT_OK(CheckPrepared());
    return replacing_ ? TurnOver() : Status::OK();
  }

  Status Abort() override {
    writer_.reset(), keyed_.reset();
    created_ = replacing_ = false;
    return Status::OK();
  }

  Result<std::string> KeyOf(std::string_view, std::string_view id) const override {
    if (id.empty()) return BadRecord("empty-id", "the id is empty, which Chroma refuses");
    return std::string(id);
  }
  /// Records of two tenants with one id are one record to Chroma.
  bool InjectiveKeys(const RecordSchema& schema) const override { return !schema.has_tenant; }

  /// Also of a sink that was only described.
  Lookup* lookup() override { return Keyed(); }
  Undo* undo() override { return this; }

  Result<std::unique_ptr<Source>> OpenReadBack() override {
    ARROW_RETURN_NOT_OK(CheckPrepared());
    return MakeSource(dataset_, active_, spec_.schema);
  }

  // ---- Undo
  Result<Undo*> Records() override {
    ARROW_RETURN_NOT_OK(CheckPrepared());
    return keyed_.get();
  }
  /// The collection that was being written, never the one whose place it was to take.
  Status DropDataset() override {
    ARROW_RETURN_NOT_OK(GiveBackName());
    if (active_.id.empty()) {
      ARROW_ASSIGN_OR_RAISE(const auto named, Client().Find(dataset_.name));
      if (named) active_ = *named;
    }
    VF_FAILPOINT("chroma.drop.before");
    // Whatever name it has by now: it is ours by its UUID.
    for (const std::string& name : {active_.name, dataset_.name}) {
      if (!name.empty() && !active_.id.empty()) ARROW_RETURN_NOT_OK(Client().Drop(name, active_.id));
    }
    VF_FAILPOINT("chroma.drop.after");
    return Status::OK();
  }

 private:
  const chroma_model::Client& Client() const { return *dataset_.client; }
  Status CheckPrepared() const { return writer_ ? Status::OK() : MakeError(Category::internal, "the sink was not prepared"); }

  RecordsByKey* Keyed() {
    if (!keyed_) keyed_ = std::make_unique<RecordsByKey>(dataset_, active_.id, spec_.schema);
    return keyed_.get();
  }

  Status NoDatabase() const {
    const Address& address = Client().address();
    return MakeError(Category::not_found, fmt::format("there is no database '{}' in the tenant '{}'", Printable(address.database, 200), Printable(address.tenant, 200)),
                     "create it with Chroma's own client, or name another: chroma://HOST:PORT/TENANT/DATABASE#COLLECTION");
  }

  static std::string TheCollection(const std::string& name) { return fmt::format("the collection '{}'", Printable(name, 300)); }

  Status CheckExisting(const Collection& collection) {
    ARROW_ASSIGN_OR_RAISE(const auto made, intents_.Find(kCreatedIntent));
    if (made && *made != collection.id) return Gone(TheCollection(dataset_.name), "this run had made and was filling");
    ARROW_RETURN_NOT_OK(CheckFits(SchemaOf(collection.parameters, collection.dimension), spec_.schema));
    if (collection.dimension == 0 && !spec_.schema.vectors.empty() && collection.parameters.metric != spec_.schema.vectors.front().metric) {
      return MakeError(Category::refused, fmt::format("the collection '{}' is of metric {}, the records are of {}", Printable(dataset_.name), Name(collection.parameters.metric),
                                                      Name(spec_.schema.vectors.front().metric)),
                       "name another collection, or use --on-exists replace");
    }
    ARROW_ASSIGN_OR_RAISE(const auto ours, intents_.Find(kCreateIntent));
    created_ = ours == dataset_.name;
    if (created_) return intents_.Record(kCreatedIntent, collection.id);
    if (spec_.on_exists != OnExists::fail || spec_.resumed) return Status::OK();
    ARROW_ASSIGN_OR_RAISE(const int64_t count, Client().Count(collection.id));
    if (count == 0) return Status::OK();
    return MakeError(Category::refused, fmt::format("the collection '{}' holds {} records", Printable(dataset_.name), count),
                     "use --on-exists append, upsert or replace, or name another collection");
  }

  Status PrepareCreate() {
    ARROW_ASSIGN_OR_RAISE(const auto made, intents_.Find(kCreatedIntent));
    ARROW_RETURN_NOT_OK(CheckMayMake(spec_, intents_, made.has_value(), TheCollection(dataset_.name)));
    ARROW_RETURN_NOT_OK(CheckCollectionName(dataset_.name));
    ARROW_ASSIGN_OR_RAISE(const bool database, Client().HasDatabase());
    if (!database) return NoDatabase();
    ARROW_RETURN_NOT_OK(intents_.Record(kCreateIntent, dataset_.name));
    ARROW_RETURN_NOT_OK(Create(dataset_.name));
    created_ = true;
    return Status::OK();
  }

  Status Create(const std::string& name) {
    ARROW_ASSIGN_OR_RAISE(const Creation creation, CreationOf(name, spec_.schema, spec_.settings));
    VF_FAILPOINT("chroma.create.before");
    ARROW_ASSIGN_OR_RAISE(active_, Client().Create(creation));
    VF_FAILPOINT("chroma.create.after");
    return intents_.Record(kCreatedIntent, active_.id);
  }

  /// A new collection beside the old one.
  Status PrepareReplace(const std::optional<std::string>& staging, const std::optional<Collection>& old) {
    replacing_ = true;
    if (!staging) {
      const std::string name = fmt::format("{}-{}", dataset_.name.substr(0, 480), Mark());
      ARROW_RETURN_NOT_OK(CheckCollectionName(name));
      ARROW_RETURN_NOT_OK(intents_.Record(kReplacedIntent, old->id));
      ARROW_RETURN_NOT_OK(intents_.Record(kReplaceIntent, name));
      return Create(name);
    }
    ARROW_ASSIGN_OR_RAISE(const auto made, intents_.Find(kCreatedIntent));
    // It may have the old one's name by now.
    ARROW_ASSIGN_OR_RAISE(auto staged, Client().Find(*staging));
    if (staged && (!made || staged->id == *made)) {
      active_ = *std::move(staged);
      return intents_.Record(kCreatedIntent, active_.id);
    }
    if (made && old && old->id == *made) {
      active_ = *old;
      return Status::OK();
    }
    return made ? Gone(TheCollection(*staging), "was to take the place of another") : Create(*staging);
  }

  std::string Mark() const { return FormatUuid(UuidV5(kIdNamespace, spec_.run_id + dataset_.name)).substr(0, 8); }
  /// What the old collection is called between the two renamings.
  std::string OldName() const { return fmt::format("{}-{}-old", dataset_.name.substr(0, 480), Mark()); }

  /// The old collection gives up its name, the new one takes it, the old one goes. Each step may have been done already.
  Status TurnOver() {
    ARROW_ASSIGN_OR_RAISE(const auto replaced, intents_.Find(kReplacedIntent));
    ARROW_RETURN_NOT_OK(intents_.Record(kSwapIntent, active_.id));
    ARROW_ASSIGN_OR_RAISE(const auto named, Client().Find(dataset_.name));
    if (named && named->id != active_.id) {
      if (replaced && named->id != *replaced) {
        return MakeError(Category::refused, fmt::format("the collection '{}' is another than the one that was to be replaced", Printable(dataset_.name)),
                         "see who made it, then begin anew with --restart");
      }
      VF_FAILPOINT("chroma.rename-old.before");
      ARROW_RETURN_NOT_OK(Client().Rename(named->id, OldName()));
    }
    if (!named || named->id != active_.id) {
      VF_FAILPOINT("chroma.rename-new.before");
      ARROW_RETURN_NOT_OK(Client().Rename(active_.id, dataset_.name));
      VF_FAILPOINT("chroma.rename-new.after");
    }
    active_.name = dataset_.name;
    ARROW_ASSIGN_OR_RAISE(const auto old, Client().Find(OldName()));
    if (!old) return Status::OK();
    VF_FAILPOINT("chroma.drop-old.before");
    return Client().Drop(OldName(), old->id);
  }

  /// What is being turned over goes back to the old collection where that still is; else the new one is all there is, and stays.
  Status GiveBackName() {
    ARROW_ASSIGN_OR_RAISE(const auto swapping, intents_.Find(kSwapIntent));
    if (!swapping) return Status::OK();
    ARROW_ASSIGN_OR_RAISE(const auto replaced, intents_.Find(kReplacedIntent));
    ARROW_ASSIGN_OR_RAISE(const auto named, Client().Find(dataset_.name));
    if (named && replaced && named->id == *replaced) return Status::OK();
    ARROW_ASSIGN_OR_RAISE(const auto old, Client().Find(OldName()));
    if (!old) {
      return MakeError(Category::refused, fmt::format("the collection that '{}' was is gone: the new one is all there is", Printable(dataset_.name)),
                       "run the copy again as it was begun: it finishes");
    }
    if (named && named->id == active_.id) {
      ARROW_ASSIGN_OR_RAISE(const auto staging, intents_.Find(kReplaceIntent));
      ARROW_RETURN_NOT_OK(Client().Rename(active_.id, staging.value_or(OldName() + "-new")));
      active_.name = staging.value_or(OldName() + "-new");
    }
    return Client().Rename(old->id, dataset_.name);
  }

  Dataset dataset_;
  const Capabilities& can_;
  SinkSpec spec_;
  Intentions intents_;
  Collection active_;       ///< the collection that is written to
  bool created_ = false;    ///< it is this run's own
  bool replacing_ = false;  ///< it takes the place of another at the end
  std::unique_ptr<CollectionWriter> writer_;
  std::unique_ptr<RecordsByKey> keyed_;
};

}  // namespace

std::unique_ptr<Sink> MakeSink(Dataset dataset, const Capabilities& can) { return std::make_unique<CollectionSink>(std::move(dataset), can); }

}  // namespace vecferry::chroma_model
