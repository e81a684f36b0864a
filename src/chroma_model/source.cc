#include <algorithm>
#include <deque>
#include <future>
#include <set>
#include <unordered_map>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "base/threads.h"
#include "chroma_model/listing.h"
#include "chroma_model/records.h"
#include "net/buffers.h"

namespace vecferry::chroma_model {
namespace {

/// Records that are looked at, at either end, to learn what columns there are.
constexpr int64_t kSampled = 500;
/// The first page is small: how large records are is not known before.
constexpr size_t kFirstPage = 32;
/// Requests on their way for one reader, beside the one that is taken apart.
constexpr size_t kAhead = 2;
/// A request for so few is not refused for its size.
constexpr size_t kFewest = 50;

struct Shared {
  Dataset dataset;
  Collection collection;
  RecordSchema schema;
};

class Reader final : public SplitReader {
 public:
  Reader(std::shared_ptr<const Shared> shared, IdWalk walk, ReadOptions options)
      : shared_(std::move(shared)), walk_(std::move(walk)), options_(options), decoder_(shared_->schema, *shared_->dataset.layout), builder_(shared_->schema) {
    if (options_.keys_only) wanted_ = {.vectors = false, .documents = false, .metadatas = shared_->schema.has_tenant, .uris = false};
  }
  ~Reader() override {
    for (auto& request : ahead_) request.answer.wait();
  }

  Result<std::optional<SourceBatch>> Next() override {
    if (shared_->dataset.cancel) ARROW_RETURN_NOT_OK(shared_->dataset.cancel->Check());
    while (true) {
      if (at_ == order_.size()) {
        ARROW_ASSIGN_OR_RAISE(const bool more, NextPage());
        if (!more) return std::nullopt;
      }
      ARROW_ASSIGN_OR_RAISE(SourceBatch batch, Decode());
      if (batch.records.rows() > 0 || !batch.rejects.empty()) return std::optional(std::move(batch));
    }
  }

 private:
  struct Request {
    IdRun ids;
    std::future<Result<std::string>> answer;
  };

  size_t PageRows() const {
    auto rows = static_cast<size_t>(std::max<int64_t>(options_.batch_rows, 1));
    if (options_.keys_only) return std::min(rows, most_);
    if (bytes_per_record_ > 0) rows = std::min(rows, static_cast<size_t>(static_cast<double>(options_.batch_bytes) / bytes_per_record_) + 1);
    else rows = std::min(rows, kFirstPage);
    return std::clamp<size_t>(rows, 1, most_);
  }

  Status AskAhead() {
    // Until it is known how large records are, one small page is enough.
    const size_t wanted = bytes_per_record_ > 0 || options_.keys_only ? kAhead + 1 : 1;
    while (ahead_.size() < wanted) {
      ARROW_ASSIGN_OR_RAISE(IdRun run, walk_.Take(PageRows()));
      if (run.ids.empty()) return Status::OK();
      Ask(std::move(run));
    }
    return Status::OK();
  }

  void Ask(IdRun run) {
    std::string body = GetBody({run.ids.begin(), run.ids.end()}, wanted_);
    auto answer = std::async(std::launch::async, [shared = shared_, body = std::move(body)]() mutable {
      NameThread("vf-get");
      return shared->dataset.client->Records(shared->collection.id, "get", std::move(body), HttpAct::read, "reading records");
    });
    ahead_.push_back({std::move(run), std::move(answer)});
  }

  /// What was asked is asked again by the next call; in halves where it was too large for somebody on the way.
  Status Failed(IdRun run, const Status& status) {
    for (auto& request : ahead_) request.answer.wait();
    // Chroma Cloud refuses more than so many at once.
    const bool too_many = IsCategory(status, Category::refused) && run.ids.size() > kFewest;
    const bool too_large = too_many || (IsCategory(status, Category::too_large) && run.ids.size() > 1);
    if (too_large) most_ = run.ids.size() / 2;
    walk_.GoBack(run);
    ahead_.clear();
    if (!too_large) return status;
    ErrorFacts facts = FactsOf(status);
    facts.category = Category::transient;
    facts.retry = Retry::now;
    return MakeError(std::move(facts), status.message());
  }

