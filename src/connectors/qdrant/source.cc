#include <algorithm>
#include <future>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "base/threads.h"
#include "connectors/qdrant/config.h"
#include "connectors/qdrant/dataset.h"
#include "net/buffers.h"
#include "qdrant_model/collection_config.h"
#include "qdrant_pb/collections.pb.h"

namespace vecferry::qdrant {
namespace {

/// Points that are looked at to learn what columns the records have.
constexpr uint32_t kSampledPoints = 1'000;
/// The first page of a range is small: how large points are is not known before.
constexpr int64_t kFirstPage = 16;
/// The cursor behind the last point of a range.
constexpr std::string_view kEnd = "end";

/// What all readers of one source share.
struct Shared {
  Dataset dataset;
  Shape shape;
  uint32_t most_per_page = UINT32_MAX;  ///< the collection's strict mode allows so many
};

class Reader final : public SplitReader {
 public:
  Reader(std::shared_ptr<const Shared> shared, Range range, bool ended, ReadOptions options)
      : shared_(std::move(shared)), range_(std::move(range)), ended_(ended), options_(options), decoder_(shared_->shape.schema, *shared_->dataset.layout),
        builder_(shared_->shape.schema) {
    if (options_.keys_only) {
      wanted_.vectors = false;
      wanted_.fields = KeyFields(shared_->shape.schema, *shared_->dataset.layout);
      wanted_.payload = !wanted_.fields.empty();
    }
  }
  ~Reader() override {
    if (ahead_.valid()) ahead_.wait();
  }

  Result<std::optional<SourceBatch>> Next() override {
    if (shared_->dataset.cancel) ARROW_RETURN_NOT_OK(shared_->dataset.cancel->Check());
    while (at_ < page_.points.size() || !ended_) {
      if (at_ == page_.points.size()) ARROW_RETURN_NOT_OK(NextPage());
      ARROW_ASSIGN_OR_RAISE(SourceBatch batch, Decode());
      if (batch.records.rows() > 0 || !batch.rejects.empty()) return std::optional(std::move(batch));
    }
    return std::nullopt;
  }

 private:
  uint32_t Limit() const {
    int64_t rows = options_.batch_rows;
    if (bytes_per_point_ > 0) rows = std::min(rows, static_cast<int64_t>(static_cast<double>(options_.batch_bytes) / bytes_per_point_));
    else if (!options_.keys_only) rows = std::min(rows, kFirstPage);
    return static_cast<uint32_t>(std::clamp<int64_t>(rows, 1, std::min<int64_t>(most_, shared_->most_per_page)));
  }

  Result<std::string> Fetch(const std::optional<PointId>& from, uint32_t limit) const {
    return shared_->dataset.client->Call("/qdrant.Points/Scroll", ScrollRequest(range_.collection, range_.shard, from, limit, wanted_), Act::read, "reading points");
  }

  /// A page that is too large for somebody on the way is asked for in halves.
  Status Refused(const Status& status) {
    const uint32_t limit = Limit();
    if (!IsCategory(status, Category::too_large) || limit == 1) return status;
    most_ = limit / 2;
    ErrorFacts facts = FactsOf(status);
    facts.category = Category::transient;
    facts.retry = Retry::now;
    return MakeError(std::move(facts), status.message());
  }

  Status NextPage() {
    auto answer = ahead_.valid() ? ahead_.get() : Fetch(range_.from, Limit());
    if (!answer.ok()) return Refused(answer.status());
    ARROW_ASSIGN_OR_RAISE(const Page parsed, Understood(ParseScrollResponse(*answer), "reading points"));
    ARROW_RETURN_NOT_OK(CheckOrder(parsed));
    GiveBuffer(std::exchange(bytes_, std::move(*answer)));
    ARROW_ASSIGN_OR_RAISE(page_, ParseScrollResponse(bytes_));  // a short text moves with its string
    at_ = 0;
    if (!page_.points.empty()) bytes_per_point_ = static_cast<double>(bytes_.size()) / static_cast<double>(page_.points.size());
    ended_ = !page_.next || page_.points.empty() || (range_.to && !(*page_.next < *range_.to));
    if (ended_) return Status::OK();
    range_.from = page_.next;
    // The next page is on its way while this one is taken apart.
    ahead_ = std::async(std::launch::async, [this, from = range_.from, limit = Limit()] {
      NameThread("vf-scroll");
      return Fetch(from, limit);
    });
    return Status::OK();
  }

