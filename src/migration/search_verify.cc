#include "migration/search_verify.h"

#include <algorithm>
#include <cmath>
#include <deque>
#include <limits>
#include <memory>
#include <unordered_set>

#include <fmt/format.h>

#include "base/text.h"
#include "migration/search_kernel.h"
#include "migration/search_queries.h"

namespace vecferry {
namespace {

/// Numbers that a scan for the truth reads at most where nobody asks for it: 2 million vectors of 1,000.
constexpr double kAffordable = 2e9;
constexpr size_t kMostListed = 10;

using Columns = std::deque<ColumnProof>;

bool IsExact(Searcher* searcher) { return searcher && searcher->CanBeExact(); }

class SearchProof {
 public:
  SearchProof(const Engine& engine, const VerifyRequest& request) : engine_(engine), request_(request), options_(*request.options.search) {
    jobs_ = std::max(1, request.jobs);
    const VerifyRequest* r = &request_;
    if (!r->rejected.empty() || (r->limit >= 0 && r->written)) {
      accept_source_ = [r](uint64_t key) { return !r->rejected.contains(key) && (r->limit < 0 || !r->written || r->written->contains(key)); };
    }
    if (r->shared_target && r->ours && !r->ours->empty()) accept_target_ = [r](uint64_t key) { return r->ours->contains(key); };
  }

  Result<SearchReport> Run() {
    const auto began = engine_.clock.Now();
    report_.k = options_.k, report_.top = std::min(options_.top, options_.k);
    report_.min_overlap = options_.min_overlap, report_.min_recall = options_.min_recall;
    ARROW_RETURN_NOT_OK(FindColumns());
    ARROW_RETURN_NOT_OK(FindQueries());
    ARROW_RETURN_NOT_OK(At(AskSource(), Side::source, "", ""));
    ARROW_RETURN_NOT_OK(At(AskTarget(), Side::sink, "", ""));
    ARROW_RETURN_NOT_OK(ScanTarget());
    ARROW_RETURN_NOT_OK(ScanSource());
    std::vector<ColumnProof*> failed;
    for (auto& column : columns_) {
      Judge(column);
      if (column.report.top_overlap < options_.min_overlap) failed.push_back(&column);
    }
    if (!failed.empty()) ARROW_RETURN_NOT_OK(Diagnose(engine_, request_, accept_source_, accept_target_, failed));
    for (auto& column : columns_) report_.columns.push_back(std::move(column.report));
    report_.ok = std::all_of(report_.columns.begin(), report_.columns.end(), [](const auto& column) { return column.ok; });
    report_.seconds = std::chrono::duration<double>(engine_.clock.Now() - began).count();
    return std::move(report_);
  }

 private:
  // ---- what is asked ----

  Status FindColumns() {
    ARROW_ASSIGN_OR_RAISE(source_info_, request_.source->Describe());
    ARROW_ASSIGN_OR_RAISE(target_info_, request_.target->Describe());
    for (const auto& spec : source_info_.schema.vectors) {
      if (spec.kind != VectorKind::dense) {
        report_.not_searched.push_back(fmt::format("{}: {} vectors are not searched", spec.column(), Name(spec.kind)));
        continue;
      }
      const VectorSpec* const other = target_info_.schema.FindVector(spec.name);
      if (!other || other->kind != VectorKind::dense || other->dims != spec.dims || (other->element == Element::bit) != (spec.element == Element::bit)) {
        Missing(spec, other);
        continue;
      }
      ColumnProof column;
      column.report.column = spec.column();
      column.source = spec, column.target = *other;
      ARROW_RETURN_NOT_OK(FillMetrics(&column));
      columns_.push_back(std::move(column));
    }
    if (columns_.empty() && report_.columns.empty()) {
      return MakeError(Category::unsupported, "there is no dense vector to search", "verify without the level search");
    }
    return Status::OK();
  }

  void Missing(const VectorSpec& spec, const VectorSpec* other) {
    SearchColumn column;
    column.column = spec.column();
    column.ok = false;
    column.top_overlap = column.least_top_overlap = column.overlap = column.rank_agreement = 0;
    const std::string what = other ? fmt::format("has {} as {} x {}, the source as {} x {}", spec.column(), other->dims, Name(other->element), spec.dims, Name(spec.element)) : "has no " + spec.column();
    column.findings.push_back({"no-column", "the target " + what, true});
    report_.columns.push_back(std::move(column));
  }

  Status FillMetrics(ColumnProof* column) {
    const Metric known = column->source.metric != Metric::unknown ? column->source.metric : column->target.metric != Metric::unknown ? column->target.metric : options_.metric;
    if (known == Metric::unknown) {
      return MakeError(Category::usage, fmt::format("neither side says by which metric {} is searched", column->source.column()), "say it with --metric");
    }
    if (column->source.metric == Metric::unknown) column->source.metric = known;
    if (column->target.metric == Metric::unknown) column->target.metric = known;
    return Status::OK();
  }

