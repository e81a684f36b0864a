#include "connectors/weaviate/reader.h"

#include <algorithm>
#include <future>

#include <fmt/format.h>

#include "base/text.h"
#include "base/threads.h"
#include "connectors/weaviate/errors.h"
#include "weaviate_pb/weaviate.pb.h"

namespace vecferry::weaviate {
namespace {

constexpr std::string_view kWhat = "reading objects";
/// The first page of a range is small: how large objects are is not known before.
constexpr int64_t kFirstPage = 16;
/// The server itself refuses more than ten thousand at once.
constexpr int64_t kLargestPage = 5'000;

/// One page of objects in ascending order of their ids.
struct Page {
  pb::SearchReply reply;
  std::map<std::string, References, std::less<>> references;  ///< by id, where the class has any
};

class Reader final : public SplitReader {
 public:
  Reader(std::shared_ptr<const Shared> shared, Range range, Position position, const ReadOptions& options)
      : shared_(std::move(shared)), range_(std::move(range)), position_(std::move(position)), options_(options),
        decoder_(shared_->look.shape, *shared_->dataset.layout, ShowsNestedNulls(shared_->look.schema)), builder_(shared_->look.shape.schema),
        reference_names_(shared_->look.schema.References()) {
    if (position_.tenant == 0 && position_.after.empty() && !range_.from.empty()) position_.after = Before(range_.from);
  }
  ~Reader() override {
    if (ahead_.valid()) ahead_.wait();
    LetGo();
  }

  Result<std::optional<SourceBatch>> Next() override {
    if (shared_->dataset.cancel) ARROW_RETURN_NOT_OK(shared_->dataset.cancel->Check());
    while (HasObjects() || !position_.ended) {
      if (!HasObjects()) {
        ARROW_RETURN_NOT_OK(NextPage());
        if (!HasObjects()) continue;
      }
      ARROW_ASSIGN_OR_RAISE(SourceBatch batch, Decode());
      if (batch.records.rows() > 0 || !batch.rejects.empty()) return std::optional(std::move(batch));
    }
    return std::nullopt;
  }

 private:
  bool HasObjects() const { return page_ && at_ < page_->reply.results_size(); }
  const std::string& tenant() const { return range_.tenants[position_.tenant]; }

  uint32_t Limit() const {
    int64_t rows = options_.batch_rows;
    if (bytes_per_object_ > 0) rows = std::min(rows, static_cast<int64_t>(static_cast<double>(options_.batch_bytes) / bytes_per_object_));
    else if (!options_.keys_only) rows = std::min(rows, kFirstPage);
    return static_cast<uint32_t>(std::clamp<int64_t>(rows, 1, std::min(most_, kLargestPage)));
  }

  Result<std::unique_ptr<Page>> Fetch(const std::string& tenant, const std::string& after, uint32_t limit) const {
    const Dataset& dataset = shared_->dataset;
    const ClassSchema& schema = shared_->look.schema;
    pb::SearchRequest request;
    SetWanted(schema, shared_->look.shape, *dataset.layout, options_.keys_only, &request);
    request.set_tenant(tenant);
    request.set_after(after);
    request.set_limit(limit);
    if (const auto level = dataset.client->target().level; level != Consistency::unspecified) request.set_consistency_level(static_cast<pb::ConsistencyLevel>(level));
    auto page = std::make_unique<Page>();
    ARROW_RETURN_NOT_OK(dataset.client->Ask("Search", request, &page->reply, HttpAct::read, kWhat, schema.name, tenant));
    if (!reference_names_.empty() && !options_.keys_only && page->reply.results_size() > 0) {
      ARROW_ASSIGN_OR_RAISE(const std::string text, dataset.client->Objects(schema.name, tenant, after, limit));
      ARROW_ASSIGN_OR_RAISE(page->references, ParseReferences(text, reference_names_));
    }
    return page;
  }

  /// A page that is too large for somebody on the way is asked for in halves. A tenant may have been put to sleep meanwhile.
  Status Refused(const Status& status) {
    if (IsCategory(status, Category::transient) && !tenant().empty()) {
      LetGo();
      shared_->dataset.tenants->Forget();
    }
    const uint32_t limit = Limit();
    if (!IsCategory(status, Category::too_large) || limit == 1) return status;
    most_ = limit / 2;
    ErrorFacts facts = FactsOf(status);
    facts.category = Category::transient;
    facts.retry = Retry::now;
    return MakeError(std::move(facts), status.message());
  }

