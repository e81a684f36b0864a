#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/text.h"
#include "connectors/milvus/query.h"
#include "connectors/milvus/reader.h"

namespace vecferry::milvus {
namespace {

/// Rows that are looked at to learn what columns the records have.
constexpr int64_t kSampledRows = 200;

class CollectionSource final : public Source {
 public:
  CollectionSource(Dataset dataset, std::optional<RecordSchema> known) : known_(std::move(known)) { shared_->dataset = std::move(dataset); }

  Result<DatasetInfo> Describe() override {
    ARROW_RETURN_NOT_OK(Look());
    const Dataset& dataset = shared_->dataset;
    DatasetInfo out;
    out.store = kScheme;
    out.dataset = dataset.name;
    out.identity = dataset.identity();
    out.schema = shared_->shape.schema;
    ARROW_ASSIGN_OR_RAISE(count_, dataset.client->Count(found_->collection.name));
    out.count = count_;
    out.count_exact = true;
    out.consistency = Consistency::live;
    out.layout = dataset.layout->name;
    std::vector<std::string> partitions;
    if (!shared_->shape.partition_tenants) partitions = found_->partitions;
    out.settings[kCollectionSetting] = SettingOf(found_->collection, found_->indexes, partitions);
    AddFacts(&out);
    AddNotes(&out);
    return out;
  }

  Result<std::vector<Split>> Splits(int wanted) override {
    ARROW_RETURN_NOT_OK(Look());
    if (count_ < 0) {
      ARROW_ASSIGN_OR_RAISE(count_, shared_->dataset.client->Count(found_->collection.name));
    }
    return RangesOf(shared_->dataset, *found_, wanted, count_);
  }

  Result<std::unique_ptr<SplitReader>> Read(const Split& split, const Cursor& from, const ReadOptions& options) override {
    ARROW_RETURN_NOT_OK(Look());
    ARROW_ASSIGN_OR_RAISE(Range range, Range::Parse(split.payload));
    if (range.collection != found_->collection.name || (range.collection_id != 0 && found_->collection.id != 0 && range.collection_id != found_->collection.id)) {
      return MakeError(Category::refused, fmt::format("'{}' is not the collection that it was when the run began", Printable(shared_->dataset.name)),
                       "point the alias back, name the collection itself, or begin anew with --restart");
    }
    const bool ended = from == kEnd;
    if (!ended && !from.empty()) {
      if (from.front() != 'k') return MakeError(Category::corrupt, "the journal's place in the collection cannot be read", "begin anew with --restart");
      ARROW_ASSIGN_OR_RAISE(range.after, ParseKey(shared_->shape.integer_keys(), std::string_view(from).substr(1)));
    }
    return MakeReader(shared_, std::move(range), ended, options);
  }

  Lookup* lookup() override { return lookup_.get(); }
  Searcher* searcher() override { return searcher_.get(); }

 private:
  /// Once: the collection's schema, that it is loaded, and what its records have.
  Status Look() {
    std::lock_guard guard(mutex_);
    if (looked_) return Status::OK();
    const Dataset& dataset = shared_->dataset;
    ARROW_ASSIGN_OR_RAISE(found_, vecferry::milvus::Look(*dataset.client, dataset.collection, *dataset.layout));
    if (!found_) return MakeError(Category::not_found, fmt::format("there is no collection '{}'", Printable(dataset.name)), "see which there are with `vecferry inspect`");
    ARROW_RETURN_NOT_OK(shared_->loaded->Ensure(dataset.client, found_->collection.name));
    shared_->shape = found_->shape;
    if (known_) {
      ARROW_ASSIGN_OR_RAISE(shared_->shape, BindShape(found_->shape, *known_, false));
    } else {
      ARROW_RETURN_NOT_OK(ChooseColumns());
    }
    found_->shape = shared_->shape;
    Dataset actual = dataset;
    actual.collection = found_->collection.name;
    lookup_ = std::make_unique<RowsByKey>(actual, shared_->shape, shared_->loaded);
    searcher_ = MakeSearcher(actual, shared_->shape, shared_->loaded);
    looked_ = true;
    return Status::OK();
  }

