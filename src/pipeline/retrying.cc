#include "pipeline/retrying.h"

namespace vecferry {
namespace {

using Names = std::vector<std::string_view>;

template <typename T>
Result<T> Again(const RetryContext& context, const std::function<Result<T>()>& act) {
  return WithRetry<T>(Retrier(context.policy, *context.clock, *context.cancel), act, context.on_retry);
}

Status Again(const RetryContext& context, const std::function<Status()>& act) {
  return Again<bool>(context, [&]() -> Result<bool> { ARROW_RETURN_NOT_OK(act()); return true; }).status();
}

class RetryingLookup final : public Lookup {
 public:
  RetryingLookup(Lookup& inner, const RetryContext& context) : inner_(inner), context_(context) {}
  Result<int64_t> Count() override {
    return Again<int64_t>(context_, [&] { return inner_.Count(); });
  }
  Result<RecordView> Get(const Names& tenants, const Names& ids) override {
    return Again<RecordView>(context_, [&] { return inner_.Get(tenants, ids); });
  }
  Result<int64_t> CountOf(const Names& tenants, const Names& ids) override {
    return Again<int64_t>(context_, [&] { return inner_.CountOf(tenants, ids); });
  }

 private:
  Lookup& inner_;
  const RetryContext& context_;
};

class RetryingSearcher final : public Searcher {
 public:
  RetryingSearcher(Searcher& inner, const RetryContext& context) : inner_(inner), context_(context) {}
  Result<std::vector<SearchHit>> Search(const SearchQuery& query) override {
    return Again<std::vector<SearchHit>>(context_, [&] { return inner_.Search(query); });
  }
  bool HigherIsNearer(std::string_view vector) const override { return inner_.HigherIsNearer(vector); }
  bool CanBeExact() const override { return inner_.CanBeExact(); }
  Result<bool> Ready() override {
    return Again<bool>(context_, [&] { return inner_.Ready(); });
  }

 private:
  Searcher& inner_;
  const RetryContext& context_;
};

class RetryingUndo final : public Undo {
 public:
  RetryingUndo(Undo& inner, const RetryContext& context) : inner_(inner), context_(context) {}
  Result<std::vector<std::optional<std::string>>> Capture(const Names& tenants, const Names& ids) override {
    return Again<std::vector<std::optional<std::string>>>(context_, [&] { return inner_.Capture(tenants, ids); });
  }
  Status Restore(const Names& tenants, const Names& ids, const Names& images) override {
    return Again(context_, [&] { return inner_.Restore(tenants, ids, images); });
  }
  Status DeleteIds(const Names& tenants, const Names& ids) override {
    return Again(context_, [&] { return inner_.DeleteIds(tenants, ids); });
  }
  Status DropDataset() override {
    return Again(context_, [&] { return inner_.DropDataset(); });
  }

 private:
  Undo& inner_;
  const RetryContext& context_;
};

/// The wrapper of what a store may not have; made when it is first asked for, since a store may have it only later.
template <typename Wrapper, typename Inner>
Inner* Wrapped(std::unique_ptr<Wrapper>& wrapper, Inner* inner, const RetryContext& context) {
  if (!inner) return nullptr;
  wrapper = std::make_unique<Wrapper>(*inner, context);
  return wrapper.get();
}

class RetryingReader final : public SplitReader {
 public:
  RetryingReader(std::unique_ptr<SplitReader> inner, const RetryContext& context) : inner_(std::move(inner)), context_(context) {}
  Result<std::optional<SourceBatch>> Next() override {
    return Again<std::optional<SourceBatch>>(context_, [&] { return inner_->Next(); });
  }