  Status FindQueries() {
    std::vector<VectorSpec> specs;
    for (const auto& column : columns_) specs.push_back(column.source);
    if (specs.empty()) return Status::OK();
    records_ = source_info_.count;
    if (!options_.queries.empty()) {
      ARROW_ASSIGN_OR_RAISE(const auto given, ReadQueries(options_.queries));
      ARROW_ASSIGN_OR_RAISE(queries_, QueriesFor(given, specs));
      report_.queries = options_.queries;
    } else {
      const bool tenants = source_info_.schema.has_tenant && target_info_.schema.has_tenant;
      ARROW_ASSIGN_OR_RAISE(queries_, SampleQueries(engine_, *request_.source, specs, options_, accept_source_, tenants, source_info_.count, jobs_, &records_));
      report_.queries = fmt::format("{} sampled, noise {:g}, seed {}", options_.query_count, options_.query_noise, options_.seed);
    }
    for (auto& column : columns_) {
      column.queries = &queries_[column.source.name];
      column.report.queries = static_cast<int64_t>(column.queries->size());
    }
    return Status::OK();
  }

  // ---- the answers of the stores ----

  /// The question of one store, if it searches at all.
  Status Ask(Searcher* searcher, const VectorSpec& spec, const std::vector<Query>& queries, bool exact, const AcceptKey& accept, const char* side, std::optional<Asked>* answers,
             SearchColumn* report) {
    if (queries.empty()) return Status::OK();
    // Beyond k, so that ties at its end are seen.
    const Asking asking{spec.name, exact ? 2 * options_.k : options_.k, exact, jobs_, fmt::format("search: {}{}", side, exact ? "" : ", by its index")};
    ARROW_ASSIGN_OR_RAISE(Asked asked, AskStore(engine_, *searcher, queries, asking, accept));
    if (asked.unsupported.empty()) *answers = std::move(asked);
    else if (exact || !IsExact(searcher)) report->findings.push_back({"not-searched", fmt::format("the {}'s store does not search this column: {}", side, asked.unsupported), false});
    return Status::OK();
  }

  Status AskBoth(Searcher* searcher, const char* side, const AcceptKey& accept, const VectorSpec ColumnProof::*spec, std::optional<Asked> ColumnProof::*exact,
                 std::optional<Asked> ColumnProof::*index) {
    if (!searcher) return Status::OK();
    ARROW_ASSIGN_OR_RAISE(const bool ready, AwaitReady(engine_, *searcher, options_.wait_seconds, fmt::format("search: {}", side)));
    for (auto& column : columns_) {
      if (!ready) column.report.findings.push_back({"index-not-ready", fmt::format("the {}'s index was not ready after {}", side, FormatDuration(options_.wait_seconds)), false});
      if (IsExact(searcher)) ARROW_RETURN_NOT_OK(Ask(searcher, column.*spec, *column.queries, true, accept, side, &(column.*exact), &column.report));
      if (!IsExact(searcher) || column.*exact) ARROW_RETURN_NOT_OK(Ask(searcher, column.*spec, *column.queries, false, accept, side, &(column.*index), &column.report));
    }
    return Status::OK();
  }

  Status AskSource() { return AskBoth(request_.source->searcher(), "source", accept_source_, &ColumnProof::source, &ColumnProof::source_exact, &ColumnProof::source_index); }
  Status AskTarget() { return AskBoth(request_.target->searcher(), "target", accept_target_, &ColumnProof::target, &ColumnProof::target_exact, &ColumnProof::target_index); }

  // ---- our own ----

  ExactTask TaskOf(const VectorSpec& spec, const std::vector<Query>& queries) const {
    ExactTask task;
    task.spec = spec;
    task.metric = spec.metric;
    task.queries = &queries;
    task.k = 2 * options_.k;
    return task;
  }

  Status Scan(Source& source, const AcceptKey& accept, const char* phase, int64_t total, std::optional<ExactTask> ColumnProof::*where) {
    std::vector<ExactTask> tasks;
    for (auto& column : columns_) {
      if (column.*where) tasks.push_back(std::move(*(column.*where)));
    }
    if (tasks.empty()) return Status::OK();
    ARROW_RETURN_NOT_OK(ScanExact(engine_, source, &tasks, accept, phase, total, jobs_).status());
    size_t next = 0;
    for (auto& column : columns_) {
      if (column.*where) column.*where = std::move(tasks[next++]);
    }
    return Status::OK();
  }

  Status ScanTarget() {
    for (auto& column : columns_) {
      if (!column.target_exact && !column.target_index) column.target_scan = TaskOf(column.target, *column.queries);
    }
    return At(Scan(*request_.target, accept_target_, "search: target", target_info_.count, &ColumnProof::target_scan), Side::sink, "", "");
  }

