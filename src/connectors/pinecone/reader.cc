#include "connectors/pinecone/reader.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/text.h"
#include "base/threads.h"
#include "connectors/pinecone/names.h"

namespace vecferry::pinecone {
namespace {

/// The first stretch is small: how large records are is not known before.
constexpr int64_t kFirstRows = 16;
/// So often ids are fetched again that the index lists and does not give: it may not have got that far.
constexpr int kPatience = 4;
constexpr std::chrono::milliseconds kMoment{300};

class Reader final : public SplitReader {
 public:
  Reader(std::shared_ptr<const Shared> shared, std::unique_ptr<IdStream> ids, ReadOptions options, bool ended)
      : shared_(std::move(shared)), ids_(std::move(ids)), options_(options), ended_(ended), decoder_(shared_->form), builder_(shared_->form.schema) {
    // A tenant that is a field of the metadata is part of the key.
    keys_alone_ = options_.keys_only && (shared_->form.namespaces || !shared_->form.schema.has_tenant);
  }
  ~Reader() override {
    if (ahead_.valid()) ahead_.wait();
  }

  Result<std::optional<SourceBatch>> Next() override {
    if (shared_->dataset.cancel) ARROW_RETURN_NOT_OK(shared_->dataset.cancel->Check());
    while (true) {
      if (at_ == stretch_.wanted.size()) {
        if (ended_) return AtEnd();
        ARROW_RETURN_NOT_OK(NextStretch());
        continue;
      }
      ARROW_ASSIGN_OR_RAISE(SourceBatch batch, Decode());
      if (batch.records.rows() > 0 || !batch.rejects.empty()) return std::optional(std::move(batch));
    }
  }

 private:
  Result<std::optional<SourceBatch>> AtEnd() {
    if (!checked_) ARROW_RETURN_NOT_OK(ids_->CheckEnd());
    checked_ = true;
    return std::nullopt;
  }

  int64_t Rows() const {
    int64_t rows = options_.batch_rows;
    if (bytes_per_record_ > 0) rows = std::min(rows, static_cast<int64_t>(static_cast<double>(options_.batch_bytes) / bytes_per_record_));
    else if (!keys_alone_) rows = std::min(rows, kFirstRows);
    return std::max<int64_t>(rows, 1);
  }

  /// The ids were got; what is left is kept for when the call is made again.
  Result<Stretch> Load(int64_t rows) {
    if (!pending_) {
      ARROW_ASSIGN_OR_RAISE(pending_, ids_->Next(rows));
    }
    ARROW_RETURN_NOT_OK(Fill(&*pending_));
    Stretch stretch = std::move(*pending_);
    pending_.reset();
    tries_ = 0;
    return stretch;
  }

  Status Fill(Stretch* stretch) {
    stretch->keys_alone = keys_alone_ && std::none_of(stretch->wanted.begin(), stretch->wanted.end(), [](const Wanted& each) { return MayBeMapped(each.id); });
    if (stretch->keys_alone) return Status::OK();
    std::map<std::string, std::vector<std::string_view>> by_space;
    for (const Wanted& each : stretch->wanted) by_space[each.space].push_back(each.id);
    stretch->fetched.clear();
    for (const auto& [space, ids] : by_space) {
      auto fetched = Fetched::Of(*shared_->dataset.index, space, ids, longest_target_);
      if (!fetched.ok()) return Refused(fetched.status());
      stretch->fetched.emplace(space, std::move(*fetched));
    }
    return CheckFound(*stretch);
  }

  /// A URL that is too long for somebody on the way is asked for in halves.
  Status Refused(const Status& status) {
    if (!IsCategory(status, Category::too_large) || longest_target_ < 64) return status;
    longest_target_ /= 2;
    ErrorFacts facts = FactsOf(status);
    facts.category = Category::transient;
    facts.retry = Retry::now;
    return MakeError(std::move(facts), status.message());
  }

  Status CheckFound(const Stretch& stretch) {
    int64_t missing = 0;
    for (const Wanted& each : stretch.wanted) missing += Find(stretch, each) == nullptr;
    if (missing == 0 || ++tries_ >= kPatience) return Status::OK();
    ErrorFacts facts;
    facts.category = Category::transient;
    facts.retry = Retry::after_delay;
    facts.retry_after = kMoment;
    return MakeError(std::move(facts), fmt::format("fetching records: {} of {} ids are known and their records are not given", missing, stretch.wanted.size()));
  }