  /// As much of the page as a batch may hold.
  Result<SourceBatch> Decode() {
    SourceBatch batch;
    while (at_ < page_.points.size() && (builder_.rows() == 0 || builder_.bytes() < options_.batch_bytes)) {
      ARROW_ASSIGN_OR_RAISE(const bool inside, Take(page_.points[at_], &batch));
      at_ = inside ? at_ + 1 : page_.points.size();
    }
    ARROW_ASSIGN_OR_RAISE(batch.records, builder_.Finish());
    if (at_ < page_.points.size()) {
      ARROW_ASSIGN_OR_RAISE(const PointId next, PointDecoder::IdOf(page_.points[at_]));
      batch.next = next.Spelled();
    } else {
      batch.next = ended_ ? std::string(kEnd) : range_.from->Spelled();
    }
    return batch;
  }

  /// A page that goes back would be read again and again.
  Status CheckOrder(const Page& page) const {
    if (page.next && range_.from && !(*range_.from < *page.next)) return BadAnswer("reading points", "the server's next page is not behind this one");
    return Status::OK();
  }

  /// False where the point is behind the range.
  Result<bool> Take(std::string_view point, SourceBatch* batch) {
    if (range_.to) {
      const auto id = PointDecoder::IdOf(point);
      if (id.ok() && !(*id < *range_.to)) return false;
    }
    PointFacts facts;
    if (Fault fault = decoder_.Append(point, builder_, &facts, shared_->shape.custom_sharding)) {
      const std::string id = facts.record_id.empty() ? facts.id.Spelled() : facts.record_id;
      batch->rejects.push_back({Printable(id), Printable(facts.tenant), std::move(fault.code), Printable(fault.message), ""});
    } else if (facts.rounded) {
      batch->rounded.push_back(builder_.rows() - 1);
    }
    return true;
  }

  const std::shared_ptr<const Shared> shared_;
  Range range_;
  bool ended_;
  const ReadOptions options_;
  Wanted wanted_;
  PointDecoder decoder_;
  BatchBuilder builder_;
  double bytes_per_point_ = 0;
  int64_t most_ = INT32_MAX;
  std::string bytes_;      ///< of the page, which points into it
  Page page_;
  size_t at_ = 0;
  std::future<Result<std::string>> ahead_;
};

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
    ARROW_ASSIGN_OR_RAISE(count_, dataset.client->Count(dataset.collection));
    ARROW_ASSIGN_OR_RAISE(const int64_t own, CountBookkeeping(dataset, shared_->shape));
    out.count = count_ - own;
    out.count_exact = true;
    out.consistency = Consistency::live;
    out.layout = dataset.layout->name;
    ARROW_RETURN_NOT_OK(AddSettings(&out));
    AddFacts(own, &out);
    return out;
  }

  Result<std::vector<Split>> Splits(int wanted) override {
    ARROW_RETURN_NOT_OK(Look());
    const Dataset& dataset = shared_->dataset;
    if (count_ < 0) {
      ARROW_ASSIGN_OR_RAISE(count_, dataset.client->Count(dataset.collection));
    }
    return RangesOf(dataset, shared_->shape.custom_sharding, wanted, count_);
  }

  Result<std::unique_ptr<SplitReader>> Read(const Split& split, const Cursor& from, const ReadOptions& options) override {
    ARROW_RETURN_NOT_OK(Look());
    ARROW_ASSIGN_OR_RAISE(Range range, Range::Parse(split.payload));
    if (range.collection != shared_->dataset.collection) {
      return MakeError(Category::refused, fmt::format("'{}' stood for the collection '{}' when the run began, and stands for '{}' now", Printable(shared_->dataset.name),
                                                      Printable(range.collection), Printable(shared_->dataset.collection)),
                       "point the alias back, name the collection itself, or begin anew with --restart");
    }
    const bool ended = from == kEnd;
    if (!ended && !from.empty()) {
      ARROW_ASSIGN_OR_RAISE(range.from, ParsePointId(from));
    }
    return std::make_unique<Reader>(shared_, std::move(range), ended, options);
  }