  Result<bool> NextPage() {
    ARROW_RETURN_NOT_OK(AskAhead());
    if (ahead_.empty()) return false;
    Request request = std::move(ahead_.front());
    ahead_.pop_front();
    auto answer = request.answer.get();
    if (!answer.ok()) return Failed(std::move(request.ids), answer.status());
    GiveBuffer(std::exchange(answer_, std::move(*answer)));
    if (const Status status = TakeApart(request.ids); !status.ok()) return Failed(std::move(request.ids), status);
    run_ = std::move(request.ids);
    at_ = 0;
    if (page_.rows() > 0 && !options_.keys_only) {
      const size_t bytes = page_.floats.size() * sizeof(float) + (answer_.size() - std::min(answer_.size(), page_.floats.size() * 8));
      bytes_per_record_ = std::max(1.0, static_cast<double>(bytes) / static_cast<double>(page_.rows()));
    }
    ARROW_RETURN_NOT_OK(AskAhead());
    return true;
  }

  /// The rows in the order of the ids that were asked for; one that is gone meanwhile has none.
  Status TakeApart(const IdRun& run) {
    constexpr std::string_view kWhat = "reading records";
    order_.clear(), at_ = 0;
    ARROW_RETURN_NOT_OK(Understood(answer_, wanted_, kWhat, &page_));
    std::unordered_map<std::string_view, size_t> places;
    for (size_t i = 0; i < run.ids.size(); ++i) places.emplace(run.ids[i], i);
    order_.assign(run.ids.size(), kNoRow);
    std::string buffer;
    for (size_t row = 0; row < page_.rows(); ++row) {
      const auto id = Unescape(page_.ids[row], &buffer);
      const auto place = id.ok() ? places.find(*id) : places.end();
      if (place == places.end() || order_[place->second] != kNoRow) {
        order_.clear();
        return BadHttpAnswer(kWhat, "the server answers with a record that was not asked for, or twice");
      }
      order_[place->second] = row;
    }
    return CheckMissing(run, kWhat);
  }

  /// A record is gone only when it lacks twice: an answer to another request, which a proxy may give, is empty or another part.
  Status CheckMissing(const IdRun& run, std::string_view what) {
    std::set<std::string> missing;
    for (size_t i = 0; i < run.ids.size(); ++i) {
      if (order_[i] == kNoRow) missing.insert(std::string(run.ids[i]));
    }
    const bool sure = std::includes(missing_.begin(), missing_.end(), missing.begin(), missing.end());
    missing_ = sure ? std::set<std::string>() : std::move(missing);
    if (sure) return Status::OK();
    order_.clear();
    ErrorFacts facts = FactsOf(BadHttpAnswer(what, ""));
    facts.retry = Retry::now;
    return MakeError(std::move(facts), fmt::format("{}: records that were listed lack in the answer", what));
  }

  /// As much of the page as a batch may hold.
  Result<SourceBatch> Decode() {
    SourceBatch batch;
    while (at_ < order_.size() && (builder_.rows() == 0 || (builder_.bytes() < options_.batch_bytes && builder_.rows() < options_.batch_rows))) {
      const size_t row = order_[at_++];
      if (row == kNoRow) continue;
      if (auto reject = decoder_.Append(page_, row, builder_)) batch.rejects.push_back(*std::move(reject));
    }
    ARROW_ASSIGN_OR_RAISE(batch.records, builder_.Finish());
    batch.next = run_.CursorBehind(at_);
    return batch;
  }

