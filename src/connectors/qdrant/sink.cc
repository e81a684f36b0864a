#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/failpoint.h"
#include "base/text.h"
#include "base/uuid.h"
#include "connector/fit.h"
#include "connector/intentions.h"
#include "connector/keyed_undo.h"
#include "connectors/qdrant/config.h"
#include "connectors/qdrant/deferral.h"
#include "connectors/qdrant/writer.h"
#include "qdrant_model/collection_config.h"
#include "qdrant_pb/collections.pb.h"
#include "qdrant_pb/points.pb.h"

namespace vecferry::qdrant {
namespace {

/// What is written down before it is done, or where it says so after; the payload is a collection's name.
constexpr std::string_view kCreateIntent = "create-dataset";       ///< the collection is ours, once it exists
constexpr std::string_view kCreatedIntent = "created-dataset";     ///< after: it existed; gone later, somebody removed it
constexpr std::string_view kReplaceIntent = "replace-collection";  ///< the collection that takes the place of what the name stood for
constexpr std::string_view kReplacedIntent = "replaced-collection";  ///< what the name stood for; "" for itself, a plain collection
constexpr std::string_view kSwapIntent = "swap-collection";        ///< the name is being turned over

class CollectionSink final : public Sink, public KeyedUndo {
 public:
  CollectionSink(Dataset dataset, const Capabilities& can) : dataset_(std::move(dataset)), can_(can) {}

  // ---- Sink
  Result<TargetInfo> Describe() override {
    TargetInfo out;
    out.identity = dataset_.identity();
    ARROW_RETURN_NOT_OK(Locate());
    ARROW_ASSIGN_OR_RAISE(const auto info, dataset_.client->Info(dataset_.collection));
    if (!info) {
      ARROW_RETURN_NOT_OK(CheckCollectionName(dataset_.name));
      return out;
    }
    deferral_ = std::make_unique<Deferral>(dataset_);
    out.exists = true;
    out.replace = dataset_.is_alias() ? ReplaceMode::atomic : ReplaceMode::window;
    ARROW_ASSIGN_OR_RAISE(const DatasetInfo described, MakeSource(dataset_, writer_ ? std::optional(spec_.schema) : std::nullopt)->Describe());
    out.count = described.count;
    out.schema = described.schema;
    out.notes = described.notes;
    return out;
  }

  Status Prepare(const SinkSpec& spec) override {
    ARROW_RETURN_NOT_OK(Abort());
    ARROW_RETURN_NOT_OK(CheckSchemaFits(can_, spec.schema));
    spec_ = spec;
    intents_ = Intentions(spec.intents);
    if (spec.layout) dataset_.layout = spec.layout;
    ARROW_RETURN_NOT_OK(Locate());
    ARROW_ASSIGN_OR_RAISE(const auto staging, intents_.Find(kReplaceIntent));
    ARROW_ASSIGN_OR_RAISE(auto info, dataset_.client->Info(dataset_.collection));
    active_ = dataset_.collection;
    if (staging || (spec.on_exists == OnExists::replace && info)) {
      ARROW_RETURN_NOT_OK(PrepareReplace(staging));
      ARROW_ASSIGN_OR_RAISE(info, dataset_.client->Info(active_));
    } else if (info) {
      ARROW_RETURN_NOT_OK(CheckExisting(*info));
    } else {
      ARROW_RETURN_NOT_OK(PrepareCreate());
      ARROW_ASSIGN_OR_RAISE(info, dataset_.client->Info(active_));
    }
    if (!info) return MakeError(Category::not_found, fmt::format("the collection '{}' was made and is gone", Printable(active_)), "see what removed it");
    return Open(*info);
  }

  Result<WriteOutcome> Write(const RecordView& batch) override {
    ARROW_RETURN_NOT_OK(CheckPrepared());
    return writer_->Write(batch);
  }

  Status Finish() override {
    ARROW_RETURN_NOT_OK(CheckPrepared());
    // A collection that others made keeps what they put into it: a rollback would not know that this is ours.
    if (created_ || replacing_) ARROW_RETURN_NOT_OK(writer_->WriteBookkeeping(spec_.model));
    if (replacing_) ARROW_RETURN_NOT_OK(TurnOver());
    return created_ || replacing_ ? AddAliases() : Status::OK();
  }

  Status Abort() override {
    writer_.reset(), points_.reset(), deferral_.reset();
    created_ = replacing_ = false;
    return Status::OK();
  }

