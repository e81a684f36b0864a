#include "connectors/pinecone/sink.h"

#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/failpoint.h"
#include "base/text.h"
#include "base/uuid.h"
#include "connector/fit.h"
#include "connectors/pinecone/names.h"

namespace vecferry::pinecone {
namespace {

constexpr std::string_view kCreateIntent = "pinecone.create", kCreatedIntent = "pinecone.created", kReplaceIntent = "pinecone.replace";
constexpr std::chrono::milliseconds kUntilReady{1000};

/// Says whether searches see what was written. There is nothing to put off.
class Visibility final : public IndexDeferral {
 public:
  Visibility(Dataset dataset, std::string probe) : dataset_(std::move(dataset)), probe_(std::move(probe)) {}
  Result<std::optional<std::string>> Settings() override { return std::nullopt; }
  Status Defer() override { return Status::OK(); }
  Status PutBack(std::string_view) override { return Status::OK(); }
  Result<State> Progress() override {
    const Status status = dataset_.freshness->Check(*dataset_.index, probe_);
    State state;
    if (status.ok()) return state;
    if (FactsOf(status).retry_after.count() == 0) return status;
    state.ready = false;
    return state;
  }

 private:
  const Dataset dataset_;
  const std::string probe_;
};

Status CheckMetrics(const RecordSchema& schema, const Columns& columns) {
  if (columns.dense < 0) return Status::OK();
  const VectorSpec& dense = schema.vectors[static_cast<size_t>(columns.dense)];
  if (NameOf(dense.metric).empty()) return MakeError(Category::unsupported, fmt::format("the metric {} is not one of cosine, dot and l2", Name(dense.metric)), "say --metric");
  if (dense.dims > 20'000) return MakeError(Category::unsupported, fmt::format("vectors of {} dimensions: 20,000 is the most", FormatCount(dense.dims)));
  if (columns.sparse >= 0 && dense.metric != Metric::dot) {
    return MakeError(Category::unsupported, fmt::format("sparse vectors stand beside dense ones in an index of the dot product alone, and the metric is {}", Name(dense.metric)),
                     "say --metric dot where the vectors have length 1, or leave the sparse ones out");
  }
  return Status::OK();
}

/// The request of POST /indexes. What an index does not know of its records stands in its tags.
std::string CreateRequest(const Target& target, const RecordSchema& schema, const Columns& columns) {
  nlohmann::ordered_json json = {{"name", target.index}};
  nlohmann::ordered_json tags = nlohmann::ordered_json::object();
  if (columns.dense >= 0) {
    const VectorSpec& dense = schema.vectors[static_cast<size_t>(columns.dense)];
    json["dimension"] = dense.dims;
    json["metric"] = NameOf(dense.metric);
    json["vector_type"] = "dense";
    if (!dense.name.empty()) tags[kDenseTag] = TagOf(dense.name);
  } else {
    json["metric"] = "dotproduct";
    json["vector_type"] = "sparse";
  }
  if (columns.sparse >= 0) tags[kSparseTag] = TagOf(schema.vectors[static_cast<size_t>(columns.sparse)].name);
  if (schema.id_kind != IdKind::string) tags[kIdsTag] = Name(schema.id_kind);
  json["spec"] = {{"serverless", {{"cloud", target.cloud}, {"region", target.region}}}};
  json["deletion_protection"] = "disabled";
  if (!tags.empty()) json["tags"] = std::move(tags);
  return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

Status CheckFits(const RecordSchema& there, const RecordSchema& wanted, const Columns& columns) {
  const auto at = std::find_if(there.vectors.begin(), there.vectors.end(), [](const auto& spec) { return spec.kind == VectorKind::dense; });
  const VectorSpec* dense = columns.dense < 0 ? nullptr : &wanted.vectors[static_cast<size_t>(columns.dense)];
  std::string why;
  if ((at != there.vectors.end()) != (dense != nullptr)) why = dense ? "the index is of sparse vectors alone" : "the index is of dense vectors";
  else if (dense && at->dims != dense->dims) why = fmt::format("the index has {} dimensions, and the records {}", at->dims, dense->dims);
  else if (dense && at->metric != Metric::unknown && at->metric != dense->metric) why = fmt::format("the metric of the index is {}, and that of the records {}", Name(at->metric), Name(dense->metric));
  if (why.empty()) return Status::OK();
  return MakeError(Category::refused, why, "name another index, or the metric with --metric");
}

}  // namespace

// ---- what is there, and what would be ----

Result<TargetInfo> IndexSink::Describe() {
  TargetInfo out;
  out.identity = dataset_.target.IdentityOf();
  ARROW_RETURN_NOT_OK(dataset_.Locate());
  if (!dataset_.index) return out;
  ARROW_ASSIGN_OR_RAISE(const IndexStats stats, dataset_.Stats());
  out.count = dataset_.CountOf(stats);
  out.exists = !dataset_.target.one_namespace || out.count > 0;
  ARROW_ASSIGN_OR_RAISE(out.schema, dataset_.SchemaOf(stats, false));
  if (dataset_.info && dataset_.info->pod) {
    out.replace = ReplaceMode::none;
    out.notes.push_back({"pods", "an index of pods cannot list what it holds: say --verify none; each batch is read back all the same", -1, true});
  }
  return out;
}

std::vector<Note> IndexSink::Foresee(const SinkSpec& spec) const {
  (void)spec;
  std::vector<Note> notes;
  if (!dataset_.index) {
    notes.push_back({"makes-index", fmt::format("the index '{}' is made, serverless in {} {}", Printable(dataset_.target.index), Printable(dataset_.target.cloud, 50), Printable(dataset_.target.region, 50)), -1, false});
  }
  return notes;
}

Result<RowJudge> IndexSink::JudgeOf(const SinkSpec& spec) const {
  ARROW_ASSIGN_OR_RAISE(const Columns columns, Columns::Of(spec.schema));
  ARROW_RETURN_NOT_OK(CheckMetrics(spec.schema, columns));
  Dataset dataset = dataset_;
  if (spec.layout) dataset.layout = RecordForm::LayoutFor(*spec.layout, !dataset.target.one_namespace);
  RecordForm form = dataset.FormOf(spec.schema);
  const bool namespaces = form.namespaces;
  if (namespaces) form.schema.has_tenant = false;
  const auto encoder = std::make_shared<RecordEncoder>(form);
  return RowJudge([encoder, namespaces, vector = std::string()](const RecordView& batch) mutable -> Result<std::vector<RowReject>> {
    RecordView plain = batch;
    if (namespaces) {
      ARROW_ASSIGN_OR_RAISE(plain, batch.WithoutTenant());
    }
    std::vector<RowReject> rejects;
    for (int64_t row = 0; row < batch.rows(); ++row) {
      const Status space = namespaces ? NamespaceOf(batch.tenant(row).value_or("")).status() : Status::OK();
      vector.clear();
      auto reject = space.ok() ? encoder->Append(plain, row, &vector) : RowReject{row, FactsOf(space).code, space.message()};
      if (reject) rejects.push_back(std::move(*reject));
    }
    return rejects;
  });
}

// ---- preparing ----

Status IndexSink::CheckPrepared() const { return prepared_ ? Status::OK() : MakeError(Category::internal, "the sink was not prepared"); }

Status IndexSink::Prepare(const SinkSpec& spec) {
  ARROW_RETURN_NOT_OK(Abort());
  spec_ = spec;
  intents_ = Intentions(spec.intents);
  Capabilities can;
  ARROW_ASSIGN_OR_RAISE(const Columns columns, Columns::Of(spec.schema));
  ARROW_RETURN_NOT_OK(CheckMetrics(spec.schema, columns));
  if (!spec.schema.extras.empty()) return MakeError(Category::unsupported, "bytes carried verbatim are not held");
  ARROW_RETURN_NOT_OK(dataset_.Locate());
  if (!dataset_.index) ARROW_RETURN_NOT_OK(MakeIndex());
  else ARROW_RETURN_NOT_OK(AwaitReady());
  form_ = written_ = dataset_.FormOf(spec.schema);
  if (form_.namespaces) written_.schema.has_tenant = false;
  ARROW_RETURN_NOT_OK(CheckExisting());
  active_ = dataset_;
  if (replacement_) active_.staging = replacement_->prefix();
  points_ = std::make_unique<VectorsByKey>(active_, active_.FormOf(spec.schema));
  visibility_ = std::make_unique<Visibility>(dataset_, ProbeOf(form_.schema));
  prepared_ = true;
  return Status::OK();
}

Status IndexSink::MakeIndex() {
  if (dataset_.target.index.empty()) return MakeError(Category::not_found, "the index is gone", "see what removed it");
  ARROW_ASSIGN_OR_RAISE(const auto made, intents_.Find(kCreatedIntent));
  if (made || (spec_.existed && !dataset_.target.one_namespace)) {
    return Gone(fmt::format("the index '{}'", Printable(dataset_.target.index)), made ? "this run had made and was filling" : "was there when the run began");
  }
  ARROW_ASSIGN_OR_RAISE(const Columns columns, Columns::Of(spec_.schema));
  ARROW_RETURN_NOT_OK(intents_.Record(kCreateIntent, dataset_.target.index));
  VF_FAILPOINT("pinecone.create.before");
  const Status created = dataset_.control->Create(CreateRequest(dataset_.target, spec_.schema, columns));
  VF_FAILPOINT("pinecone.create.after");
  ARROW_RETURN_NOT_OK(created);
  ARROW_RETURN_NOT_OK(dataset_.Locate());
  if (!dataset_.index) return BadHttpAnswer("making the index", "it was made and is not there");
  return AwaitReady();
}

/// An index takes a while before it answers; the engine asks again.
Status IndexSink::AwaitReady() {
  ARROW_ASSIGN_OR_RAISE(const auto ours, intents_.Find(kCreateIntent));
  if (dataset_.info && !dataset_.info->ready) {
    ErrorFacts facts;
    facts.category = Category::transient;
    facts.retry = Retry::after_delay;
    facts.retry_after = kUntilReady;
    facts.next_step = "see the index's state in the vendor's console";
    return MakeError(std::move(facts), fmt::format("the index '{}' is not ready: {}", Printable(dataset_.info->name), Printable(dataset_.info->state, 100)));
  }
  return ours == dataset_.target.index && !dataset_.target.index.empty() ? intents_.Record(kCreatedIntent, dataset_.target.index) : Status::OK();
}

Status IndexSink::CheckExisting() {
  ARROW_ASSIGN_OR_RAISE(const Columns columns, Columns::Of(spec_.schema));
  ARROW_ASSIGN_OR_RAISE(const IndexStats stats, dataset_.Stats());
  ARROW_ASSIGN_OR_RAISE(const RecordSchema there, dataset_.SchemaOf(stats, false));
  ARROW_RETURN_NOT_OK(CheckFits(there, spec_.schema, columns));
  const int64_t count = dataset_.CountOf(stats);
  ARROW_ASSIGN_OR_RAISE(const auto staging, intents_.Find(kReplaceIntent));
  ARROW_ASSIGN_OR_RAISE(const auto made, intents_.Find(kCreatedIntent));
  if (staging || (spec_.on_exists == OnExists::replace && !made && count > 0)) {
    if (dataset_.info && dataset_.info->pod) return MakeError(Category::unsupported, "what an index of pods holds cannot be replaced: it cannot list it", "use --on-exists upsert, or name another index");
    const std::string mark = staging ? *staging : FormatUuid(UuidV5(kIdNamespace, spec_.run_id + dataset_.target.IdentityOf())).substr(0, 8);
    ARROW_RETURN_NOT_OK(intents_.Record(kReplaceIntent, mark));
    replacement_ = std::make_unique<Replacement>(dataset_, mark, spec_);
    return Status::OK();
  }
  if (count == 0 || made || spec_.on_exists != OnExists::fail || spec_.resumed || spec_.adopt) return Status::OK();
  return MakeError(Category::refused, fmt::format("{} holds {} records", dataset_.target.one_namespace ? "the namespace" : "the index", FormatCount(count)),
                   "use --on-exists append, upsert or replace, or name another one");
}

// ---- writing ----

Result<WriteOutcome> IndexSink::Write(const RecordView& batch) {
  ARROW_RETURN_NOT_OK(CheckPrepared());
  WriteOutcome outcome;
  std::map<std::string, std::vector<int64_t>> spaces;
  for (int64_t row = 0; row < batch.rows(); ++row) {
    const auto space = active_.SpaceOf(batch.tenant(row).value_or(""));
    if (space.ok()) spaces[*space].push_back(row);
    else outcome.rejects.push_back({row, FactsOf(space.status()).code, space.status().message()});
  }
  RecordView plain = batch;
  if (form_.namespaces) {
    ARROW_ASSIGN_OR_RAISE(plain, batch.WithoutTenant());
  }
  for (const auto& [space, rows] : spaces) {
    ARROW_ASSIGN_OR_RAISE(const WriteOutcome written, WriteSpace(plain, rows, space));
    outcome.rejects.insert(outcome.rejects.end(), written.rejects.begin(), written.rejects.end());
  }
  return outcome;
}

Result<WriteOutcome> IndexSink::WriteSpace(const RecordView& batch, const std::vector<int64_t>& rows, const std::string& space) {
  WriteOutcome outcome;
  RecordEncoder encoder(written_);
  Upserts upserts(*dataset_.index, *dataset_.freshness, space);
  std::string vector;
  for (const int64_t row : rows) {
    vector.clear();
    if (auto reject = encoder.Append(batch, row, &vector)) outcome.rejects.push_back(std::move(*reject));
    else ARROW_RETURN_NOT_OK(upserts.Add(vector));
  }
  ARROW_RETURN_NOT_OK(upserts.Flush());
  return outcome;
}

Status IndexSink::Finish() {
  ARROW_RETURN_NOT_OK(CheckPrepared());
  if (!replacement_) return Status::OK();
  ARROW_RETURN_NOT_OK(replacement_->TurnOver(ProbeOf(form_.schema)));
  // From now on the name stands for what was written.
  active_ = dataset_;
  points_->Become(active_, form_);
  return Status::OK();
}

Status IndexSink::Abort() {
  points_.reset(), visibility_.reset(), replacement_.reset();
  prepared_ = false;
  return Status::OK();
}

Result<std::string> IndexSink::KeyOf(std::string_view tenant, std::string_view id) const {
  ARROW_ASSIGN_OR_RAISE(const std::string space, dataset_.SpaceOf(tenant));
  const bool in_id = dataset_.target.one_namespace && !tenant.empty();
  bool mapped = false;
  const std::string vector = VectorIdOf(dataset_.layout, in_id ? std::optional(tenant) : std::nullopt, id, &mapped);
  return fmt::format("{}:{}{}", space.size(), space, vector);
}

Lookup* IndexSink::lookup() { return points_.get(); }

Result<std::unique_ptr<Source>> IndexSink::OpenReadBack() {
  ARROW_RETURN_NOT_OK(CheckPrepared());
  ARROW_RETURN_NOT_OK(dataset_.freshness->Check(*dataset_.index, ProbeOf(form_.schema)));
  return MakeSource(active_, spec_.schema);
}

// ---- undoing ----

Result<Undo*> IndexSink::Records() {
  ARROW_RETURN_NOT_OK(CheckPrepared());
  return points_.get();
}

/// The index where it is the dataset, or where this run made it and nobody else keeps something there; else what the namespace holds.
Status IndexSink::DropDataset() {
  ARROW_RETURN_NOT_OK(dataset_.Locate());
  if (!dataset_.index) return Status::OK();
  if (replacement_) return replacement_->GiveUp();
  ARROW_ASSIGN_OR_RAISE(const auto made, intents_.Find(kCreateIntent));
  ARROW_ASSIGN_OR_RAISE(const IndexStats stats, dataset_.Stats());
  // A dataset that is the whole index was made as that; a namespace alone may be one of several by now.
  const bool whole = !dataset_.target.one_namespace || (made && dataset_.CountOf(stats) == stats.total);
  VF_FAILPOINT("pinecone.drop.before");
  if (!dataset_.target.index.empty() && whole) {
    ARROW_RETURN_NOT_OK(dataset_.control->Drop(dataset_.target.index).status());
  } else {
    for (const std::string& space : dataset_.SpacesOf(stats)) {
      ARROW_ASSIGN_OR_RAISE(const auto number, dataset_.index->DeleteNamespace(space));
      dataset_.freshness->Written(space, number);
    }
  }
  VF_FAILPOINT("pinecone.drop.after");
  return Status::OK();
}

std::unique_ptr<Sink> MakeSink(Dataset dataset) { return std::make_unique<IndexSink>(std::move(dataset)); }

}  // namespace vecferry::pinecone