  /// A document or tenant that has no field of its own may stand in the dynamic field.
  Status ChooseColumns() {
    Shape& shape = shared_->shape;
    const Dataset& dataset = shared_->dataset;
    if (!shape.dynamic || (shape.document && shape.schema.has_tenant)) return Status::OK();
    Query query;
    query.fields = {shape.key_field().name, "$meta"};
    query.limit = kSampledRows;
    ARROW_ASSIGN_OR_RAISE(const std::string answer, dataset.client->Call("Query", QueryRequest(dataset.client->For(found_->collection.name), query), Act::read, "looking at some rows"));
    Shape sampled;
    sampled.slots = {shape.slots[shape.key]};
    sampled.dynamic = true;
    sampled.schema.has_document = sampled.schema.has_tenant = true;
    RowDecoder decoder(sampled, *dataset.layout);
    const Status opened = decoder.Open(answer);
    if (!opened.ok()) return BadAnswer("looking at some rows", opened.message());
    BatchBuilder builder(sampled.schema);
    for (int64_t row = 0; row < decoder.rows(); ++row) {
      RowFacts facts;
      if (decoder.Append(row, {}, builder, &facts)) continue;
      shape.schema.has_document |= facts.has_document;
      if (!shape.partition_tenants && dataset.client->target().tenant_field != "none") shape.schema.has_tenant |= facts.has_tenant;
    }
    return Status::OK();
  }

  void AddFacts(DatasetInfo* out) const {
    const Collection& collection = found_->collection;
    const Dataset& dataset = shared_->dataset;
    out->facts["server"] = dataset.client->version().empty() ? "Milvus Lite 2" : "Milvus " + dataset.client->version();
    if (!dataset.client->target().database.empty()) out->facts["database"] = dataset.client->target().database;
    if (collection.name != dataset.name) out->facts["collection"] = Printable(collection.name, 300);
    static constexpr const char* kLevels[] = {"strong", "session", "bounded", "eventually"};
    out->facts["consistency"] = kLevels[std::clamp(collection.consistency, 0, 3)];
    out->facts["shards"] = std::to_string(collection.shards);
    const Field& key = shared_->shape.key_field();
    out->facts["key"] = fmt::format("{} ({}{})", Printable(key.name, 100), NameOf(key.type), key.auto_id ? ", made by the server" : "");
    out->facts["dynamic field"] = collection.schema.dynamic ? "yes" : "no";
    if (!collection.aliases.empty()) out->facts["aliases"] = Printable(fmt::format("{}", fmt::join(collection.aliases, ", ")), 1000);
    if (!found_->partitions.empty()) out->facts["partitions"] = Printable(fmt::format("{}", fmt::join(found_->partitions, ", ")), 1000);
    std::vector<std::string> indexes;
    for (const Index& index : found_->indexes) {
      indexes.push_back(Printable(fmt::format("{} ({} {})", index.field, ValueOf(index.params, "index_type"), ValueOf(index.params, "metric_type")), 200));
    }
    if (!indexes.empty()) out->facts["indexes"] = fmt::format("{}", fmt::join(indexes, ", "));
    if (const auto ttl = ValueOf(collection.properties, "collection.ttl.seconds"); !ttl.empty()) out->facts["time to live"] = Printable(std::string(ttl) + " s", 40);
  }

  void AddNotes(DatasetInfo* out) const {
    for (const Slot& slot : shared_->shape.slots) {
      if (slot.role != Role::skipped) continue;
      const std::string name = Printable(slot.field.name, 200);
      if (slot.field.function_output) out->notes.push_back({"not-carried", fmt::format("the field '{}' is computed by the server and is left out", name), 1, false});
      else out->notes.push_back({"not-carried", fmt::format("the field '{}' is of {} and is left out", name, NameOf(slot.field.type)), 1, true});
    }
    if (found_->collection.schema.has_structs) out->notes.push_back({"not-carried", "arrays of structs, with the vectors in them, are left out", -1, true});
    if (shared_->loaded->ours()) out->notes.push_back({"loaded", "the collection was not loaded: it is for as long as it is read, and released again", -1, false});
    if (shared_->shape.partition_tenants) out->notes.push_back({"partitions", "a record's partition is its tenant", static_cast<int64_t>(found_->partitions.size()), false});
  }

  const std::shared_ptr<Shared> shared_ = std::make_shared<Shared>();
  const std::optional<RecordSchema> known_;
  std::mutex mutex_;
  bool looked_ = false;
  std::optional<Found> found_;
  int64_t count_ = -1;
  std::unique_ptr<RowsByKey> lookup_;
  std::unique_ptr<Searcher> searcher_;
};

}  // namespace

std::unique_ptr<Source> MakeSource(Dataset dataset, std::optional<RecordSchema> known) {
  return std::make_unique<CollectionSource>(std::move(dataset), std::move(known));
}

}  // namespace vecferry::milvus
