#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "base/text.h"
#include "migration/search_verify.h"

namespace vecferry {
namespace {

std::vector<Metric> MetricsOf(const VectorSpec& spec) {
  if (spec.element == Element::bit) return {Metric::hamming, Metric::jaccard};
  return {Metric::cosine, Metric::l2, Metric::dot, Metric::l1};
}

/// Why one column's sides do not agree, as far as a scan of the target tells.
class Diagnosis {
 public:
  Diagnosis(const SearchOptions& options, ColumnProof& column) : options_(options), top_(static_cast<size_t>(std::min(options.top, options.k))), column_(column) {
    metrics_ = MetricsOf(column.source);
    for (const Metric metric : {column.target.metric, column.source.metric}) {
      std::erase(metrics_, metric);
      metrics_.insert(metrics_.begin(), metric);
    }
  }

  /// The target searched by the source's metric, and by others.
  std::vector<ExactTask> TargetTasks() const {
    std::vector<ExactTask> tasks;
    for (const Metric metric : metrics_) tasks.push_back(Task(column_.target, metric));
    for (auto& task : tasks) task.wanted = Expected();
    return tasks;
  }

  /// The distances of the same records at the source, where they are not known.
  std::optional<ExactTask> SourceTask() const {
    if (column_.source_scan) return std::nullopt;
    ExactTask task = Task(column_.source, column_.source.metric);
    task.wanted = Expected();
    for (size_t q = 0; q < column_.answer.size(); ++q) {
      for (const auto& near : column_.answer[q]) task.wanted[q].insert(near.key);
    }
    return task;
  }

  void Conclude(const std::vector<ExactTask>& target, const ExactTask& source) {
    const bool extra = Extra(source), missing = Missing(target[0]), differ = Differ(target[0], source);
    if (missing || differ) return;
    // The records are there and right: what ranks them is at fault. Ranked rightly, ours of the target is the source's.
    if (Overlap(target[0].nearest) < options_.min_overlap) {
      if (!extra) Add("neighbours-differ", "the target's nearest records are others than the source's");
      return;
    }
    Ranked(target);
  }

 private:
  ExactTask Task(const VectorSpec& spec, Metric metric) const {
    ExactTask task;
    task.spec = spec;
    task.metric = metric;
    task.queries = column_.queries;
    task.k = 2 * options_.k;
    return task;
  }

  /// Of each query the source's nearest.
  std::vector<std::unordered_set<uint64_t>> Expected() const {
    std::vector<std::unordered_set<uint64_t>> expected(column_.queries->size());
    for (size_t q = 0; q < expected.size(); ++q) {
      for (size_t i = 0; i < std::min(top_, column_.reference[q].size()); ++i) expected[q].insert(column_.reference[q][i].key);
    }
    return expected;
  }

  void Add(const char* code, std::string message) { column_.report.findings.push_back({code, std::move(message), true}); }

  double Overlap(const std::vector<Answer>& answers) const {
    double sum = 0;
    for (size_t q = 0; q < answers.size(); ++q) sum += Agree(column_.reference[q], answers[q], top_, column_.Distance(q), column_.ties[q]).overlap;
    return answers.empty() ? 1 : sum / static_cast<double>(answers.size());
  }

  bool Extra(const ExactTask& source) {
    std::unordered_set<uint64_t> unknown;
    for (const auto& answer : column_.answer) {
      for (size_t i = 0; i < std::min(top_, answer.size()); ++i) {
        if (!source.met.contains(answer[i].key) && !IsReference(answer[i].key)) unknown.insert(answer[i].key);
      }
    }
    if (unknown.empty()) return false;
    Add("extra-records", fmt::format("{} of the target's neighbours are not at the source", FormatCount(static_cast<int64_t>(unknown.size()))));
    return true;
  }

  bool IsReference(uint64_t key) const {
    return std::any_of(column_.reference.begin(), column_.reference.end(), [&](const Answer& answer) {
      return std::any_of(answer.begin(), answer.end(), [&](const auto& near) { return near.key == key; });
    });
  }

  bool Missing(const ExactTask& target) {
    std::unordered_set<uint64_t> expected, missing;
    for (const auto& keys : target.wanted) expected.insert(keys.begin(), keys.end());
    for (const uint64_t key : expected) {
      if (!target.met.contains(key)) missing.insert(key);
    }
    if (missing.empty()) return false;
    Add("missing-records", fmt::format("{} of the source's {} nearest records are not in the target", FormatCount(static_cast<int64_t>(missing.size())),
                                       FormatCount(static_cast<int64_t>(expected.size()))));
    return true;
  }

