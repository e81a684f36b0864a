#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/failpoint.h"
#include "base/text.h"
#include "base/uuid.h"
#include "connector/fit.h"
#include "connector/intentions.h"
#include "connector/keyed_undo.h"
#include "connectors/weaviate/names.h"
#include "connectors/weaviate/writer.h"

namespace vecferry::weaviate {
namespace {

using Json = nlohmann::json;

/// What is written down before it is done, or where it says so after; the payload is a class's name.
constexpr std::string_view kCreateIntent = "create-dataset";        ///< the class is ours, once it exists
constexpr std::string_view kCreatedIntent = "created-dataset";      ///< after: it existed; gone later, somebody removed it
constexpr std::string_view kReplaceIntent = "replace-class";        ///< the class that takes the place of what the name stood for
constexpr std::string_view kReplacedIntent = "replaced-class";      ///< what the name stood for; "" for itself, a plain class
constexpr std::string_view kSwapIntent = "swap-class";              ///< the name is being turned over

std::string VectorsText(const std::vector<VectorSpec>& vectors) {
  std::string text;
  for (const auto& spec : vectors) text += fmt::format("{}{}: {} x {}, {}", text.empty() ? "" : "; ", spec.column(), spec.dims, Name(spec.element), Name(spec.metric));
  return Printable(text.empty() ? "no vectors" : text, 1000);
}

/// An existing class takes such records: it has each of their vectors. How many dimensions the class's have is told by what it holds, if anything.
Status CheckFits(const Look& existing, const RecordSchema& wanted) {
  for (const auto& spec : wanted.vectors) {
    const VectorConfig* config = existing.schema.FindVector(VectorName(spec.name).value_or(spec.name));
    const VectorSpec* held = existing.shape.schema.FindVector(spec.name);
    const bool fits = config && config->metric == spec.metric && config->multi == (spec.kind == VectorKind::multi) && (!held || held->dims == spec.dims);
    if (fits) continue;
    return MakeError(Category::refused, fmt::format("the vectors differ: the class has [{}], the records have [{}]", VectorsText(existing.shape.schema.vectors), VectorsText(wanted.vectors)),
                     "name another class, map the vector to one that fits, or use --on-exists replace");
  }
  return Status::OK();
}

class ClassSink final : public Sink, public KeyedUndo {
 public:
  ClassSink(Dataset dataset, const Capabilities& can) : dataset_(std::move(dataset)), can_(can) {}

  // ---- Sink
  Result<TargetInfo> Describe() override {
    TargetInfo out;
    out.identity = dataset_.identity();
    ARROW_RETURN_NOT_OK(Locate());
    AddNameNote(&out.notes);
    ARROW_ASSIGN_OR_RAISE(const auto found, dataset_.client->FindClass(dataset_.class_name));
    if (!found) return out;
    out.exists = true;
    out.replace = dataset_.is_alias() ? ReplaceMode::atomic : dataset_.client->AtLeast(1, 32) ? ReplaceMode::window : ReplaceMode::none;
    // Tenants are counted as they are: a look changes nothing.
    ARROW_ASSIGN_OR_RAISE(const DatasetInfo described, MakeSource(dataset_, writer_ ? std::optional(spec_.schema) : std::nullopt)->Describe());
    out.count = described.count;
    out.schema = described.schema;
    AddUnseen(*found, &out.schema);
    for (const Note& note : described.notes) {
      if (note.code != "class-name") out.notes.push_back(note);
    }
    if (out.count < 0) {
      // Some tenants sleep; what they hold is still there.
      out.count = 0;
      const auto tenants = dataset_.client->Tenants(dataset_.class_name);
      if (tenants.ok()) {
        for (const Tenant& tenant : *tenants) {
          out.count += tenant.active() ? dataset_.client->Count(dataset_.class_name, tenant.name).ValueOr(0) : 1;
        }
      }
    }
    return out;
  }