  Lookup* lookup() override { return lookup_.get(); }
  Searcher* searcher() override { return searcher_.get(); }

 private:
  /// Once: the collection's parameters, and what its records have.
  Status Look() {
    std::lock_guard guard(mutex_);
    if (looked_) return Status::OK();
    const Dataset& dataset = shared_->dataset;
    ARROW_ASSIGN_OR_RAISE(auto info, dataset.client->Info(dataset.collection));
    if (!info) return MakeError(Category::not_found, fmt::format("there is no collection '{}'", Printable(dataset.name)), "see which there are with `vecferry inspect`");
    info_ = std::make_unique<pb::CollectionInfo>(std::move(*info));
    Shape& shape = shared_->shape;
    ARROW_ASSIGN_OR_RAISE(shape.schema, SchemaOf(*info_));
    shape.custom_sharding = info_->config().params().sharding_method() == pb::Sharding::custom;
    const auto& strict = info_->config().strict_mode_config();
    if (strict.enabled() && strict.max_query_limit() > 0) shared_->most_per_page = strict.max_query_limit();
    ARROW_RETURN_NOT_OK(ChooseColumns());
    lookup_ = std::make_unique<PointsByKey>(dataset, shape);
    searcher_ = MakeSearcher(dataset, shape);
    looked_ = true;
    return Status::OK();
  }

  Status ChooseColumns() {
    RecordSchema& schema = shared_->shape.schema;
    if (known_) {
      schema.id_kind = known_->id_kind;
      schema.has_document = known_->has_document;
      schema.has_tenant = known_->has_tenant || shared_->shape.custom_sharding;
      return Status::OK();
    }
    ARROW_ASSIGN_OR_RAISE(const SchemaFacts facts, Sample());
    if (facts.mapped || shared_->dataset.layout->id_rule == Layout::IdRule::hash_prefix) schema.id_kind = IdKind::string;
    else if (facts.numbers && !facts.uuids) schema.id_kind = IdKind::u64;
    else if (facts.uuids && !facts.numbers) schema.id_kind = IdKind::uuid;
    else schema.id_kind = IdKind::mixed;
    schema.has_document = facts.document;
    schema.has_tenant = facts.tenant || shared_->shape.custom_sharding;
    return Status::OK();
  }

  /// Numbers come before UUIDs, so a page from the start and one from the first UUID show which there are.
  Result<SchemaFacts> Sample() {
    SchemaFacts facts;
    const auto limit = std::min(kSampledPoints, shared_->most_per_page);
    const Dataset& dataset = shared_->dataset;
    const Wanted payloads{.vectors = false};
    for (const bool uuids : {false, true}) {
      const auto from = uuids ? std::optional(PointId{true, 0, "00000000-0000-0000-0000-000000000000"}) : std::nullopt;
      ARROW_ASSIGN_OR_RAISE(const std::string bytes, dataset.client->Call("/qdrant.Points/Scroll", ScrollRequest(dataset.collection, std::nullopt, from, limit, payloads),
                                                                          Act::read, "looking at some points"));
      ARROW_ASSIGN_OR_RAISE(const Page page, Understood(ParseScrollResponse(bytes), "looking at some points"));
      LookAt(page, &facts);
    }
    if (!dataset.client->AtLeast(1, 11)) return facts;
    const auto drawn = dataset.client->Call("/qdrant.Points/Query", SampleRequest(dataset.collection, std::nullopt, limit, payloads), Act::look, "drawing points");
    if (!drawn.ok()) return facts;  // strict mode may forbid it
    if (const auto page = ParseGetResponse(*drawn); page.ok()) LookAt(*page, &facts);  // a list of points in field 1, as Get's answer
    return facts;
  }

