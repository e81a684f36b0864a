#include "migration/search_scan.h"

#include <algorithm>
#include <limits>
#include <tuple>

#include <fmt/format.h>

#include "migration/search_kernel.h"
#include "migration/search_read.h"
#include "record/digest.h"

namespace vecferry {
namespace {

bool Nearer(const Neighbour& a, const Neighbour& b) { return std::tie(a.distance, a.tenant, a.id) < std::tie(b.distance, b.tenant, b.id); }

/// What one thread gathers of a task.
class TaskWorker {
 public:
  explicit TaskWorker(const ExactTask& task) : task_(task), block_(task.spec, task.metric, Values(task)), found_(task.queries->size()) {
    for (size_t q = 0; q < task.wanted.size(); ++q) {
      for (const uint64_t key : task.wanted[q]) wanted_[key].push_back(q);
    }
    distances_.resize(task.wanted.size());
  }

  /// `keys[row]` of every record of the view; `accepted[row]` whether it takes part.
  void Take(const RecordView& view, const std::vector<uint64_t>& keys, const std::vector<char>& accepted) {
    for (size_t row = 0; !wanted_.empty() && row < keys.size(); ++row) {
      if (accepted[row] && wanted_.contains(keys[row])) met_.insert(keys[row]);
    }
    for (const auto& column : view.vectors()) {
      if (column.spec.kind != VectorKind::dense || column.spec.name != task_.spec.name || column.width != task_.spec.width()) continue;
      for (int64_t first = 0; first < view.rows(); first += DistanceBlock::kRows) TakeBlock(view, column, keys, accepted, first);
    }
  }

  /// Adds what this thread found to the task.
  void MergeInto(ExactTask* task) {
    for (size_t q = 0; q < found_.size(); ++q) {
      auto& all = task->nearest[q];
      std::move(found_[q].begin(), found_[q].end(), std::back_inserter(all));
      std::sort(all.begin(), all.end(), Nearer);
      if (all.size() > static_cast<size_t>(task->k)) all.resize(static_cast<size_t>(task->k));
    }
    for (size_t q = 0; q < distances_.size(); ++q) task->distances[q].merge(distances_[q]);
    task->met.merge(met_);
  }

 private:
  static std::vector<std::vector<float>> Values(const ExactTask& task) {
    std::vector<std::vector<float>> values;
    for (const auto& query : *task.queries) values.push_back(query.values);
    return values;
  }

  void TakeBlock(const RecordView& view, const VectorColumn& column, const std::vector<uint64_t>& keys, const std::vector<char>& accepted, int64_t first) {
    const int64_t rows = std::min<int64_t>(DistanceBlock::kRows, view.rows() - first);
    const auto distances = block_.Compute(column.data + first * column.width, rows);
    for (int64_t r = 0; r < rows; ++r) {
      const int64_t row = first + r;
      if (!accepted[static_cast<size_t>(row)] || column.IsNull(row)) continue;
      if (const auto at = wanted_.find(keys[static_cast<size_t>(row)]); at != wanted_.end()) {
        for (const size_t q : at->second) distances_[q][at->first] = distances[q * DistanceBlock::kRows + static_cast<size_t>(r)];
      }
    }
    for (size_t q = 0; q < found_.size(); ++q) {
      const float* const of = &distances[q * DistanceBlock::kRows];
      for (int64_t r = 0; r < rows; ++r) {
        const auto row = static_cast<size_t>(first + r);
        // Written so that NaN is never near.
        if (!(of[r] <= Limit(q)) || !accepted[row] || column.IsNull(first + r)) continue;
        Offer(q, of[r], view, first + r, keys[row]);
      }
    }
  }

  /// No record that is farther is among the nearest.
  double Limit(size_t q) const {
    return found_[q].size() < static_cast<size_t>(task_.k) ? std::numeric_limits<double>::infinity() : found_[q].front().distance;
  }