  std::vector<Note> Foresee(const SinkSpec& spec) const override {
    std::vector<Note> notes;
    for (const auto& vector : spec.schema.vectors) {
      const auto name = VectorName(vector.name);
      if (vector.name.empty() || !name || *name == vector.name) continue;
      notes.push_back({"vector-name", fmt::format("the vector '{}' is named '{}': a vector's name has letters, digits and _ alone", Printable(vector.name, 100), *name), -1, false});
    }
    if (spec.schema.has_tenant && dataset_.client->target().tenancy == Tenancy::apart) {
      notes.push_back({"tenants", "tenants become tenants of the class; a name that has others than A-Z a-z 0-9 _ - is encoded, and read back as it was", -1, false});
    }
    return notes;
  }

  Status Prepare(const SinkSpec& spec) override {
    ARROW_RETURN_NOT_OK(Abort());
    ARROW_RETURN_NOT_OK(CheckSchemaFits(can_, spec.schema));
    spec_ = spec;
    intents_ = Intentions(spec.intents);
    if (spec.layout) dataset_.layout = spec.layout;
    ARROW_RETURN_NOT_OK(Locate());
    ARROW_ASSIGN_OR_RAISE(const auto staging, intents_.Find(kReplaceIntent));
    ARROW_ASSIGN_OR_RAISE(const auto found, dataset_.client->FindClass(dataset_.class_name));
    active_ = dataset_.class_name;
    if (staging || (spec.on_exists == OnExists::replace && found)) ARROW_RETURN_NOT_OK(PrepareReplace(staging));
    else if (found) ARROW_RETURN_NOT_OK(CheckExisting());
    else ARROW_RETURN_NOT_OK(PrepareCreate());
    return Open();
  }

  Result<WriteOutcome> Write(const RecordView& batch) override {
    ARROW_RETURN_NOT_OK(CheckPrepared());
    return writer_->Write(batch);
  }

  Status Finish() override {
    ARROW_RETURN_NOT_OK(CheckPrepared());
    if (replacing_) ARROW_RETURN_NOT_OK(TurnOver());
    return dataset_.tenants->PutBack();
  }

  Status Abort() override {
    writer_.reset(), objects_.reset();
    created_ = replacing_ = false;
    return dataset_.tenants->PutBack();
  }

  Result<std::string> KeyOf(std::string_view tenant, std::string_view id) const override {
    const auto told = tenant.empty() ? std::nullopt : std::optional(tenant);
    ARROW_ASSIGN_OR_RAISE(const std::string of_class, ClassTenantOf(shape_, told));
    ARROW_ASSIGN_OR_RAISE(const ObjectId object, ObjectIdOf(*dataset_.layout, shape_, shape_.schema.has_tenant ? told : std::nullopt, id));
    return of_class + "/" + object.uuid;
  }
  /// A UUID is the same object for every tenant, unless tenants are kept apart; and a hash is cut to its first half.
  bool InjectiveKeys(const RecordSchema& schema) const override {
    return dataset_.layout->id_rule == Layout::IdRule::native_or_uuid5 && (!schema.has_tenant || shape_.multi_tenant);
  }

  Lookup* lookup() override { return Objects(); }
  Undo* undo() override { return this; }

  Result<std::unique_ptr<Source>> OpenReadBack() override {
    ARROW_RETURN_NOT_OK(CheckPrepared());
    return MakeSource(Active(), spec_.schema);
  }

  // ---- Undo
  Result<Undo*> Records() override {
    ARROW_RETURN_NOT_OK(CheckPrepared());
    return objects_.get();
  }
  /// The class that was being written, never what an alias was taken from.
  Status DropDataset() override {
    ARROW_RETURN_NOT_OK(GiveBackName());
    VF_FAILPOINT("weaviate.drop.before");
    ARROW_RETURN_NOT_OK(dataset_.client->DropClass(active_.empty() ? dataset_.name : active_));
    VF_FAILPOINT("weaviate.drop.after");
    return Status::OK();
  }