  Result<std::string> KeyOf(std::string_view tenant, std::string_view id) const override {
    const PointsByKey points(dataset_, shape_);
    ARROW_ASSIGN_OR_RAISE(const PointId point, points.IdOf(tenant, id));
    const std::string key = (point.is_uuid ? "u" : "n") + point.Spelled();
    return shape_.custom_sharding ? fmt::format("{}:{}{}", tenant.size(), tenant, key) : key;
  }
  /// A native id is the same point for every tenant, unless tenants are shard keys; and a hash is cut to its first half.
  bool InjectiveKeys(const RecordSchema& schema) const override {
    return dataset_.layout->id_rule == Layout::IdRule::native_or_uuid5 && (!schema.has_tenant || shape_.custom_sharding);
  }

  Lookup* lookup() override { return Points(); }
  Undo* undo() override { return this; }
  IndexDeferral* indexing() override { return deferral_.get(); }

  Result<std::unique_ptr<Source>> OpenReadBack() override {
    ARROW_RETURN_NOT_OK(CheckPrepared());
    return MakeSource(Active(), spec_.schema);
  }

  // ---- Undo
  Result<Undo*> Records() override {
    ARROW_RETURN_NOT_OK(CheckPrepared());
    return points_.get();
  }
  /// The collection that was being written, never what an alias was taken from.
  Status DropDataset() override {
    ARROW_RETURN_NOT_OK(GiveBackNames());
    VF_FAILPOINT("qdrant.drop.before");
    ARROW_RETURN_NOT_OK(dataset_.client->Drop(active_.empty() ? dataset_.name : active_).status());
    VF_FAILPOINT("qdrant.drop.after");
    return Status::OK();
  }

 private:
  /// What the name stands for now.
  Status Locate() {
    ARROW_ASSIGN_OR_RAISE(const auto aliases, dataset_.client->Aliases());
    const auto at = aliases.find(dataset_.name);
    dataset_.collection = at == aliases.end() ? dataset_.name : at->second;
    return Status::OK();
  }

  Status CheckPrepared() const { return writer_ ? Status::OK() : MakeError(Category::internal, "the sink was not prepared"); }

  Dataset Active() const {
    Dataset dataset = dataset_;
    dataset.collection = active_;
    return dataset;
  }
  /// For what may be asked of a sink that was only described.
  PointsByKey* Points() {
    if (!points_) points_ = std::make_unique<PointsByKey>(active_.empty() ? dataset_ : Active(), shape_);
    return points_.get();
  }

  std::string Setting(const char* key) const {
    const auto at = spec_.settings.find(key);
    return at == spec_.settings.end() ? "" : at->second;
  }

