#include "sidecar/row_search.h"

#include <algorithm>
#include <map>
#include <mutex>
#include <optional>

#include <fmt/format.h>

namespace vecferry::sidecar {
namespace {

constexpr int64_t kPage = 65'536;
/// Entries of the side-car whose keys are read at once, and how many such stretches are kept.
constexpr int64_t kStretch = 4096;
constexpr size_t kMostStretches = 256;

class PairedSearcher final : public Searcher {
 public:
  PairedSearcher(std::shared_ptr<RowSearch> search, std::shared_ptr<const Vectors> vectors, std::shared_ptr<const SideCar> side, bool join_by_id, VectorSpec vector)
      : search_(std::move(search)), vectors_(std::move(vectors)), side_(std::move(side)), join_by_id_(join_by_id), vector_(std::move(vector)) {}

  Result<std::vector<SearchHit>> Search(const SearchQuery& query) override {
    if (query.vector != vector_.name) return MakeError(Category::unsupported, fmt::format("there is no vector '{}'", query.vector));
    if (!query.tenant.empty()) return MakeError(Category::unsupported, "an index in a file knows no tenants");
    if (query.values.size() != static_cast<size_t>(vector_.dims)) {
      return MakeError(Category::usage, fmt::format("the query has {} numbers, the index has {} dimensions", query.values.size(), vector_.dims));
    }
    ARROW_ASSIGN_OR_RAISE(const auto found, search_->Search(query.values, query.k, query.exact));
    std::vector<SearchHit> hits;
    for (const auto& hit : found) {
      ARROW_ASSIGN_OR_RAISE(SearchHit named, Named(hit));
      hits.push_back(std::move(named));
    }
    return hits;
  }

  bool HigherIsNearer(std::string_view) const override { return search_->HigherIsNearer(); }
  bool CanBeExact() const override { return search_->CanBeExact(); }

 private:
  Result<SearchHit> Named(const RowSearch::Hit& hit) {
    SearchHit named{"", std::to_string(hit.id), hit.score};
    if (!side_) return named;
    ARROW_ASSIGN_OR_RAISE(const int64_t entry, EntryOf(hit.id));
    if (entry < 0 || entry >= side_->facts().count) return named;
    const std::lock_guard lock(keys_mutex_);
    ARROW_ASSIGN_OR_RAISE(const Stretch* const keys, StretchOf(entry / kStretch));
    const auto at = static_cast<size_t>(entry % kStretch);
    if (at >= keys->size()) return named;
    if ((*keys)[at].id) named.id = *(*keys)[at].id;
    named.tenant = (*keys)[at].tenant;
    return named;
  }

  struct Key {
    std::optional<std::string> id;
    std::string tenant;
  };
  using Stretch = std::vector<Key>;

  /// An entry is found by reading what stands before it, so its neighbours are kept as well.
  Result<const Stretch*> StretchOf(int64_t number) {
    if (const auto found = stretches_.find(number); found != stretches_.end()) return &found->second;
    if (stretches_.size() >= kMostStretches) stretches_.clear();
    ARROW_ASSIGN_OR_RAISE(auto entries, side_->From(number * kStretch));
    Stretch stretch;
    Entry entry;
    while (stretch.size() < static_cast<size_t>(kStretch)) {
      const auto any = entries->Next(&entry);
      // An entry that cannot be read has no key; the source tells of it.
      if (!any.ok() && !IsCategory(any.status(), Category::bad_content)) return any.status();
      if (any.ok() && !*any) break;
      stretch.push_back(any.ok() ? Key{entry.id, entry.tenant.value_or("")} : Key{});
    }
    return &(stretches_[number] = std::move(stretch));
  }

  /// The entry of the side-car that belongs to the row of that id; -1 where there is none.
  Result<int64_t> EntryOf(int64_t id) {
    if (join_by_id_ || !vectors_->has_ids()) return id;
    const std::lock_guard lock(mutex_);
    if (rows_.empty()) ARROW_RETURN_NOT_OK(LoadIds());
    const auto at = std::lower_bound(rows_.begin(), rows_.end(), std::pair(id, int64_t{0}));
    return at == rows_.end() || at->first != id ? -1 : at->second;
  }

  Status LoadIds() {
    std::vector<int64_t> page;
    for (int64_t first = 0; first < vectors_->count(); first += kPage) {
      const int64_t n = std::min(kPage, vectors_->count() - first);
      page.resize(static_cast<size_t>(n));
      ARROW_RETURN_NOT_OK(vectors_->Ids(first, n, page.data()));
      for (int64_t i = 0; i < n; ++i) rows_.emplace_back(page[static_cast<size_t>(i)], first + i);
    }
    std::sort(rows_.begin(), rows_.end());
    return Status::OK();
  }

  const std::shared_ptr<RowSearch> search_;
  const std::shared_ptr<const Vectors> vectors_;
  const std::shared_ptr<const SideCar> side_;
  const bool join_by_id_;
  const VectorSpec vector_;
  std::mutex keys_mutex_;
  std::map<int64_t, Stretch> stretches_;
  std::mutex mutex_;
  std::vector<std::pair<int64_t, int64_t>> rows_;   ///< id and row, sorted
};

}  // namespace

std::unique_ptr<Searcher> MakeSearcher(std::shared_ptr<RowSearch> search, std::shared_ptr<const Vectors> vectors, std::shared_ptr<const SideCar> side, bool join_by_id, VectorSpec vector) {
  return std::make_unique<PairedSearcher>(std::move(search), std::move(vectors), std::move(side), join_by_id, std::move(vector));
}

}  // namespace vecferry::sidecar
