#include "connectors/faiss/search_check.h"

#include <algorithm>
#include <cstring>

#include <faiss/IndexFlat.h>
#include <faiss/IndexHNSW.h>
#include <faiss/IndexIDMap.h>
#include <faiss/IndexIVF.h>
#include <faiss/IndexPQ.h>
#include <faiss/IndexPreTransform.h>
#include <faiss/IndexRefine.h>
#include <faiss/VectorTransform.h>
#include <faiss/invlists/InvertedLists.h>
#include <fmt/format.h>

#include "connectors/faiss/shape.h"

namespace vecferry::faiss_files {
namespace {

constexpr int kMostBeam = 1024;
constexpr float kMostRefined = 1000;

Status Broken(std::string_view what) {
  return MakeError(Category::corrupt, fmt::format("FAISS cannot search the index: {}", what), "check the file, or write it again with FAISS");
}

Status Foreign(std::string_view what) {
  return MakeError(Category::unsupported, fmt::format("FAISS does not search the index: {}", what), "with FAISS, build it again with its metric given to the constructor");
}

/// Every link leads to a vector that is on the link's level.
Status CheckGraph(const faiss::HNSW& graph, int64_t count) {
  const auto& slots = graph.cum_nneighbor_per_level;
  const auto n = static_cast<size_t>(count);
  if (graph.levels.size() != n || graph.offsets.size() != n + 1 || graph.offsets.front() != 0 || graph.offsets.back() != graph.neighbors.size()) {
    return Broken("its graph is of another number of vectors");
  }
  if (slots.empty() || slots.front() != 0 || !std::is_sorted(slots.begin(), slots.end())) return Broken("its graph has no sound levels");
  const auto levels_of = [&](int64_t i) { return graph.levels[static_cast<size_t>(i)]; };
  for (size_t i = 0; i < n; ++i) {
    const int levels = graph.levels[i];
    if (levels < 1 || static_cast<size_t>(levels) >= slots.size() || graph.offsets[i] > graph.offsets[i + 1] ||
        graph.offsets[i + 1] - graph.offsets[i] != static_cast<size_t>(slots[static_cast<size_t>(levels)])) {
      return Broken("a vector of its graph has another number of links than its level says");
    }
    for (int level = 0; level < levels; ++level) {
      const auto* const links = graph.neighbors.data() + graph.offsets[i];
      const bool sound = std::all_of(links + slots[static_cast<size_t>(level)], links + slots[static_cast<size_t>(level) + 1], [&](int64_t link) {
        return link == -1 || (link >= 0 && link < count && levels_of(link) > level);
      });
      if (!sound) return Broken("a link of its graph leads out of it");
    }
  }
  const int64_t entry = graph.entry_point;
  if (entry < 0 || entry >= count || graph.max_level < 0 || levels_of(entry) <= graph.max_level) return Broken("its graph has no sound entry");
  return Status::OK();
}

Status CheckListIds(const faiss::IndexIVF& ivf) {
  for (size_t list = 0; list < ivf.nlist; ++list) {
    const faiss::InvertedLists::ScopedIds ids(ivf.invlists, list);
    for (size_t i = 0; i < ivf.invlists->list_size(list); ++i) {
      if (ids[i] < 0 || ids[i] >= ivf.ntotal) return Broken("the ids of its lists are not those of its rows");
    }
  }
  return Status::OK();
}

/// As the file has it: libfaiss keeps any number in its enumeration.
int32_t MetricOf(const faiss::Index& index) {
  int32_t metric;
  static_assert(sizeof(index.metric_type) == sizeof(metric));
  std::memcpy(&metric, &index.metric_type, sizeof(metric));
  return metric;
}

bool IsFlat(const faiss::Index& index) { return dynamic_cast<const faiss::IndexFlat*>(&index) != nullptr; }

/// Of others libfaiss throws at each query, and loses the memory of its answer.
Status CheckTransform(const faiss::VectorTransform& transform) {
  if (!transform.is_trained) return Broken("a transform of it is not trained");
  const auto* const norm = dynamic_cast<const faiss::NormalizationTransform*>(&transform);
  return norm && norm->norm != 2.0F ? Foreign("it normalises by another norm than the Euclidean") : Status::OK();
}

/// `rows`: what it answers with is used as row numbers.
Status Prepare(faiss::Index* index, bool rows) {
  if (auto* const map = dynamic_cast<faiss::IndexIDMap*>(index)) {
    if (rows) return Broken("ids stand where rows are wanted");
    if (MetricOf(*map->index) != MetricOf(*map)) return Foreign("the indexes in it are of two metrics");
    return Prepare(map->index, true);
  }
  if (auto* const chain = dynamic_cast<faiss::IndexPreTransform*>(index)) {
    if (MetricOf(*chain->index) != MetricOf(*chain)) return Foreign("the indexes in it are of two metrics");
    for (const auto* transform : chain->chain) ARROW_RETURN_NOT_OK(CheckTransform(*transform));
    return Prepare(chain->index, rows);
  }
  if (auto* const refine = dynamic_cast<faiss::IndexRefine*>(index)) {
    refine->k_factor = refine->k_factor >= 1 ? std::min(refine->k_factor, kMostRefined) : 1;
    if (MetricOf(*refine) != MetricOf(*refine->refine_index)) return Foreign("the indexes in it are of two metrics");
    ARROW_RETURN_NOT_OK(Prepare(refine->base_index, true));
    return Prepare(refine->refine_index, true);
  }
  if (auto* const hnsw = dynamic_cast<faiss::IndexHNSW*>(index)) {
    if (MetricOf(*hnsw) != MetricOf(*hnsw->storage)) return Foreign("the indexes in it are of two metrics");
    if (!dynamic_cast<const faiss::IndexFlatCodes*>(hnsw->storage)) return Broken("its graph is over another kind of index than it says");
    auto& graph = hnsw->hnsw;
    graph.efSearch = static_cast<int>(std::clamp<int64_t>(graph.efSearch, 1, std::max<int64_t>(hnsw->ntotal, 1)));
    graph.upper_beam = std::clamp(graph.upper_beam, 1, kMostBeam);
    if (hnsw->ntotal > 0) ARROW_RETURN_NOT_OK(CheckGraph(graph, hnsw->ntotal));
    return Prepare(hnsw->storage, true);
  }
  const int32_t metric = MetricOf(*index);
  const bool usual = metric == kInnerProduct || metric == kL2;
  if (!usual && !(IsFlat(*index) && metric == kL1)) return Foreign("its metric is not one of those that are searched in an index of its kind");
  if (!index->is_trained) return Broken("it is not trained");
  if (auto* const pq = dynamic_cast<faiss::IndexPQ*>(index)) pq->search_type = faiss::IndexPQ::ST_PQ;
  auto* const ivf = dynamic_cast<faiss::IndexIVF*>(index);
  if (!ivf) return Status::OK();
  if (rows) ARROW_RETURN_NOT_OK(CheckListIds(*ivf));
  return Prepare(ivf->quantizer, true);
}

}  // namespace

Status PrepareForSearch(faiss::Index* index) { return Prepare(index, false); }

}  // namespace vecferry::faiss_files
