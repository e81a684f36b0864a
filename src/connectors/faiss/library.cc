#include "connectors/faiss/library.h"

#include <algorithm>
#include <vector>

#include <faiss/IndexIDMap.h>
#include <faiss/IndexIVF.h>
#include <faiss/IndexPreTransform.h>
#include <faiss/index_io.h>
#include <faiss/invlists/InvertedLists.h>
#include <fmt/format.h>

#include "base/text.h"
#include "connectors/faiss/search_check.h"

// Of OpenBLAS, which is what Debian's BLAS is; another BLAS has no such function.
extern "C" void openblas_set_num_threads(int) __attribute__((weak));

// Of the OpenMP runtime that libfaiss brings. Its header is GCC's own, which other compilers do not see.
extern "C" {
void omp_set_num_threads(int threads);
int omp_get_max_threads();
}

namespace vecferry::faiss_files {

Status WithFaiss(const std::string& what, const std::function<void()>& act) {
  omp_set_num_threads(std::min(kThreads, omp_get_max_threads()));
  if (openblas_set_num_threads) openblas_set_num_threads(1);
  try {
    act();
    return Status::OK();
  } catch (const std::bad_alloc&) {
    return MakeError(Category::refused, fmt::format("{}: there is not enough memory for it", what), "an index of that kind is held in memory as a whole: use a larger machine, or a flat index");
  } catch (const std::exception& error) {
    return MakeError(Category::corrupt, fmt::format("{}: FAISS says: {}", what, Printable(error.what(), 300)), "check the file, or write it again with FAISS as a Flat index");
  }
}

/// Where a vector of an IVF index is.
struct Spot {
  int64_t id, list, offset;
};

struct LibraryIndex::Loaded {
  std::unique_ptr<faiss::Index> whole;
  const faiss::Index* base = nullptr;               ///< without IDMap and transforms
  const faiss::IndexPreTransform* chain = nullptr;  ///< what is undone
  const faiss::IndexIVF* ivf = nullptr;
  bool may_be_searched = false;
  std::vector<Spot> spots;                          ///< of an IVF index, by id
  std::shared_ptr<std::vector<int64_t>> ids;

  void FindParts() {
    base = whole.get();
    if (const auto* map = dynamic_cast<const faiss::IndexIDMap*>(base)) base = map->index;
    chain = dynamic_cast<const faiss::IndexPreTransform*>(base);
    if (chain) base = chain->index;
    ivf = dynamic_cast<const faiss::IndexIVF*>(base);
    if (!ivf) return;
    spots.reserve(static_cast<size_t>(ivf->ntotal));
    for (size_t list = 0; list < ivf->nlist; ++list) {
      const faiss::InvertedLists::ScopedIds listed(ivf->invlists, list);
      for (size_t i = 0; i < ivf->invlists->list_size(list); ++i) spots.push_back({listed[i], static_cast<int64_t>(list), static_cast<int64_t>(i)});
    }
    std::stable_sort(spots.begin(), spots.end(), [](const Spot& a, const Spot& b) { return a.id < b.id; });
    ids = std::make_shared<std::vector<int64_t>>();
    for (const Spot& spot : spots) ids->push_back(spot.id);
  }

  void Decode(int64_t first, int64_t n, float* out) const {
    const auto wide = static_cast<size_t>(base->d);
    std::vector<float> inner(chain ? wide * static_cast<size_t>(n) : 0);
    float* to = chain ? inner.data() : out;
    if (ivf) {
      for (int64_t i = 0; i < n; ++i) {
        const Spot& spot = spots.at(static_cast<size_t>(first + i));
        ivf->reconstruct_from_offset(spot.list, spot.offset, to + wide * static_cast<size_t>(i));
      }
    } else {
      // Not reconstruct_n: it decodes in threads of OpenMP, where an exception ends the process.
      for (int64_t i = 0; i < n; ++i) base->reconstruct(first + i, to + wide * static_cast<size_t>(i));
    }
    if (chain) chain->reverse_chain(n, to, out);
  }
};

LibraryIndex::LibraryIndex(fs::path path) : path_(std::move(path)) {}
LibraryIndex::~LibraryIndex() = default;

Status LibraryIndex::Load() {
  if (loaded_) return Status::OK();
  auto loaded = std::make_unique<Loaded>();
  ARROW_RETURN_NOT_OK(WithFaiss(path_.string(), [&] {
    loaded->whole.reset(faiss::read_index(path_.c_str(), faiss::IO_FLAG_SKIP_PRECOMPUTE_TABLE));
    loaded->FindParts();
  }));
  loaded_ = std::move(loaded);
  return Status::OK();
}

Status LibraryIndex::Decode(int64_t first, int64_t n, float* out) {
  const std::lock_guard lock(mutex_);
  ARROW_RETURN_NOT_OK(Load());
  return WithFaiss(path_.string(), [&] { loaded_->Decode(first, n, out); });
}

Status LibraryIndex::Search(const float* query, int k, bool exact, float* scores, int64_t* ids) {
  std::unique_lock lock(mutex_);
  ARROW_RETURN_NOT_OK(Load());
  if (!loaded_->may_be_searched) ARROW_RETURN_NOT_OK(PrepareForSearch(loaded_->whole.get()));
  loaded_->may_be_searched = true;
  auto* const ivf = const_cast<faiss::IndexIVF*>(loaded_->ivf);
  // How many lists are looked into is a setting of the index: one at a time there. Other indexes are searched side by side.
  if (!ivf) lock.unlock();
  const size_t usual = ivf ? ivf->nprobe : 0;
  if (ivf && exact) ivf->nprobe = ivf->nlist;
  const Status status = WithFaiss(path_.string(), [&] { loaded_->whole->search(1, query, k, scores, ids); });
  if (ivf) ivf->nprobe = usual;
  return status;
}

Result<std::shared_ptr<const std::vector<int64_t>>> LibraryIndex::ListIds() {
  const std::lock_guard lock(mutex_);
  ARROW_RETURN_NOT_OK(Load());
  return std::shared_ptr<const std::vector<int64_t>>(loaded_->ids);
}

}  // namespace vecferry::faiss_files
