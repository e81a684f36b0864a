#include "connectors/milvus/reader.h"

#include <algorithm>
#include <future>
#include <numeric>

#include <fmt/format.h>

#include "base/text.h"
#include "base/threads.h"
#include "connectors/milvus/query.h"
#include "net/buffers.h"

namespace vecferry::milvus {
namespace {

constexpr std::string_view kWhat = "reading rows";
/// The first page of a range is small: how large rows are is not known before.
constexpr int64_t kFirstPage = 16;
/// What a server gives at once at most.
constexpr int64_t kMostRows = 16'384;

class Reader final : public SplitReader {
 public:
  Reader(std::shared_ptr<const Shared> shared, Range range, bool ended, ReadOptions options)
      : shared_(std::move(shared)), range_(std::move(range)), ended_(ended), options_(options), decoder_(shared_->shape, *shared_->dataset.layout),
        builder_(shared_->shape.schema), listing_(shared_->dataset.client->is_lite()) {}
  ~Reader() override {
    if (ahead_.valid()) ahead_.wait();
  }

  Result<std::optional<SourceBatch>> Next() override {
    if (shared_->dataset.cancel) ARROW_RETURN_NOT_OK(shared_->dataset.cancel->Check());
    while (at_ < order_.size() || !ended_) {
      if (at_ == order_.size()) ARROW_RETURN_NOT_OK(NextPage());
      ARROW_ASSIGN_OR_RAISE(SourceBatch batch, Decode());
      if (batch.records.rows() > 0 || !batch.rejects.empty()) return std::optional(std::move(batch));
    }
    return std::nullopt;
  }

 private:
  const Field& KeyField() const { return shared_->shape.key_field(); }

  int64_t Limit() const {
    int64_t rows = options_.batch_rows;
    if (bytes_per_row_ > 0) rows = std::min(rows, static_cast<int64_t>(static_cast<double>(options_.batch_bytes) / bytes_per_row_));
    else if (!options_.keys_only) rows = std::min(rows, kFirstPage);
    return std::clamp<int64_t>(rows, 1, std::min(most_, kMostRows));
  }

  Result<std::string> Fetch(const std::optional<Key>& after, const std::optional<Key>& to, int64_t limit, bool keys_only) const {
    std::string expr = RangeExpr(KeyField().name, after, to);
    if (limit == 0 && expr.empty()) expr = AllExpr(KeyField().name, shared_->shape.integer_keys());
    Query query;
    query.expr = expr;
    query.fields = shared_->shape.FieldNames(keys_only);
    query.partition = range_.partition;
    query.timestamp = range_.timestamp;
    query.limit = limit;
    query.iterate = limit > 0;
    query.collection_id = range_.collection_id;
    const Client& client = *shared_->dataset.client;
    ARROW_RETURN_NOT_OK(shared_->loaded->Ensure(shared_->dataset.client, range_.collection));
    return client.Call("Query", QueryRequest(client.For(range_.collection), query), Act::read, kWhat);
  }

  /// A page that is too large for somebody on the way is asked for in halves.
  Status Refused(const Status& status) {
    const int64_t limit = Limit();
    if (!IsCategory(status, Category::too_large) || limit == 1) return status;
    most_ = limit / 2;
    ErrorFacts facts = FactsOf(status);
    facts.category = Category::transient;
    facts.retry = Retry::now;
    return MakeError(std::move(facts), status.message());
  }

  Status NextPage() { return listing_ ? NextListed() : NextOrdered(); }

  Status NextOrdered() {
    auto answer = ahead_.valid() ? ahead_.get() : Fetch(range_.after, range_.to, Limit(), options_.keys_only);
    if (!answer.ok()) return Refused(answer.status());
    ARROW_RETURN_NOT_OK(Open(std::move(*answer)));
    for (size_t i = 0; i < order_.size(); ++i) {
      // A page that goes back would be read again and again, and one out of order leaves rows out.
      const bool onward = i == 0 ? !range_.after || *range_.after < keys_[i] : !(keys_[i] < keys_[i - 1]);
      if (!onward) return order_.clear(), BadAnswer(kWhat, "the server's page is not one of rows in order behind the last");
    }
    if (order_.empty()) return ended_ = true, Status::OK();
    range_.after = keys_.back();
    if (range_.to && !(*range_.after < *range_.to)) ended_ = true;
    if (ended_) return Status::OK();
    // The next page is on its way while this one is taken apart.
    ahead_ = std::async(std::launch::async, [this, after = range_.after, limit = Limit()] {
      NameThread("vf-query");
      return Fetch(after, range_.to, limit, options_.keys_only);
    });
    return Status::OK();
  }