 private:
  std::unique_ptr<SplitReader> inner_;
  const RetryContext context_;
};

class RetryingSourceImpl final : public Source {
 public:
  RetryingSourceImpl(std::unique_ptr<Source> inner, RetryContext context) : inner_(std::move(inner)), context_(std::move(context)) {}
  Result<DatasetInfo> Describe() override {
    return Again<DatasetInfo>(context_, [&] { return inner_->Describe(); });
  }
  Result<std::vector<Split>> Splits(int wanted) override {
    return Again<std::vector<Split>>(context_, [&] { return inner_->Splits(wanted); });
  }
  Result<std::unique_ptr<SplitReader>> Read(const Split& split, const Cursor& from, const ReadOptions& options) override {
    ARROW_ASSIGN_OR_RAISE(auto reader, Again<std::unique_ptr<SplitReader>>(context_, [&] { return inner_->Read(split, from, options); }));
    return std::make_unique<RetryingReader>(std::move(reader), context_);
  }
  Lookup* lookup() override { return Wrapped(lookup_, inner_->lookup(), context_); }
  Searcher* searcher() override { return searcher_ ? searcher_.get() : Wrapped(searcher_, inner_->searcher(), context_); }
  bool Moved() const override { return inner_->Moved(); }

 private:
  std::unique_ptr<Source> inner_;
  const RetryContext context_;
  std::unique_ptr<RetryingLookup> lookup_;
  std::unique_ptr<RetryingSearcher> searcher_;
};

class RetryingSinkImpl final : public Sink {
 public:
  RetryingSinkImpl(std::unique_ptr<Sink> inner, RetryContext context) : inner_(std::move(inner)), context_(std::move(context)) {}
  Result<TargetInfo> Describe() override {
    return Again<TargetInfo>(context_, [&] { return inner_->Describe(); });
  }
  std::vector<Note> Foresee(const SinkSpec& spec) const override { return inner_->Foresee(spec); }
  Result<RowJudge> JudgeOf(const SinkSpec& spec) const override { return inner_->JudgeOf(spec); }
  Status Prepare(const SinkSpec& spec) override {
    lookup_.reset(), undo_.reset();
    ARROW_RETURN_NOT_OK(Again(context_, [&] { return inner_->Prepare(spec); }));
    // Writers ask for these at the same time: they are made while there is one thread.
    (void)Wrapped(lookup_, inner_->lookup(), context_);
    (void)Wrapped(undo_, inner_->undo(), context_);
    return Status::OK();
  }
  Result<WriteOutcome> Write(const RecordView& batch) override { return inner_->Write(batch); }
  Result<std::string> Flush() override {
    return Again<std::string>(context_, [&] { return inner_->Flush(); });
  }
  Status Resume(const std::string& state) override {
    return Again(context_, [&] { return inner_->Resume(state); });
  }
  Status Finish() override {
    return Again(context_, [&] { return inner_->Finish(); });
  }
  Status Abort() override {
    lookup_.reset(), undo_.reset();
    return inner_->Abort();
  }
  Result<std::string> KeyOf(std::string_view tenant, std::string_view id) const override { return inner_->KeyOf(tenant, id); }
  bool InjectiveKeys(const RecordSchema& schema) const override { return inner_->InjectiveKeys(schema); }
  Lookup* lookup() override { return lookup_ ? lookup_.get() : Wrapped(lookup_, inner_->lookup(), context_); }
  Undo* undo() override { return undo_ ? undo_.get() : Wrapped(undo_, inner_->undo(), context_); }
  IndexDeferral* indexing() override { return inner_->indexing(); }
  Result<std::unique_ptr<Source>> OpenReadBack() override {
    ARROW_ASSIGN_OR_RAISE(auto source, Again<std::unique_ptr<Source>>(context_, [&] { return inner_->OpenReadBack(); }));
    return RetryingSource(std::move(source), context_);
  }

 private:
  std::unique_ptr<Sink> inner_;
  const RetryContext context_;
  std::unique_ptr<RetryingLookup> lookup_;
  std::unique_ptr<RetryingUndo> undo_;
};

}  // namespace

std::unique_ptr<Source> RetryingSource(std::unique_ptr<Source> source, RetryContext context) {
  return std::make_unique<RetryingSourceImpl>(std::move(source), std::move(context));
}

std::unique_ptr<Sink> RetryingSink(std::unique_ptr<Sink> sink, RetryContext context) {
  return std::make_unique<RetryingSinkImpl>(std::move(sink), std::move(context));
}

}  // namespace vecferry