  Status CheckExisting(const pb::CollectionInfo& info) {
    ARROW_ASSIGN_OR_RAISE(const RecordSchema existing, SchemaOf(info));
    ARROW_RETURN_NOT_OK(qdrant_model::CheckFits(existing, spec_.schema));
    ARROW_ASSIGN_OR_RAISE(const auto ours, intents_.Find(kCreateIntent));
    created_ = ours == dataset_.collection;
    if (created_) {
      ARROW_RETURN_NOT_OK(intents_.Record(kCreatedIntent, dataset_.collection));
      return AddIndexes(dataset_.collection);
    }
    if (spec_.on_exists != OnExists::fail || spec_.resumed) return Status::OK();
    ARROW_ASSIGN_OR_RAISE(const int64_t count, dataset_.client->Count(dataset_.collection));
    if (count == 0) return Status::OK();
    return MakeError(Category::refused, fmt::format("the collection '{}' holds {} points", Printable(dataset_.name), count),
                     "use --on-exists append, upsert or replace, or name another collection");
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

  Status CreateCollection(const std::string& name) {
    ARROW_ASSIGN_OR_RAISE(const pb::CreateCollection request, CreateRequest(name, spec_.schema, Setting(qdrant_model::kConfigSetting)));
    VF_FAILPOINT("qdrant.create.before");
    ARROW_RETURN_NOT_OK(dataset_.client->Create(request));
    VF_FAILPOINT("qdrant.create.after");
    return CheckMade(name);
  }

  /// A server leaves out without a word what its version does not know; then what it made cannot take the records.
  Status CheckMade(const std::string& name) {
    ARROW_ASSIGN_OR_RAISE(const auto info, dataset_.client->Info(name));
    if (!info) return Status::OK();
    ARROW_ASSIGN_OR_RAISE(const RecordSchema made, SchemaOf(*info));
    if (qdrant_model::CheckFits(made, spec_.schema).ok()) return Status::OK();
    ARROW_RETURN_NOT_OK(dataset_.client->Drop(name).status());
    return MakeError(Category::unsupported,
                     fmt::format("Qdrant {} cannot hold such vectors: of [{}] it made [{}]", dataset_.client->version(), qdrant_model::DescribeVectors(spec_.schema),
                                 qdrant_model::DescribeVectors(made)),
                     "update the server, or name a newer one");
  }

  /// The source's payload indexes, and those that the layout's application expects. Before the load: a graph that is built
  /// afterwards then knows them.
  Status AddIndexes(const std::string& name) {
    ARROW_ASSIGN_OR_RAISE(const auto requests, IndexRequests(name, Setting(qdrant_model::kIndexesSetting)));
    for (const auto& request : requests) ARROW_RETURN_NOT_OK(dataset_.client->CreateIndex(request));
    nlohmann::json expected = nlohmann::json::object();
    for (const auto& [field, type] : dataset_.layout->payload_indexes) {
      const bool there = std::any_of(requests.begin(), requests.end(), [&](const auto& r) { return r.field_name() == field; });
      if (!there) expected[field] = {{"type", type}};
    }
    ARROW_ASSIGN_OR_RAISE(const auto own, IndexRequests(name, expected.dump()));
    for (const auto& request : own) ARROW_RETURN_NOT_OK(dataset_.client->CreateIndex(request));
    return Status::OK();
  }

  /// A new collection beside the old one. The name of both is kept in the journal: the alias may be turned over already.
  Status PrepareReplace(const std::optional<std::string>& staging) {
    replacing_ = true;
    if (staging) {
      active_ = *staging;
      ARROW_ASSIGN_OR_RAISE(const auto info, dataset_.client->Info(active_));
      ARROW_ASSIGN_OR_RAISE(const auto made, intents_.Find(kCreatedIntent));
      if (info) return AddIndexes(active_);
      if (made == active_) {
        return MakeError(Category::not_found, fmt::format("the collection '{}', which was to take the place of '{}', is gone", Printable(active_), Printable(dataset_.name)),
                         "begin anew with --restart");
      }
    } else {
      const std::string mark = FormatUuid(UuidV5(kIdNamespace, spec_.run_id + dataset_.name)).substr(0, 8);
      active_ = fmt::format("{}-{}", dataset_.name.substr(0, 240), mark);
      ARROW_RETURN_NOT_OK(CheckCollectionName(active_));
      ARROW_RETURN_NOT_OK(intents_.Record(kReplacedIntent, dataset_.is_alias() ? dataset_.collection : ""));
      ARROW_RETURN_NOT_OK(intents_.Record(kReplaceIntent, active_));
    }
    ARROW_RETURN_NOT_OK(CreateCollection(active_));
    ARROW_RETURN_NOT_OK(intents_.Record(kCreatedIntent, active_));
    return AddIndexes(active_);
  }

  Status Open(const pb::CollectionInfo& info) {
    shape_.schema = spec_.schema;
    shape_.custom_sharding = info.config().params().sharding_method() == pb::Sharding::custom;
    if (shape_.custom_sharding && !spec_.schema.has_tenant) {
      return MakeError(Category::refused, fmt::format("the collection '{}' is sharded by key, and the records have no tenant that could be one", Printable(active_)),
                       "name a collection that the server shards itself");
    }
    const auto& strict = info.config().strict_mode_config();
    shape_.most_points = INT64_MAX;
    for (const int64_t most : {static_cast<int64_t>(strict.upsert_max_batchsize()), static_cast<int64_t>(strict.write_rate_limit())}) {
      if (strict.enabled() && most > 0) shape_.most_points = std::min(shape_.most_points, most);
    }
    writer_ = std::make_unique<CollectionWriter>(Active(), shape_);
    points_ = std::make_unique<PointsByKey>(Active(), shape_);
    deferral_ = std::make_unique<Deferral>(Active());
    return Status::OK();
  }

  /// The source's further names, where they are free: one that stands for something here stays what it is.
  Status AddAliases() {
    const auto names = nlohmann::json::parse(Setting(qdrant_model::kAliasesSetting), nullptr, false);
    if (!names.is_array()) return Status::OK();
    ARROW_ASSIGN_OR_RAISE(const auto taken, dataset_.client->Aliases());
    ARROW_ASSIGN_OR_RAISE(const auto collections, dataset_.client->Collections());
    std::vector<pb::AliasOperation> operations;
    for (const auto& name : names) {
      if (!name.is_string()) continue;
      const auto alias = name.get<std::string>();
      if (taken.contains(alias) || std::find(collections.begin(), collections.end(), alias) != collections.end() || !CheckCollectionName(alias).ok()) continue;
      operations.push_back(NameFor(alias, active_));
    }
    return dataset_.client->ChangeAliases(operations);
  }

  /// All names of `from` stand for `to` from now on, at once.
  Status PointAliases(const std::string& from, const std::string& to) {
    ARROW_ASSIGN_OR_RAISE(const auto aliases, dataset_.client->Aliases());
    std::vector<pb::AliasOperation> operations;
    for (const auto& [alias, collection] : aliases) {
      if (collection == from) operations.push_back(NameFor(alias, to));
    }
    return dataset_.client->ChangeAliases(operations);
  }

  /// What is being turned over goes back to the old collection where that still is; else the new one is all there is, and stays.
  Status GiveBackNames() {
    ARROW_ASSIGN_OR_RAISE(const auto swapping, intents_.Find(kSwapIntent));
    if (!swapping) return Status::OK();
    ARROW_ASSIGN_OR_RAISE(const auto replaced, intents_.Find(kReplacedIntent));
    const std::string old = replaced && !replaced->empty() ? *replaced : dataset_.name;
    ARROW_ASSIGN_OR_RAISE(const auto collections, dataset_.client->Collections());
    if (std::find(collections.begin(), collections.end(), old) != collections.end()) return PointAliases(active_, old);
    return MakeError(Category::refused, fmt::format("the collection that '{}' stood for is gone: '{}', which takes its place, is all there is", Printable(dataset_.name), Printable(active_)),
                     "run the copy again as it was begun: it finishes");
  }

  /// The name stands for the new collection from now on. An alias is turned over at once, and it alone; a plain collection
  /// has to go before its name can be an alias, which is the window that --yes allowed, and its aliases follow its name.
  /// Each step may have been done already.
  Status TurnOver() {
    ARROW_ASSIGN_OR_RAISE(const auto replaced, intents_.Find(kReplacedIntent));
    const std::string old = replaced.value_or("");
    ARROW_RETURN_NOT_OK(intents_.Record(kSwapIntent, active_));
    ARROW_RETURN_NOT_OK(Locate());
    if (dataset_.collection != active_) {
      if (old.empty()) {
        // A collection that goes takes its aliases with it.
        ARROW_RETURN_NOT_OK(PointAliases(dataset_.name, active_));
        VF_FAILPOINT("qdrant.remove-old.before");
        ARROW_RETURN_NOT_OK(dataset_.client->Drop(dataset_.name).status());
      }
      VF_FAILPOINT("qdrant.alias.before");
      ARROW_RETURN_NOT_OK(dataset_.client->ChangeAliases({NameFor(dataset_.name, active_)}));
      VF_FAILPOINT("qdrant.alias.after");
      dataset_.collection = active_;
    }
    if (old.empty() || old == active_) return Status::OK();
    // What further names stand for is not this run's to remove.
    ARROW_ASSIGN_OR_RAISE(const auto aliases, dataset_.client->Aliases());
    if (std::any_of(aliases.begin(), aliases.end(), [&](const auto& alias) { return alias.second == old; })) return Status::OK();
    VF_FAILPOINT("qdrant.drop-old.before");
    return dataset_.client->Drop(old).status();
  }

  static pb::AliasOperation NameFor(const std::string& alias, const std::string& collection) {
    pb::AliasOperation operation;
    operation.mutable_create_alias()->set_alias_name(alias);
    operation.mutable_create_alias()->set_collection_name(collection);
    return operation;
  }

  Dataset dataset_;
  const Capabilities& can_;
  SinkSpec spec_;
  Intentions intents_;
  Shape shape_;
  std::string active_;      ///< the collection that is written to
  bool created_ = false;    ///< it is this run's own
  bool replacing_ = false;  ///< it takes the place of another at the end
  std::unique_ptr<CollectionWriter> writer_;
  std::unique_ptr<PointsByKey> points_;
  std::unique_ptr<Deferral> deferral_;
};

}  // namespace

std::unique_ptr<Sink> MakeSink(Dataset dataset, const OpenContext& context, const Capabilities& can) {
  if (context.layout) dataset.layout = context.layout;
  return std::make_unique<CollectionSink>(std::move(dataset), can);
}

}  // namespace vecferry::qdrant