 private:
  /// What the name stands for now.
  Status Locate() {
    ARROW_ASSIGN_OR_RAISE(const auto aliases, dataset_.client->Aliases());
    const auto at = aliases.find(dataset_.name);
    dataset_.class_name = at == aliases.end() ? dataset_.name : at->second;
    return Status::OK();
  }

  /// Vectors that no object has yet: of however many dimensions.
  static void AddUnseen(const ClassSchema& schema, RecordSchema* out) {
    for (const VectorConfig& config : schema.vectors) {
      const std::string name = DecodeName(config.name);
      if (out->FindVector(name)) continue;
      VectorSpec spec;
      spec.name = name;
      spec.kind = config.multi ? VectorKind::multi : VectorKind::dense;
      spec.metric = config.metric;
      out->vectors.push_back(std::move(spec));
    }
  }

  void AddNameNote(std::vector<Note>* notes) const {
    if (dataset_.written == dataset_.name) return;
    notes->push_back({"class-name", fmt::format("the class is named '{}': Weaviate's class names begin with a capital letter", Printable(dataset_.name, 300)), -1, false});
  }

  Status CheckPrepared() const { return writer_ ? Status::OK() : MakeError(Category::internal, "the sink was not prepared"); }

  Dataset Active() const {
    Dataset dataset = dataset_;
    dataset.class_name = active_;
    dataset.tenants = std::make_shared<TenantKeeper>(dataset.client, active_);
    return dataset;
  }
  /// For what may be asked of a sink that was only described.
  ObjectsByKey* Objects() {
    if (!objects_) objects_ = std::make_unique<ObjectsByKey>(active_.empty() ? dataset_ : Active(), shape_);
    return objects_.get();
  }

  std::string Setting(const char* key) const {
    const auto at = spec_.settings.find(key);
    return at == spec_.settings.end() ? "" : at->second;
  }

  Status CheckExisting() {
    ARROW_ASSIGN_OR_RAISE(const Look existing, LookAt(dataset_, std::nullopt));
    ARROW_ASSIGN_OR_RAISE(const auto ours, intents_.Find(kCreateIntent));
    created_ = ours == dataset_.class_name;
    if (created_) {
      // A process that ended between the class and its further vectors has left it without.
      ARROW_RETURN_NOT_OK(AddVectors(dataset_.class_name, existing.schema));
      return intents_.Record(kCreatedIntent, dataset_.class_name);
    }
    ARROW_RETURN_NOT_OK(CheckFits(existing, spec_.schema));
    if (spec_.on_exists != OnExists::fail || spec_.resumed) return Status::OK();
    ARROW_ASSIGN_OR_RAISE(const int64_t count, CountObjects(dataset_, existing.schema));
    if (count == 0) return Status::OK();
    return MakeError(Category::refused, fmt::format("the class '{}' holds {}", Printable(dataset_.name), count < 0 ? "tenants that are inactive" : fmt::format("{} objects", count)),
                     "use --on-exists append, upsert or replace, or name another class");
  }

  Status PrepareCreate() {
    ARROW_ASSIGN_OR_RAISE(const auto made, intents_.Find(kCreatedIntent));
    ARROW_RETURN_NOT_OK(CheckMayMake(spec_, intents_, made == dataset_.name, fmt::format("the class '{}'", Printable(dataset_.name))));
    ARROW_RETURN_NOT_OK(intents_.Record(kCreateIntent, dataset_.name));
    ARROW_RETURN_NOT_OK(CreateClass(dataset_.name));
    ARROW_RETURN_NOT_OK(intents_.Record(kCreatedIntent, dataset_.name));
    created_ = true;
    return Status::OK();
  }

  bool WantsTenants() const {
    const Target& target = dataset_.client->target();
    return !target.tenant.empty() || (spec_.schema.has_tenant && target.tenancy == Tenancy::apart);
  }

  Result<ClassPlan> Planned(const std::string& name) const { return PlanClass(name, spec_.schema, WantsTenants(), spec_.index, Setting(kClassSetting)); }

