#include "pipeline/fault.h"

#include <numeric>

#include <fmt/format.h>

namespace vecferry {

void FaultPlan::Add(Rule rule) {
  const std::lock_guard lock(mutex_);
  rules_.push_back(std::move(rule));
}
void FaultPlan::RejectIds(std::set<std::string> ids) {
  const std::lock_guard lock(mutex_);
  rejected_ = {ids.begin(), ids.end()};
}
void FaultPlan::PoisonIds(std::set<std::string> ids) {
  const std::lock_guard lock(mutex_);
  poisoned_ = {ids.begin(), ids.end()};
}
void FaultPlan::Reorder(bool reverse) {
  const std::lock_guard lock(mutex_);
  reverse_ = reverse;
}
int FaultPlan::Calls(const std::string& call) const {
  const std::lock_guard lock(mutex_);
  const auto found = calls_.find(call);
  return found == calls_.end() ? 0 : found->second;
}
bool FaultPlan::Rejects(std::string_view id) const {
  const std::lock_guard lock(mutex_);
  return rejected_.contains(id);
}
bool FaultPlan::Poisons(std::string_view id) const {
  const std::lock_guard lock(mutex_);
  return poisoned_.contains(id);
}
bool FaultPlan::reversed() const {
  const std::lock_guard lock(mutex_);
  return reverse_;
}

Status FaultPlan::Around(const std::string& call, const std::function<Status()>& act) {
  std::vector<Rule> due;
  int nth = 0;
  {
    const std::lock_guard lock(mutex_);
    nth = ++calls_[call];
    for (const Rule& rule : rules_) {
      if (rule.call == call && rule.first <= nth && nth <= rule.last) due.push_back(rule);
    }
  }
  for (const Rule& rule : due) {
    const CancelToken never;
    if (rule.delay.count() > 0) ARROW_RETURN_NOT_OK(clock_.SleepFor(rule.delay, never));
    if (!rule.fail) continue;
    if (rule.after) ARROW_RETURN_NOT_OK(act());
    ErrorFacts facts;
    facts.category = rule.category;
    facts.retry = rule.category == Category::transient ? Retry::after_delay : Retry::never;
    facts.delivery = rule.after ? Delivery::unknown : Delivery::not_applied;
    return MakeError(std::move(facts), fmt::format("fault at {} {}", call, nth));
  }
  return act();
}

namespace {

/// Runs an act that yields a value. The value of an act that took place and then failed is lost.
template <class T, class Act>
Result<T> Around(FaultPlan* plan, const char* call, Act act) {
  Result<T> result = Status::UnknownError("not run");
  ARROW_RETURN_NOT_OK(plan->Around(call, [&] {
    result = act();
    return result.status();
  }));
  return result;
}

class FaultyReader final : public SplitReader {
 public:
  FaultyReader(std::unique_ptr<SplitReader> inner, FaultPlan* plan) : inner_(std::move(inner)), plan_(plan) {}
  /// A batch that was read when the answer was lost is given at the next call: the reader goes on where it was.
  Result<std::optional<SourceBatch>> Next() override {
    ARROW_RETURN_NOT_OK(plan_->Around("next", [&]() -> Status {
      if (held_) return Status::OK();
      ARROW_ASSIGN_OR_RAISE(auto batch, inner_->Next());
      held_ = std::move(batch);
      return Status::OK();
    }));
    std::optional<SourceBatch> batch = std::move(*held_);
    held_.reset();
    if (batch && plan_->reversed()) ARROW_RETURN_NOT_OK(Reverse(&*batch));
    return batch;
  }