  void LookAt(const Page& page, SchemaFacts* facts) const {
    RecordSchema schema = shared_->shape.schema;
    schema.has_document = schema.has_tenant = true;
    schema.vectors.clear();
    BatchBuilder builder(schema);
    PointDecoder decoder(schema, *shared_->dataset.layout);
    for (const auto& point : page.points) {
      const auto id = PointDecoder::IdOf(point);
      PointFacts seen;
      if (!id.ok()) continue;
      (id->is_uuid ? facts->uuids : facts->numbers) = true;
      if (decoder.Append(point, builder, &seen) || seen.bookkeeping) continue;
      facts->document |= seen.has_document;
      facts->tenant |= seen.has_tenant;
      facts->mapped |= seen.record_id != seen.id.Spelled();
    }
  }

  Status AddSettings(DatasetInfo* out) {
    ARROW_ASSIGN_OR_RAISE(out->settings[qdrant_model::kConfigSetting], ConfigJsonOf(*info_));
    ARROW_ASSIGN_OR_RAISE(const std::string indexes, IndexesJsonOf(*info_));
    if (indexes != "{}") out->settings[qdrant_model::kIndexesSetting] = indexes;
    ARROW_ASSIGN_OR_RAISE(const auto aliases, shared_->dataset.client->Aliases());
    nlohmann::json names = nlohmann::json::array();
    for (const auto& [alias, collection] : aliases) {
      if (collection == shared_->dataset.collection) names.push_back(alias);
    }
    if (names.empty()) return Status::OK();
    out->settings[qdrant_model::kAliasesSetting] = names.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
    out->facts["aliases"] = Printable(fmt::format("{}", fmt::join(names.get<std::vector<std::string>>(), ", ")), 1000);
    return Status::OK();
  }

  void AddFacts(int64_t own, DatasetInfo* out) const {
    static constexpr const char* kStatus[] = {"unknown", "green", "yellow", "red", "grey"};
    out->facts["server"] = "Qdrant " + shared_->dataset.client->version();
    out->facts["status"] = kStatus[std::clamp<int>(info_->status(), 0, 4)];
    out->facts["segments"] = std::to_string(info_->segments_count());
    out->facts["indexed vectors"] = std::to_string(info_->indexed_vectors_count());
    if (shared_->dataset.is_alias()) out->facts["collection"] = Printable(shared_->dataset.collection, 300);
    std::vector<std::string> indexes;
    for (const auto& [field, index] : info_->payload_schema()) {
      indexes.push_back(fmt::format("{} ({})", Printable(field, 100), pb::PayloadSchemaInfo::Type_Name(index.data_type())));
    }
    std::sort(indexes.begin(), indexes.end());
    if (!indexes.empty()) out->facts["payload indexes"] = fmt::format("{}", fmt::join(indexes, ", "));
    if (own > 0) {
      out->notes.push_back({"bookkeeping", fmt::format("the point {} is the application's book-keeping and is left out", shared_->dataset.layout->bookkeeping->point_id), 1, false});
    }
    if (info_->status() == pb::CollectionInfo::red) out->notes.push_back({"collection-red", "the server says that something is wrong with the collection (red)", -1, true});
    if (const auto deferred = info_->update_queue().deferred_points(); deferred > 0) {
      out->notes.push_back({"deferred-points", "points wait to be indexed, and the server does not show them until then", static_cast<int64_t>(deferred), true});
    }
  }

  const std::shared_ptr<Shared> shared_ = std::make_shared<Shared>();
  const std::optional<RecordSchema> known_;
  std::mutex mutex_;
  bool looked_ = false;
  int64_t count_ = -1;
  std::unique_ptr<pb::CollectionInfo> info_;
  std::unique_ptr<PointsByKey> lookup_;
  std::unique_ptr<Searcher> searcher_;
};

}  // namespace

std::unique_ptr<Source> MakeSource(Dataset dataset, std::optional<RecordSchema> known) {
  return std::make_unique<CollectionSource>(std::move(dataset), std::move(known));
}

}  // namespace vecferry::qdrant