  static constexpr size_t kNoRow = SIZE_MAX;
  const std::shared_ptr<const Shared> shared_;
  IdWalk walk_;
  const ReadOptions options_;
  Wanted wanted_;
  RowDecoder decoder_;
  BatchBuilder builder_;
  double bytes_per_record_ = 0;
  size_t most_ = SIZE_MAX / 2;
  std::deque<Request> ahead_;
  std::string answer_;          ///< of the page, which points into it
  Page page_;
  IdRun run_;
  std::vector<size_t> order_;   ///< rows of the page
  size_t at_ = 0;               ///< in order_
  std::set<std::string> missing_;  ///< of the last answer, which is asked for again
};

class CollectionSource final : public Source {
 public:
  CollectionSource(Dataset dataset, Collection collection, std::optional<RecordSchema> known) : known_(std::move(known)) {
    shared_->dataset = std::move(dataset);
    shared_->collection = std::move(collection);
  }

  Result<DatasetInfo> Describe() override {
    ARROW_RETURN_NOT_OK(Look());
    DatasetInfo out;
    out.store = shared_->dataset.store;
    out.dataset = shared_->dataset.name;
    out.identity = shared_->dataset.identity;
    out.schema = shared_->schema;
    ARROW_ASSIGN_OR_RAISE(out.count, Client().Count(shared_->collection.id));
    out.count_exact = true;
    out.consistency = Consistency::live;
    out.layout = shared_->dataset.layout->name;
    out.settings = SettingsOf(shared_->collection.parameters);
    AddFacts(&out);
    return out;
  }

  Result<std::vector<Split>> Splits(int wanted) override {
    ARROW_RETURN_NOT_OK(Look());
    return SplitsOf(Client(), shared_->collection.id, wanted);
  }

  Result<std::unique_ptr<SplitReader>> Read(const Split& split, const Cursor& from, const ReadOptions& options) override {
    ARROW_RETURN_NOT_OK(Look());
    ARROW_ASSIGN_OR_RAISE(IdWalk walk, IdWalk::Of(shared_->dataset.client, split.payload, from));
    if (walk.collection() != shared_->collection.id) {
      return MakeError(Category::refused, fmt::format("'{}' is another collection than when the run began: it was deleted and made anew", Printable(shared_->dataset.name)),
                       "begin anew with --restart");
    }
    return std::make_unique<Reader>(shared_, std::move(walk), options);
  }

  Lookup* lookup() override { return keyed_.get(); }
  Searcher* searcher() override { return searcher_.get(); }

 private:
  const chroma_model::Client& Client() const { return *shared_->dataset.client; }

  /// Once: what the collection's records have.
  Status Look() {
    std::lock_guard guard(mutex_);
    if (looked_) return Status::OK();
    RecordSchema schema = SchemaOf(shared_->collection.parameters, shared_->collection.dimension);
    if (known_) {
      if (schema.vectors.empty()) schema.vectors = known_->vectors;
      schema.id_kind = known_->id_kind;
      schema.has_document = known_->has_document;
      schema.has_tenant = known_->has_tenant;
    } else {
      ARROW_RETURN_NOT_OK(Sample(&schema));
    }
    shared_->schema = schema;
    keyed_ = std::make_unique<RecordsByKey>(shared_->dataset, shared_->collection.id, schema);
    searcher_ = std::make_unique<CollectionSearcher>(shared_->dataset, shared_->collection.id, schema);
    looked_ = true;
    return Status::OK();
  }

  /// Whether there is a document the server knows for sure; tenants are looked for among the first and the last records.
  Status Sample(RecordSchema* schema) {
    const auto documents = Client().Records(shared_->collection.id, "get", R"({"limit":1,"include":[],"where_document":{"$contains":""}})", HttpAct::look, "looking for documents");
    Page page;
    const bool sure = documents.ok() && ParsePage(*documents, &page).ok();
    if (sure) schema->has_document = page.rows() > 0;
    ARROW_ASSIGN_OR_RAISE(const int64_t count, Client().Count(shared_->collection.id));
    ARROW_RETURN_NOT_OK(SampleAt(0, !sure, schema));
    return count > 2 * kSampled ? SampleAt(count - kSampled, !sure, schema) : Status::OK();
  }