  /// The same record is as far from the same query on both sides, unless its vector is another.
  bool Differ(const ExactTask& target, const ExactTask& source) {
    std::unordered_set<uint64_t> differ, compared;
    for (size_t q = 0; q < target.distances.size(); ++q) {
      for (const auto& [key, there] : target.distances[q]) {
        const auto here = DistanceAt(source, q, key);
        if (!here) continue;
        compared.insert(key);
        if (!(std::fabs(*here - there) <= 8 * column_.ties[q](*here) + 1e-6)) differ.insert(key);
      }
    }
    // A store that keeps cosine vectors at length 1 changes every other distance, and no direction.
    if (differ.empty() || (differ.size() == compared.size() && LengthsAlone())) return false;
    Add("vectors-differ", fmt::format("{} of the {} nearest records that both sides have are not as far from the queries: their vectors differ", FormatCount(static_cast<int64_t>(differ.size())),
                                      FormatCount(static_cast<int64_t>(compared.size()))));
    return true;
  }

  bool LengthsAlone() const { return column_.target.metric == Metric::cosine && column_.source.metric != Metric::cosine; }

  std::optional<double> DistanceAt(const ExactTask& source, size_t q, uint64_t key) const {
    if (column_.source_scan && &source == &*column_.source_scan) {
      const auto known = column_.Distance(q)(key);
      return known && std::isfinite(*known) ? known : std::nullopt;
    }
    const auto at = source.distances[q].find(key);
    return at == source.distances[q].end() ? std::nullopt : std::optional(at->second);
  }

  /// The records are right and the answers are not.
  void Ranked(const std::vector<ExactTask>& target) {
    const Metric source = column_.source.metric, declared = column_.target.metric;
    for (const auto& task : target) {
      if (task.metric == source || Same(task.nearest) < options_.min_overlap) continue;
      Add("metric-differs", fmt::format("the target ranks by {}{}, the source by {}", Name(task.metric), task.metric == declared ? "" : fmt::format(" though it says {}", Name(declared)), Name(source)));
      return;
    }
    if (declared != source) {
      Add("metric-differs", fmt::format("the target ranks by {}, the source by {}", Name(declared), Name(source)));
    } else if (column_.report.target.how == "store, by its index") {
      Add("index-misses", "the target's records are right, and its index does not find them all");
    } else {
      Add("search-differs", "the target's records are right, and its own search does not return the nearest");
    }
  }

  /// How the target's answers agree with a search of its records.
  double Same(const std::vector<Answer>& nearest) const {
    double sum = 0;
    for (size_t q = 0; q < nearest.size(); ++q) {
      const DistanceOf distance = [&](uint64_t key) -> std::optional<double> {
        const auto at = std::find_if(nearest[q].begin(), nearest[q].end(), [&](const auto& near) { return near.key == key; });
        return at == nearest[q].end() ? std::nullopt : std::optional(at->distance);
      };
      sum += Agree(nearest[q], column_.answer[q], top_, distance, [](double d) { return 2e-6 + 1e-5 * std::fabs(d); }).overlap;
    }
    return nearest.empty() ? 0 : sum / static_cast<double>(nearest.size());
  }

  const SearchOptions& options_;
  const size_t top_;
  ColumnProof& column_;
  std::vector<Metric> metrics_;
};

}  // namespace

Status Diagnose(const Engine& engine, const VerifyRequest& request, const AcceptKey& accept_source, const AcceptKey& accept_target, std::vector<ColumnProof*> failed) {
  std::vector<Diagnosis> all;
  std::vector<ExactTask> target, source;
  std::vector<size_t> first, of_source;
  for (ColumnProof* column : failed) {
    all.emplace_back(*request.options.search, *column);
    first.push_back(target.size());
    for (auto& task : all.back().TargetTasks()) target.push_back(std::move(task));
    of_source.push_back(source.size());
    if (auto task = all.back().SourceTask()) source.push_back(std::move(*task));
  }
  const int jobs = std::max(1, request.jobs);
  ARROW_RETURN_NOT_OK(At(ScanExact(engine, *request.target, &target, accept_target, "search: why", -1, jobs).status(), Side::sink, "", ""));
  if (!source.empty()) ARROW_RETURN_NOT_OK(At(ScanExact(engine, *request.source, &source, accept_source, "search: why", -1, jobs).status(), Side::source, "", ""));
  for (size_t i = 0; i < all.size(); ++i) {
    const size_t end = i + 1 < all.size() ? first[i + 1] : target.size();
    const std::vector<ExactTask> mine(target.begin() + static_cast<ptrdiff_t>(first[i]), target.begin() + static_cast<ptrdiff_t>(end));
    all[i].Conclude(mine, failed[i]->source_scan ? *failed[i]->source_scan : source[of_source[i]]);
  }
  return Status::OK();
}

}  // namespace vecferry