 private:
  static Status Reverse(SourceBatch* batch) {
    std::vector<int64_t> rows(static_cast<size_t>(batch->records.rows()));
    std::iota(rows.rbegin(), rows.rend(), int64_t{0});
    for (int64_t& row : batch->rounded) row = batch->records.rows() - 1 - row;
    return batch->records.Take(rows).Value(&batch->records);
  }
  std::unique_ptr<SplitReader> inner_;
  FaultPlan* plan_;
  std::optional<std::optional<SourceBatch>> held_;
};

class FaultySourceImpl final : public Source {
 public:
  FaultySourceImpl(std::unique_ptr<Source> inner, FaultPlan* plan) : inner_(std::move(inner)), plan_(plan) {}
  Result<DatasetInfo> Describe() override {
    return Around<DatasetInfo>(plan_, "describe", [&] { return inner_->Describe(); });
  }
  Result<std::vector<Split>> Splits(int wanted) override {
    return Around<std::vector<Split>>(plan_, "splits", [&] { return inner_->Splits(wanted); });
  }
  Result<std::unique_ptr<SplitReader>> Read(const Split& split, const Cursor& from, const ReadOptions& options) override {
    ARROW_ASSIGN_OR_RAISE(auto reader, Around<std::unique_ptr<SplitReader>>(plan_, "read", [&] { return inner_->Read(split, from, options); }));
    return std::make_unique<FaultyReader>(std::move(reader), plan_);
  }
  Lookup* lookup() override { return inner_->lookup(); }
  bool Moved() const override { return inner_->Moved(); }

 private:
  std::unique_ptr<Source> inner_;
  FaultPlan* plan_;
};

class FaultySinkImpl final : public Sink {
 public:
  FaultySinkImpl(std::unique_ptr<Sink> inner, FaultPlan* plan) : inner_(std::move(inner)), plan_(plan) {}
  Result<TargetInfo> Describe() override {
    return Around<TargetInfo>(plan_, "describe", [&] { return inner_->Describe(); });
  }
  Status Prepare(const SinkSpec& spec) override {
    return plan_->Around("prepare", [&] { return inner_->Prepare(spec); });
  }
  Result<WriteOutcome> Write(const RecordView& batch) override {
    return Around<WriteOutcome>(plan_, "write", [&] { return WriteFiltered(batch); });
  }
  Result<std::string> Flush() override {
    return Around<std::string>(plan_, "flush", [&] { return inner_->Flush(); });
  }
  Status Resume(const std::string& state) override {
    return plan_->Around("resume", [&] { return inner_->Resume(state); });
  }
  Status Finish() override {
    return plan_->Around("finish", [&] { return inner_->Finish(); });
  }
  Status Abort() override {
    return plan_->Around("abort", [&] { return inner_->Abort(); });
  }
  std::vector<Note> Foresee(const SinkSpec& spec) const override { return inner_->Foresee(spec); }
  Result<RowJudge> JudgeOf(const SinkSpec& spec) const override { return inner_->JudgeOf(spec); }
  Result<std::string> KeyOf(std::string_view tenant, std::string_view id) const override { return inner_->KeyOf(tenant, id); }
  bool InjectiveKeys(const RecordSchema& schema) const override { return inner_->InjectiveKeys(schema); }
  Lookup* lookup() override { return inner_->lookup(); }
  Undo* undo() override { return inner_->undo(); }
  IndexDeferral* indexing() override { return inner_->indexing(); }
  Result<std::unique_ptr<Source>> OpenReadBack() override { return inner_->OpenReadBack(); }

 private:
  Result<WriteOutcome> WriteFiltered(const RecordView& batch) {
    WriteOutcome outcome;
    std::vector<int64_t> kept;
    for (int64_t row = 0; row < batch.rows(); ++row) {
      if (plan_->Poisons(batch.id(row))) return BadRecord("poison", "some record of the batch is at fault");
      if (plan_->Rejects(batch.id(row))) outcome.rejects.push_back({row, "fault", "rejected as the plan of faults says"});
      else kept.push_back(row);
    }
    if (outcome.rejects.empty()) return inner_->Write(batch);
    ARROW_ASSIGN_OR_RAISE(const RecordView rest, batch.Take(kept));
    ARROW_ASSIGN_OR_RAISE(WriteOutcome inner, inner_->Write(rest));
    for (RowReject& reject : inner.rejects) {
      reject.row = kept[static_cast<size_t>(reject.row)];
      outcome.rejects.push_back(std::move(reject));
    }
    return outcome;
  }
  std::unique_ptr<Sink> inner_;
  FaultPlan* plan_;
};

}  // namespace

std::unique_ptr<Source> FaultySource(std::unique_ptr<Source> source, FaultPlan* plan) {
  return std::make_unique<FaultySourceImpl>(std::move(source), plan);
}

std::unique_ptr<Sink> FaultySink(std::unique_ptr<Sink> sink, FaultPlan* plan) {
  return std::make_unique<FaultySinkImpl>(std::move(sink), plan);
}

}  // namespace vecferry