  Status CreateClass(const std::string& name) {
    ARROW_ASSIGN_OR_RAISE(const ClassPlan plan, Planned(name));
    VF_FAILPOINT("weaviate.create.before");
    ARROW_RETURN_NOT_OK(dataset_.client->CreateClass(name, plan.create));
    VF_FAILPOINT("weaviate.create.after");
    ARROW_ASSIGN_OR_RAISE(const auto found, dataset_.client->FindClass(name));
    return found ? AddVectors(name, *found) : Status::OK();
  }

  /// Named vectors beside an unnamed one: the server takes them only for a class that is there.
  Status AddVectors(const std::string& name, const ClassSchema& there) {
    ARROW_ASSIGN_OR_RAISE(const ClassPlan plan, Planned(name));
    if (plan.add_vectors.empty()) return Status::OK();
    Json body = Json::parse(there.json, nullptr, false);
    bool missing = false;
    const Json further = Json::parse(plan.add_vectors, nullptr, false);
    for (const auto& [vector, config] : further.items()) {
      if (there.FindVector(vector)) continue;
      body["vectorConfig"][vector] = config;
      missing = true;
    }
    return missing ? dataset_.client->UpdateClass(name, body.dump(-1, ' ', false, Json::error_handler_t::replace)) : Status::OK();
  }

  /// A new class beside the old one. The name of both is kept in the journal: the alias may be turned over already.
  Status PrepareReplace(const std::optional<std::string>& staging) {
    replacing_ = true;
    if (!dataset_.client->AtLeast(1, 32)) {
      return MakeError(Category::unsupported, fmt::format("Weaviate {} has no aliases, by which one class takes another's place (they came with 1.32)", dataset_.client->version()),
                       "name another class, or use --on-exists upsert");
    }
    if (staging) {
      active_ = *staging;
      ARROW_ASSIGN_OR_RAISE(const auto found, dataset_.client->FindClass(active_));
      ARROW_ASSIGN_OR_RAISE(const auto made, intents_.Find(kCreatedIntent));
      if (found) return AddVectors(active_, *found);
      if (made == active_) {
        return MakeError(Category::not_found, fmt::format("the class '{}', which was to take the place of '{}', is gone", Printable(active_), Printable(dataset_.name)),
                         "begin anew with --restart");
      }
    } else {
      const std::string mark = FormatUuid(UuidV5(kIdNamespace, spec_.run_id + dataset_.name)).substr(0, 8);
      active_ = fmt::format("{}_{}", dataset_.name.substr(0, 240), mark);
      ARROW_RETURN_NOT_OK(intents_.Record(kReplacedIntent, dataset_.is_alias() ? dataset_.class_name : ""));
      ARROW_RETURN_NOT_OK(intents_.Record(kReplaceIntent, active_));
    }
    ARROW_RETURN_NOT_OK(CreateClass(active_));
    return intents_.Record(kCreatedIntent, active_);
  }

  Status Open() {
    ARROW_ASSIGN_OR_RAISE(auto found, dataset_.client->FindClass(active_));
    if (!found) return MakeError(Category::not_found, fmt::format("the class '{}' was made and is gone", Printable(active_)), "see what removed it");
    shape_ = Shape{spec_.schema, found->multi_tenant, dataset_.client->target().tenant};
    if (shape_.multi_tenant && !spec_.schema.has_tenant && shape_.only_tenant.empty()) {
      return MakeError(Category::refused, fmt::format("the class '{}' keeps tenants apart, and the records have none", Printable(active_)), "name the one they are for with ?tenant=NAME");
    }
    if (!shape_.only_tenant.empty() && (!shape_.multi_tenant || spec_.schema.has_tenant)) {
      return MakeError(Category::refused, shape_.multi_tenant ? "the records have tenants of their own, and ?tenant= names another" : fmt::format("the class '{}' keeps no tenants apart, and ?tenant= names one", Printable(active_)),
                       "leave ?tenant= out");
    }
    Dataset active = Active();
    dataset_.tenants = active.tenants;
    if (shape_.multi_tenant) ARROW_RETURN_NOT_OK(active.tenants->TakeOver());
    writer_ = std::make_unique<ClassWriter>(active, std::move(*found), shape_, can_);
    objects_ = std::make_unique<ObjectsByKey>(active, shape_);
    return Status::OK();
  }