  Status SampleAt(int64_t offset, bool documents, RecordSchema* schema) {
    constexpr std::string_view kWhat = "looking at some records";
    const Wanted wanted{.vectors = false, .documents = documents, .metadatas = true, .uris = false};
    ARROW_ASSIGN_OR_RAISE(const std::string answer, Client().Records(shared_->collection.id, "get", GetBody(kSampled, offset, wanted), HttpAct::read, kWhat));
    Page page;
    ARROW_RETURN_NOT_OK(Understood(answer, wanted, kWhat, &page));
    MetadataDecoder decoder(*shared_->dataset.layout, true, true);
    for (size_t row = 0; row < page.rows(); ++row) {
      if (documents && page.documents[row].present) schema->has_document = true;
      const auto payload = decoder.Decode({std::nullopt, std::nullopt, page.metadatas[row]});
      schema->has_tenant |= payload.ok() && payload->tenant;
    }
    return Status::OK();
  }

  void AddFacts(DatasetInfo* out) const {
    const Collection& collection = shared_->collection;
    out->facts["server"] = fmt::format("Chroma, API v2 ({})", Client().facts().version);
    out->facts["collection"] = collection.id;
    out->facts["database"] = Printable(fmt::format("{}/{}", Client().address().tenant, Client().address().database), 300);
    out->facts["index"] = Printable(collection.parameters.configuration, 1000);
    if (!collection.parameters.function.empty()) {
      out->facts["embedding function"] = Printable(collection.parameters.function + (collection.parameters.model.empty() ? "" : ", " + collection.parameters.model), 300);
    }
    if (!collection.parameters.metadata.empty()) out->facts["metadata"] = Printable(collection.parameters.metadata, 1000);
    if (collection.dimension == 0) out->notes.push_back({"no-dimension", "nothing was ever written: the vectors' dimension is not known", -1, false});
  }

  const std::shared_ptr<Shared> shared_ = std::make_shared<Shared>();
  const std::optional<RecordSchema> known_;
  std::mutex mutex_;
  bool looked_ = false;
  std::unique_ptr<RecordsByKey> keyed_;
  std::unique_ptr<CollectionSearcher> searcher_;
};

}  // namespace

std::unique_ptr<Source> MakeSource(Dataset dataset, Collection collection, std::optional<RecordSchema> known) {
  return std::make_unique<CollectionSource>(std::move(dataset), std::move(collection), std::move(known));
}

Result<std::unique_ptr<Source>> OpenCollection(Dataset dataset) {
  ARROW_ASSIGN_OR_RAISE(auto collection, dataset.client->Find(dataset.name));
  if (collection) return MakeSource(std::move(dataset), *std::move(collection), std::nullopt);
  const Address& address = dataset.client->address();
  ARROW_ASSIGN_OR_RAISE(const bool database, dataset.client->HasDatabase());
  if (!database) {
    const auto databases = dataset.client->Databases();
    return MakeError(Category::not_found,
                     fmt::format("there is no database '{}' in the tenant '{}'{}", Printable(address.database, 200), Printable(address.tenant, 200),
                                 databases.ok() ? Suggestion(address.database, *databases) : ""),
                     "name both: chroma://HOST:PORT/TENANT/DATABASE#COLLECTION");
  }
  ARROW_ASSIGN_OR_RAISE(const auto all, dataset.client->Collections());
  std::vector<std::string> names;
  for (const auto& each : all) names.push_back(each.collection.name);
  return MakeError(Category::not_found, fmt::format("there is no collection '{}'{}", Printable(dataset.name), Suggestion(dataset.name, names)),
                   names.empty() ? "the database has none" : "see which there are with `vecferry inspect`");
}

}  // namespace vecferry::chroma_model
