#include "sidecar/row_search.h"

#include <algorithm>
#include <mutex>

#include <fmt/format.h>

namespace vecferry::sidecar {
namespace {

constexpr int64_t kPage = 65'536;

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
    ARROW_ASSIGN_OR_RAISE(auto entries, side_->From(entry));
    Entry read;
    ARROW_ASSIGN_OR_RAISE(const bool any, entries->Next(&read));
    if (any && read.id) named.id = *read.id;
    if (any && read.tenant) named.tenant = *read.tenant;
    return named;
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
  std::mutex mutex_;
  std::vector<std::pair<int64_t, int64_t>> rows_;   ///< id and row, sorted
};

}  // namespace

std::unique_ptr<Searcher> MakeSearcher(std::shared_ptr<RowSearch> search, std::shared_ptr<const Vectors> vectors, std::shared_ptr<const SideCar> side, bool join_by_id, VectorSpec vector) {
  return std::make_unique<PairedSearcher>(std::move(search), std::move(vectors), std::move(side), join_by_id, std::move(vector));
}

}  // namespace vecferry::sidecar