  /// The name goes back to the old class where that still is; else the new one is all there is, and stays.
  Status GiveBackName() {
    ARROW_ASSIGN_OR_RAISE(const auto swapping, intents_.Find(kSwapIntent));
    if (!swapping) return Status::OK();
    ARROW_ASSIGN_OR_RAISE(const auto replaced, intents_.Find(kReplacedIntent));
    const std::string old = replaced && !replaced->empty() ? *replaced : dataset_.name;
    ARROW_ASSIGN_OR_RAISE(const auto aliases, dataset_.client->Aliases());
    const auto alias = aliases.find(dataset_.name);
    if (old == dataset_.name) {
      // A plain class of that name: it is there unless the name is an alias by now.
      ARROW_ASSIGN_OR_RAISE(const auto found, alias == aliases.end() ? dataset_.client->FindClass(old) : Result<std::optional<ClassSchema>>(std::nullopt));
      if (found) return Status::OK();
    } else {
      ARROW_ASSIGN_OR_RAISE(const auto found, dataset_.client->FindClass(old));
      if (found) return dataset_.client->SetAlias(dataset_.name, old, alias != aliases.end());
    }
    return MakeError(Category::refused, fmt::format("the class that '{}' stood for is gone: '{}', which takes its place, is all there is", Printable(dataset_.name), Printable(active_)),
                     "run the copy again as it was begun: it finishes");
  }

  /// The name stands for the new class from now on. An alias is turned over at once; a plain class has to go before its name can be an alias,
  /// which is the window that --yes allowed. Each step may have been done already.
  Status TurnOver() {
    ARROW_ASSIGN_OR_RAISE(const auto replaced, intents_.Find(kReplacedIntent));
    const std::string old = replaced.value_or("");
    ARROW_RETURN_NOT_OK(intents_.Record(kSwapIntent, active_));
    ARROW_RETURN_NOT_OK(Locate());
    if (dataset_.class_name != active_) {
      if (old.empty()) {
        VF_FAILPOINT("weaviate.remove-old.before");
        ARROW_RETURN_NOT_OK(dataset_.client->DropClass(dataset_.name));
      }
      VF_FAILPOINT("weaviate.alias.before");
      ARROW_RETURN_NOT_OK(dataset_.client->SetAlias(dataset_.name, active_, dataset_.is_alias()));
      VF_FAILPOINT("weaviate.alias.after");
      dataset_.class_name = active_;
    }
    if (old.empty() || old == active_) return Status::OK();
    // What further names stand for is not this run's to remove.
    ARROW_ASSIGN_OR_RAISE(const auto aliases, dataset_.client->Aliases());
    if (std::any_of(aliases.begin(), aliases.end(), [&](const auto& alias) { return alias.second == old; })) return Status::OK();
    VF_FAILPOINT("weaviate.drop-old.before");
    return dataset_.client->DropClass(old);
  }

  Dataset dataset_;
  const Capabilities can_;
  SinkSpec spec_;
  Intentions intents_;
  Shape shape_;
  std::string active_;      ///< the class that is written to
  bool created_ = false;    ///< it is this run's own
  bool replacing_ = false;  ///< it takes the place of another at the end
  std::unique_ptr<ClassWriter> writer_;
  std::unique_ptr<ObjectsByKey> objects_;
};

}  // namespace

std::unique_ptr<Sink> MakeSink(Dataset dataset, const Capabilities& can) { return std::make_unique<ClassSink>(std::move(dataset), can); }

}  // namespace vecferry::weaviate