  /// Ids ascend, and lie behind where the page was to begin: else it would be read again and again.
  Status Check(const Page& page) const {
    std::string_view last = position_.after;
    for (const auto& object : page.reply.results()) {
      const std::string& id = object.metadata().id();
      if (!IsObjectId(id)) return BadGrpcAnswer(kWhat);
      if (!last.empty() && id <= last) return BadHttpAnswer(kWhat, "the server's page is not behind the one before");
      last = id;
      if (!reference_names_.empty() && !options_.keys_only && !page.references.contains(id)) return BadHttpAnswer(kWhat, "an object changed while it was read");
    }
    return Status::OK();
  }

  /// Moves on to the next tenant of the range, or ends.
  void NextTenant() {
    LetGo();
    page_.reset();
    position_.after.clear();
    if (++position_.tenant >= range_.tenants.size()) position_.ended = true;
  }

  void LetGo() {
    if (std::exchange(held_, false)) shared_->dataset.tenants->LetGo(range_.tenants[held_tenant_]);
  }

  /// False where the tenant sleeps and may not be woken: nothing of it is looked at.
  Result<bool> Hold() {
    if (tenant().empty() || held_) return true;
    ARROW_ASSIGN_OR_RAISE(held_, shared_->dataset.tenants->Need(tenant(), shared_->dataset.wake));
    held_tenant_ = position_.tenant;
    return held_;
  }

  Status NextPage() {
    ARROW_ASSIGN_OR_RAISE(const bool readable, Hold());
    if (!readable) return NextTenant(), Status::OK();
    auto fetched = ahead_.valid() ? ahead_.get() : Fetch(tenant(), position_.after, Limit());
    if (!fetched.ok()) return Refused(fetched.status());
    ARROW_RETURN_NOT_OK(Check(**fetched));
    page_ = std::move(*fetched);
    at_ = 0;
    const int n = page_->reply.results_size();
    if (n == 0) return NextTenant(), Status::OK();
    if (!options_.keys_only) bytes_per_object_ = std::max(1.0, static_cast<double>(page_->reply.ByteSizeLong()) / n);
    const std::string last = page_->reply.results(n - 1).metadata().id();
    if (!range_.to.empty() && last >= range_.to) return Status::OK();
    // The next page is on its way while this one is taken apart.
    ahead_ = std::async(std::launch::async, [this, tenant = tenant(), last, limit = Limit()] {
      NameThread("vf-objects");
      return Fetch(tenant, last, limit);
    });
    return Status::OK();
  }

  /// As much of the page as a batch may hold.
  Result<SourceBatch> Decode() {
    SourceBatch batch;
    bool behind = false;
    while (HasObjects() && !behind && (builder_.rows() == 0 || builder_.bytes() < options_.batch_bytes) && builder_.rows() < options_.batch_rows) {
      const auto& object = page_->reply.results(at_);
      behind = !range_.to.empty() && object.metadata().id() >= range_.to;
      if (behind) break;
      ARROW_RETURN_NOT_OK(Take(object, &batch));
      position_.after = object.metadata().id();
      ++at_;
    }
    if (behind) NextTenant();
    ARROW_ASSIGN_OR_RAISE(batch.records, builder_.Finish());
    batch.next = position_.Text(range_);
    return batch;
  }

  Status Take(const pb::SearchResult& object, SourceBatch* batch) {
    const auto references = page_->references.find(object.metadata().id());
    ObjectFacts facts;
    ARROW_ASSIGN_OR_RAISE(auto reject, decoder_.Append(object, tenant(), references == page_->references.end() ? nullptr : &references->second, builder_, &facts));
    if (reject) batch->rejects.push_back(std::move(*reject));
    return Status::OK();
  }

  const std::shared_ptr<const Shared> shared_;
  const Range range_;
  Position position_;
  const ReadOptions options_;
  ObjectDecoder decoder_;
  BatchBuilder builder_;
  const std::vector<std::string> reference_names_;
  double bytes_per_object_ = 0;
  int64_t most_ = INT32_MAX;
  std::unique_ptr<Page> page_;
  int at_ = 0;
  bool held_ = false;
  size_t held_tenant_ = 0;
  std::future<Result<std::unique_ptr<Page>>> ahead_;
};

}  // namespace

std::unique_ptr<SplitReader> MakeReader(std::shared_ptr<const Shared> shared, Range range, Position position, const ReadOptions& options) {
  if (range.tenants.empty()) position.ended = true;
  return std::make_unique<Reader>(std::move(shared), std::move(range), std::move(position), options);
}

}  // namespace vecferry::weaviate