  /// The next of the keys that were listed, and the rows up to there.
  Status NextListed() {
    if (!listed_) ARROW_RETURN_NOT_OK(List());
    if (next_ == list_.size()) return ended_ = true, Status::OK();
    const size_t last = std::min(list_.size(), next_ + static_cast<size_t>(Limit())) - 1;
    auto answer = Fetch(range_.after, list_[last], 0, options_.keys_only);
    if (!answer.ok()) return Refused(answer.status());
    ARROW_RETURN_NOT_OK(Open(std::move(*answer)));
    range_.after = list_[last];
    next_ = last + 1;
    if (next_ == list_.size()) ended_ = true;
    return Status::OK();
  }

  Status List() {
    ARROW_ASSIGN_OR_RAISE(const std::string answer, Fetch(range_.after, range_.to, 0, true));
    RowDecoder keys(shared_->shape, *shared_->dataset.layout);
    const Status opened = keys.Open(answer, true);
    if (!opened.ok()) return BadAnswer(kWhat, opened.message());
    list_.clear();
    for (int64_t row = 0; row < keys.rows(); ++row) list_.push_back(keys.KeyOfRow(row));
    std::sort(list_.begin(), list_.end());
    list_.erase(std::unique(list_.begin(), list_.end()), list_.end());
    listed_ = true;
    return Status::OK();
  }

  /// Takes an answer as the page at hand, its rows sorted by key where they came in no order.
  Status Open(std::string answer) {
    at_ = 0;
    order_.clear();
    keys_.clear();
    GiveBuffer(std::exchange(bytes_, std::move(answer)));
    const Status opened = decoder_.Open(bytes_, options_.keys_only);
    if (!opened.ok()) return BadAnswer(kWhat, opened.message());
    const auto rows = static_cast<size_t>(decoder_.rows());
    order_.resize(rows);
    std::iota(order_.begin(), order_.end(), int64_t{0});
    for (size_t row = 0; row < rows; ++row) keys_.push_back(decoder_.KeyOfRow(static_cast<int64_t>(row)));
    if (listing_) {
      std::stable_sort(order_.begin(), order_.end(), [&](int64_t a, int64_t b) { return keys_[static_cast<size_t>(a)] < keys_[static_cast<size_t>(b)]; });
      std::stable_sort(keys_.begin(), keys_.end());
    }
    if (rows > 0) bytes_per_row_ = static_cast<double>(bytes_.size()) / static_cast<double>(rows);
    return Status::OK();
  }

  /// As much of the page as a batch may hold.
  Result<SourceBatch> Decode() {
    SourceBatch batch;
    while (at_ < order_.size() && (builder_.rows() == 0 || builder_.bytes() < options_.batch_bytes)) {
      Take(at_, &batch);
      ++at_;
    }
    ARROW_ASSIGN_OR_RAISE(batch.records, builder_.Finish());
    if (at_ == order_.size() && ended_) batch.next = kEnd;
    else if (at_ > 0) batch.next = "k" + keys_[at_ - 1].Spelled();
    else if (range_.after) batch.next = "k" + range_.after->Spelled();
    return batch;
  }

  void Take(size_t at, SourceBatch* batch) {
    if (at > 0 && keys_[at] == keys_[at - 1]) {
      batch->rejects.push_back({Printable(IdOf(shared_->shape, keys_[at])), Printable(range_.partition), "duplicate-id",
                                "the collection holds another row of the same key, which was inserted and not upserted", ""});
      return;
    }
    RowFacts facts;
    if (Fault fault = decoder_.Append(order_[at], range_.partition, builder_, &facts)) {
      batch->rejects.push_back({Printable(facts.id), Printable(facts.tenant), std::move(fault.code), Printable(fault.message), ""});
    }
  }

  const std::shared_ptr<const Shared> shared_;
  Range range_;
  bool ended_;
  const ReadOptions options_;
  RowDecoder decoder_;
  BatchBuilder builder_;
  const bool listing_;
  bool listed_ = false;
  std::vector<Key> list_;
  size_t next_ = 0;
  double bytes_per_row_ = 0;
  int64_t most_ = kMostRows;
  std::string bytes_;      ///< of the page, which points into it
  std::vector<int64_t> order_;
  std::vector<Key> keys_;  ///< in that order
  size_t at_ = 0;
  std::future<Result<std::string>> ahead_;
};

}  // namespace

std::unique_ptr<SplitReader> MakeReader(std::shared_ptr<const Shared> shared, Range range, bool ended, ReadOptions options) {
  return std::make_unique<Reader>(std::move(shared), std::move(range), ended, options);
}

}  // namespace vecferry::milvus