  bool WantsTruth(const ColumnProof& column) const {
    if (!column.source_exact && !column.source_index) return true;
    if (options_.truth != SearchOptions::Truth::when_affordable) return options_.truth == SearchOptions::Truth::always;
    return records_ < 0 || static_cast<double>(records_) * column.source.dims <= kAffordable;
  }

  Status ScanSource() {
    for (auto& column : columns_) {
      if (!WantsTruth(column)) continue;
      ExactTask task = TaskOf(column.source, *column.queries);
      task.wanted.resize(column.queries->size());
      for (const auto* asked : {&column.source_exact, &column.source_index, &column.target_exact, &column.target_index}) {
        if (*asked) Want((*asked)->answers, &task);
      }
      if (column.target_scan) Want(column.target_scan->nearest, &task);
      column.source_scan = std::move(task);
    }
    return At(Scan(*request_.source, accept_source_, "search: source", records_, &ColumnProof::source_scan), Side::source, "", "");
  }

  static void Want(const std::vector<Answer>& answers, ExactTask* task) {
    for (size_t q = 0; q < answers.size(); ++q) {
      for (const auto& near : answers[q]) task->wanted[q].insert(near.key);
    }
  }

  // ---- the verdict ----

  void Choose(ColumnProof& c) const {
    SearchSide &a = c.report.source, &b = c.report.target;
    a.metric = c.source.metric, b.metric = c.target.metric;
    const auto store = [&](SearchSide& side, Searcher* searcher, const Asked& asked, bool exact, std::vector<Answer>* answers) {
      side.how = exact ? "store, exact" : "store, by its index";
      side.higher_is_nearer = searcher->HigherIsNearer(c.source.name);
      *answers = asked.answers;
    };
    Searcher *const source = request_.source->searcher(), *const target = request_.target->searcher();
    c.reference_is_scan = !c.source_exact && c.source_scan;
    if (c.reference_is_scan) a.how = "scan", c.reference = c.source_scan->nearest;
    else if (c.source_exact) store(a, source, *c.source_exact, true, &c.reference);
    else if (c.source_index) store(a, source, *c.source_index, false, &c.reference);
    if (c.target_scan) b.how = "scan", c.answer = c.target_scan->nearest;
    else if (c.target_exact) store(b, target, *c.target_exact, true, &c.answer);
    else if (c.target_index) store(b, target, *c.target_index, false, &c.answer);
    for (auto* answers : {&c.reference, &c.answer}) std::for_each(answers->begin(), answers->end(), EachOnce);
    const auto latency = [](const std::optional<Asked>& index, const std::optional<Asked>& exact) { return index ? index->latency : exact ? exact->latency : Latencies(); };
    a.latency = latency(c.source_index, c.source_exact), b.latency = latency(c.target_index, c.target_exact);
    a.answered = static_cast<int64_t>(c.reference.size()), b.answered = static_cast<int64_t>(c.answer.size());
  }

  /// A dataset may hold an id twice: as a neighbour it counts once.
  static void EachOnce(Answer& answer) {
    std::unordered_set<uint64_t> met;
    std::erase_if(answer, [&](const auto& near) { return !met.insert(near.key).second; });
  }

  void SetTies(ColumnProof& c) const {
    const double precision = request_.vector_change == VectorChange::reduced_precision ? request_.least_cosine : 1;
    std::vector<std::vector<float>> values;
    for (const auto& query : *c.queries) values.push_back(query.values);
    const auto block = std::make_shared<DistanceBlock>(c.source, c.source.metric, values);
    for (size_t q = 0; q < c.queries->size(); ++q) {
      if (c.source_scan) c.ties.push_back([block, q, precision](double d) { return block->Tie(q, d, precision); });
      else c.ties.push_back([precision](double d) { return 2e-6 + (1e-5 + (1 - precision)) * std::fabs(d); });
    }
  }

  double Recall(const ColumnProof& c, const std::vector<Answer>& answers) const {
    if (!c.source_scan || answers.empty()) return -1;
    double sum = 0;
    for (size_t q = 0; q < answers.size(); ++q) sum += Agree(c.source_scan->nearest[q], answers[q], static_cast<size_t>(options_.k), c.Distance(q), c.ties[q]).overlap;
    return sum / static_cast<double>(answers.size());
  }