  /// found_[q] is a heap with the farthest on top.
  void Offer(size_t q, double distance, const RecordView& view, int64_t row, uint64_t key) {
    const std::string_view tenant = view.tenant(row).value_or("");
    const std::string& asked = (*task_.queries)[q].tenant;
    if (!asked.empty() && asked != tenant) return;
    auto& heap = found_[q];
    Neighbour neighbour{distance, std::string(tenant), std::string(view.id(row)), key};
    if (heap.size() >= static_cast<size_t>(task_.k)) {
      if (!Nearer(neighbour, heap.front())) return;
      std::pop_heap(heap.begin(), heap.end(), Nearer);
      heap.back() = std::move(neighbour);
    } else {
      heap.push_back(std::move(neighbour));
    }
    std::push_heap(heap.begin(), heap.end(), Nearer);
  }

  const ExactTask& task_;
  DistanceBlock block_;
  std::vector<std::vector<Neighbour>> found_;
  std::unordered_map<uint64_t, std::vector<size_t>> wanted_;
  std::vector<std::unordered_map<uint64_t, double>> distances_;
  std::unordered_set<uint64_t> met_;
};

/// All tasks, for one thread.
class ExactWorker final : public BatchWorker {
 public:
  ExactWorker(std::vector<ExactTask>* tasks, const AcceptKey& accept) : tasks_(*tasks), accept_(accept) {
    for (const auto& task : tasks_) workers_.emplace_back(task);
  }

  Status Take(const RecordView& view) override {
    keys_.clear(), accepted_.clear();
    for (int64_t row = 0; row < view.rows(); ++row) {
      keys_.push_back(KeyWord(view.tenant(row).value_or(""), view.id(row)));
      accepted_.push_back(!accept_ || accept_(keys_.back()));
    }
    for (auto& worker : workers_) worker.Take(view, keys_, accepted_);
    return Status::OK();
  }

  void Merge() override {
    for (size_t t = 0; t < workers_.size(); ++t) workers_[t].MergeInto(&tasks_[t]);
  }

 private:
  std::vector<ExactTask>& tasks_;
  const AcceptKey& accept_;
  std::vector<TaskWorker> workers_;
  std::vector<uint64_t> keys_;
  std::vector<char> accepted_;
};

}  // namespace

uint64_t KeyWord(std::string_view tenant, std::string_view id) {
  return RecordHasher::Key(tenant.empty() ? std::optional<std::string_view>() : tenant, id).low;
}

Result<int64_t> ScanExact(const Engine& engine, Source& source, std::vector<ExactTask>* tasks, const AcceptKey& accept, const std::string& phase, int64_t total,
                          int jobs, const std::vector<Split>* splits) {
  for (auto& task : *tasks) {
    task.nearest.assign(task.queries->size(), {});
    task.distances.assign(task.wanted.size(), {});
    task.met.clear();
  }
  return ReadBatches(engine, source, phase, total, jobs, [&] { return std::make_unique<ExactWorker>(tasks, accept); }, splits);
}

Result<std::vector<SearchHit>> ScanSearcher::Search(const SearchQuery& query) {
  const VectorSpec* const spec = schema_.FindVector(query.vector);
  if (!spec || spec->kind != VectorKind::dense) return MakeError(Category::unsupported, fmt::format("there is no dense vector '{}' to search", query.vector));
  if (query.values.size() != static_cast<size_t>(spec->dims)) {
    return MakeError(Category::usage, fmt::format("the query has {} numbers, {} has {} dimensions", query.values.size(), spec->column(), spec->dims));
  }
  ExactTask task;
  task.spec = *spec;
  task.metric = spec->metric == Metric::unknown ? otherwise_ : spec->metric;
  const std::vector<Query> queries = {{query.values, query.tenant, ""}};
  task.queries = &queries;
  task.k = query.k;
  std::vector<ExactTask> tasks = {std::move(task)};
  {
    const std::lock_guard lock(mutex_);
    if (!splits_) {
      ARROW_ASSIGN_OR_RAISE(splits_, source_.Splits(1));
    }
  }
  ARROW_RETURN_NOT_OK(ScanExact(engine_, source_, &tasks, {}, "", -1, 1, &*splits_).status());
  std::vector<SearchHit> hits;
  for (auto& near : tasks[0].nearest[0]) hits.push_back({std::move(near.tenant), std::move(near.id), near.distance});
  return hits;
}

}  // namespace vecferry