  static const VectorText* Find(const Stretch& stretch, const Wanted& wanted) {
    const auto at = stretch.fetched.find(wanted.space);
    return at == stretch.fetched.end() ? nullptr : at->second.Find(wanted.id);
  }

  Status NextStretch() {
    auto loaded = ahead_.valid() ? ahead_.get() : Load(Rows());
    ARROW_RETURN_NOT_OK(loaded.status());
    stretch_ = std::move(*loaded);
    at_ = 0;
    ended_ = stretch_.ended;
    Measure();
    if (ended_) return Status::OK();
    // The next records are on their way while these are taken apart.
    ahead_ = std::async(std::launch::async, [this, rows = Rows()] {
      NameThread("vf-list");
      return Load(rows);
    });
    return Status::OK();
  }

  void Measure() {
    double bytes = 0;
    for (const Wanted& each : stretch_.wanted) {
      if (const VectorText* vector = Find(stretch_, each)) bytes += static_cast<double>(vector->whole.size());
    }
    // Numbers are longer as text than in a batch; what is held is the text.
    if (bytes > 0 && !stretch_.wanted.empty()) bytes_per_record_ = bytes / static_cast<double>(stretch_.wanted.size());
  }

  /// As much of the stretch as a batch may hold.
  Result<SourceBatch> Decode() {
    SourceBatch batch;
    int64_t taken = 0;
    while (at_ < stretch_.wanted.size() && taken < options_.batch_rows && (builder_.rows() == 0 || builder_.bytes() < options_.batch_bytes)) {
      const Wanted& wanted = stretch_.wanted[at_];
      const auto status = Take(wanted, &batch);
      if (!status.ok()) {
        // What was built belongs to the records before this one, which are given when the call is made again.
        for (; taken > 0; --taken) --at_;
        ARROW_RETURN_NOT_OK(builder_.Finish().status());
        return status;
      }
      batch.next = wanted.behind;
      ++at_;
      ++taken;
    }
    ARROW_ASSIGN_OR_RAISE(batch.records, builder_.Finish());
    return batch;
  }

  Status Take(const Wanted& wanted, SourceBatch* batch) {
    if (stretch_.keys_alone) {
      builder_.Id(wanted.id);
      const std::string tenant = shared_->form.namespaces ? shared_->form.TenantIn(wanted.space) : "";
      if (shared_->form.schema.has_tenant && !tenant.empty()) builder_.Tenant(tenant);
      builder_.Metadata("{}");
      builder_.EndRow();
      return Status::OK();
    }
    const VectorText* vector = Find(stretch_, wanted);
    if (!vector) return Miss(wanted, batch);
    VectorFacts facts;
    if (Fault fault = decoder_.Append(*vector, wanted.space, builder_, &facts)) AddReject(wanted, facts.record_id, std::move(fault.code), fault.message, batch);
    return Status::OK();
  }

  /// One that was deleted meanwhile is none; one that is still listed is told of.
  Status Miss(const Wanted& wanted, SourceBatch* batch) {
    ARROW_ASSIGN_OR_RAISE(const bool there, ids_->IsThere(wanted));
    if (!there) return Status::OK();
    auto [code, message] = ids_->MissingAs();
    AddReject(wanted, wanted.id, std::move(code), message, batch);
    return Status::OK();
  }

  void AddReject(const Wanted& wanted, const std::string& id, std::string code, const std::string& message, SourceBatch* batch) const {
    const std::string tenant = shared_->form.namespaces ? shared_->form.TenantIn(wanted.space) : "";
    batch->rejects.push_back({Printable(id), Printable(tenant), std::move(code), Printable(message), ""});
  }

  const std::shared_ptr<const Shared> shared_;
  const std::unique_ptr<IdStream> ids_;
  const ReadOptions options_;
  bool ended_, checked_ = false, keys_alone_ = false;
  RecordDecoder decoder_;
  BatchBuilder builder_;
  double bytes_per_record_ = 0;
  size_t longest_target_ = kLongestTarget;  ///< of Load alone
  Stretch stretch_;
  size_t at_ = 0;
  std::optional<Stretch> pending_;  ///< of Load alone
  int tries_ = 0;
  std::future<Result<Stretch>> ahead_;
};

}  // namespace

std::unique_ptr<SplitReader> MakeReader(std::shared_ptr<const Shared> shared, std::unique_ptr<IdStream> ids, ReadOptions options, bool ended) {
  return std::make_unique<Reader>(std::move(shared), std::move(ids), options, ended);
}

}  // namespace vecferry::pinecone