  void Judge(ColumnProof& c) {
    Choose(c);
    SetTies(c);
    SearchColumn& r = c.report;
    const size_t n = c.queries->size();
    std::vector<SearchDisagreement> all;
    double top = 0, whole = 0, rank = 0;
    for (size_t q = 0; q < n; ++q) {
      const Answer &a = c.reference[q], &b = c.answer[q];
      const DistanceOf distance = c.Distance(q);
      const Agreement near = Agree(a, b, static_cast<size_t>(report_.top), distance, c.ties[q]);
      top += near.overlap;
      r.least_top_overlap = std::min(r.least_top_overlap, near.overlap);
      whole += Agree(a, b, static_cast<size_t>(options_.k), distance, c.ties[q]).overlap;
      rank += RankAgreement(a, b, static_cast<size_t>(options_.k), distance, c.ties[q]);
      if (!InOrder(a)) ++r.source.disordered;
      if (!InOrder(b)) ++r.target.disordered;
      if (near.overlap < 1) all.push_back(DisagreementOf((*c.queries)[q], a, b, near));
    }
    if (n > 0) {
      const auto mean = [n](double sum) { return sum / static_cast<double>(n); };
      r.top_overlap = mean(top), r.overlap = mean(whole), r.rank_agreement = mean(rank);
    }
    std::stable_sort(all.begin(), all.end(), [](const auto& x, const auto& y) { return x.overlap < y.overlap; });
    if (all.size() > kMostListed) all.resize(kMostListed);
    r.worst = std::move(all);
    Recalls(c);
    Find(c);
    r.ok = r.top_overlap >= options_.min_overlap && std::none_of(r.findings.begin(), r.findings.end(), [](const auto& finding) { return finding.failure; });
  }

  static SearchDisagreement DisagreementOf(const Query& query, const Answer& a, const Answer& b, const Agreement& agreement) {
    SearchDisagreement d{query.label, query.tenant, agreement.overlap, {}, {}};
    for (const size_t i : agreement.missing) d.missing.push_back(a[i].id);
    for (const size_t i : agreement.unexpected) d.unexpected.push_back(b[i].id);
    return d;
  }

  void Recalls(ColumnProof& c) const {
    if (c.queries->empty()) return;
    c.report.source.recall = Recall(c, c.reference);
    c.report.target.recall = Recall(c, c.answer);
    if (c.source_index) c.report.source.index_recall = Recall(c, c.source_index->answers);
    if (c.target_index) c.report.target.index_recall = Recall(c, c.target_index->answers);
  }

  /// What is to be said of a column besides its overlap.
  void Find(ColumnProof& c) const {
    SearchColumn& r = c.report;
    const auto add = [&](const char* code, bool failure, std::string message) { r.findings.push_back({code, std::move(message), failure}); };
    if (c.queries->empty()) add("no-queries", false, "there is no vector that could be asked for");
    for (const auto& [name, side] : {std::pair("source", &r.source), std::pair("target", &r.target)}) {
      if (side->disordered > 0) add("scores-disordered", true, fmt::format("in {} answers of the {} the scores do not go from the nearest on: they are {}s", FormatCount(side->disordered), name, side->higher_is_nearer ? "similaritie" : "distance"));
      if (side->index_recall >= 0 && side->index_recall < options_.min_recall) {
        add("index-misses", true, fmt::format("the {}'s index finds {:.4f} of the true neighbours, less than {:g}", name, side->index_recall, options_.min_recall));
      } else if (side->index_recall >= 0 && side->index_recall < 0.95) {
        add("index-misses", false, fmt::format("the {}'s index finds {:.4f} of the true neighbours", name, side->index_recall));
      }
    }
    if (c.source.metric == c.target.metric) return;
    const std::string metrics = fmt::format("{} at the source, {} at the target", Name(c.source.metric), Name(c.target.metric));
    if (r.top_overlap >= options_.min_overlap) add("metric-mismatch", false, fmt::format("the metrics differ ({}); on these vectors both rank alike", metrics));
  }

  const Engine& engine_;
  const VerifyRequest& request_;
  const SearchOptions& options_;
  AcceptKey accept_source_, accept_target_;
  int jobs_ = 2;
  DatasetInfo source_info_, target_info_;
  int64_t records_ = -1;
  Columns columns_;
  QuerySet queries_;
  SearchReport report_;
};

}  // namespace

DistanceOf ColumnProof::Distance(size_t q) const {
  auto known = std::make_shared<std::unordered_map<uint64_t, double>>();
  if (source_scan) {
    if (q < source_scan->distances.size()) *known = source_scan->distances[q];
    for (const auto& near : source_scan->nearest[q]) known->emplace(near.key, near.distance);
  } else {
    for (const auto& near : reference[q]) known->emplace(near.key, near.distance);
  }
  // A scan met every record: what it does not know is not there, and no tie with anything.
  const auto unknown = source_scan ? std::optional(std::numeric_limits<double>::infinity()) : std::nullopt;
  return [known, unknown](uint64_t key) -> std::optional<double> {
    const auto at = known->find(key);
    return at == known->end() ? unknown : std::optional(at->second);
  };
}

Result<SearchReport> SearchSides(const Engine& engine, const VerifyRequest& request) { return SearchProof(engine, request).Run(); }

}  // namespace vecferry
