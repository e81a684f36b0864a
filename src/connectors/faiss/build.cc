#include "connectors/faiss/build.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include <faiss/IndexFlat.h>
#include <faiss/IndexHNSW.h>
#include <faiss/IndexIDMap.h>
#include <faiss/IndexIVFFlat.h>
#include <faiss/IndexIVFPQ.h>
#include <faiss/IndexPQ.h>
#include <faiss/IndexScalarQuantizer.h>
#include <faiss/index_io.h>
#include <fmt/format.h>

#include "connectors/faiss/library.h"
#include "connectors/faiss/shape.h"
#include "sidecar/vectors.h"

namespace vecferry::faiss_files {
namespace {

constexpr int64_t kChunkBytes = int64_t{16} << 20;
constexpr int64_t kDummy = 1 << 20;
constexpr int64_t kPerCentroid = 256;  ///< as much as FAISS looks at for one

template <class T>
void Append(T value, std::string* out) {
  out->append(reinterpret_cast<const char*>(&value), sizeof(T));
}

/// About 4 sqrt(n), and enough vectors for each list to be found by.
int64_t ListsFor(const IndexKind& kind, int64_t count) {
  if (kind.nlist > 0) return kind.nlist;
  return std::clamp<int64_t>(static_cast<int64_t>(4 * std::sqrt(static_cast<double>(count))), 1, std::max<int64_t>(count / 39, 1));
}

/// The parts of a product quantizer: as told, else the most of at least four dimensions each.
int64_t PartsFor(const IndexKind& kind, int32_t dims) {
  if (kind.m > 0) return kind.m;
  for (int64_t width = 4; width < dims; ++width) {
    if (dims % width == 0) return dims / width;
  }
  return 1;
}

std::unique_ptr<faiss::Index> MakeIndex(const IndexKind& kind, const Rows& rows, int64_t lists) {
  const int d = rows.dims;
  const auto metric = static_cast<faiss::MetricType>(rows.metric);
  const auto parts = static_cast<size_t>(PartsFor(kind, d)), bits = static_cast<size_t>(kind.nbits);
  using SQ = faiss::ScalarQuantizer;
  const auto type = kind.name.ends_with("fp16") ? SQ::QT_fp16 : kind.name.ends_with("sq4") ? SQ::QT_4bit : SQ::QT_8bit;
  if (kind.name == "hnsw") {
    auto index = std::make_unique<faiss::IndexHNSWFlat>(d, static_cast<int>(kind.m > 0 ? kind.m : 32), metric);
    index->hnsw.efConstruction = static_cast<int>(kind.ef_construction);
    return index;
  }
  if (!kind.inverted()) {
    if (kind.name == "pq") {
      auto index = std::make_unique<faiss::IndexPQ>(d, parts, bits, metric);
      index->pq.cp.min_points_per_centroid = 1;
      return index;
    }
    return std::make_unique<faiss::IndexScalarQuantizer>(d, type, metric);
  }
  auto quantizer = std::make_unique<faiss::IndexFlat>(d, metric);
  std::unique_ptr<faiss::IndexIVF> index;
  const auto n = static_cast<size_t>(lists);
  if (kind.name == "ivf") index = std::make_unique<faiss::IndexIVFFlat>(quantizer.get(), static_cast<size_t>(d), n, metric);
  else if (kind.name == "ivf-pq") index = std::make_unique<faiss::IndexIVFPQ>(quantizer.get(), static_cast<size_t>(d), n, parts, bits, metric);
  else index = std::make_unique<faiss::IndexIVFScalarQuantizer>(quantizer.get(), static_cast<size_t>(d), n, type, metric);
  quantizer.release();
  index->own_fields = true;
  // Else FAISS warns on the terminal: how many are enough is our own check.
  index->cp.min_points_per_centroid = 1;
  if (auto* product = dynamic_cast<faiss::IndexIVFPQ*>(index.get())) product->pq.cp.min_points_per_centroid = 1;
  return index;
}

Status ReadRows(const Rows& rows, int64_t first, int64_t n, std::vector<float>* out) {
  out->resize(static_cast<size_t>(n * rows.dims));
  return sidecar::ReadExactly(*rows.file, rows.at + first * rows.dims * 4, out->data(), n * rows.dims * 4);
}

Status Train(faiss::Index& index, const IndexKind& kind, const Rows& rows, int64_t lists, const std::string& what) {
  if (index.is_trained || rows.count == 0) return Status::OK();
  const int64_t centroids = std::max(kind.inverted() ? lists : 0, kind.product() ? int64_t{1} << kind.nbits : 256);
  const int64_t wanted = std::min(rows.count, centroids * kPerCentroid);
  std::vector<float> sample(static_cast<size_t>(wanted * rows.dims)), row;
  for (int64_t i = 0; i < wanted; ++i) {
    ARROW_RETURN_NOT_OK(ReadRows(rows, i * rows.count / wanted, 1, &row));
    std::copy(row.begin(), row.end(), sample.begin() + i * rows.dims);
  }
  return WithFaiss(what, [&] { index.train(wanted, sample.data()); });
}

Status AddRows(faiss::Index& index, const Rows& rows, const std::string& what) {
  const int64_t chunk = std::max<int64_t>(1, kChunkBytes / (int64_t{4} * rows.dims));
  std::vector<float> floats;
  std::vector<int64_t> ids;
  for (int64_t first = 0; first < rows.count; first += chunk) {
    const int64_t n = std::min(chunk, rows.count - first);
    ARROW_RETURN_NOT_OK(ReadRows(rows, first, n, &floats));
    if (rows.ids) {
      ids.resize(static_cast<size_t>(n));
      ARROW_RETURN_NOT_OK(sidecar::ReadExactly(*rows.ids, 8 * first, ids.data(), 8 * n));
    }
    ARROW_RETURN_NOT_OK(WithFaiss(what, [&] {
      if (rows.ids) index.add_with_ids(n, floats.data(), ids.data());
      else index.add(n, floats.data());
    }));
  }
  return Status::OK();
}

}  // namespace

std::string IndexHead(const char (&code)[5], int32_t dims, int64_t count, int32_t metric) {
  std::string out(code, 4);
  Append(dims, &out);
  Append(count, &out);
  Append(kDummy, &out);
  Append(kDummy, &out);
  Append(uint8_t{1}, &out);
  Append(metric, &out);
  if (metric > 1) Append(0.0f, &out);
  return out;
}

std::string BinaryHead(const char (&code)[5], int32_t bits, int64_t count) {
  std::string out(code, 4);
  Append(bits, &out);
  Append(bits / 8, &out);
  Append(count, &out);
  Append(uint8_t{1}, &out);
  Append(int32_t{1}, &out);
  return out;
}

Status CheckRows(const IndexKind& kind, int64_t rows) {
  const int64_t least = std::max(kind.inverted() ? ListsFor(kind, rows) : 0, kind.product() ? int64_t{1} << kind.nbits : 0);
  if (rows == 0 || rows >= least) return Status::OK();
  return MakeError(Category::refused, fmt::format("an index of kind {} needs at least {} vectors to be trained on, and there are {}", kind.name, least, rows),
                   "use index=flat or hnsw, a smaller nlist, or fewer nbits");
}

Status CheckDims(const IndexKind& kind, int32_t dims) {
  if (!kind.product()) return Status::OK();
  const int64_t parts = PartsFor(kind, dims);
  if (dims % parts != 0) return MakeError(Category::refused, fmt::format("{} dimensions are not divisible into {} parts", dims, parts), "choose m so that it divides the dimensions");
  if (IsReadProduct(static_cast<uint64_t>(parts), static_cast<uint64_t>(kind.nbits))) return Status::OK();
  return MakeError(Category::refused, fmt::format("the tables of {} parts of {} bits are larger than are read again", parts, kind.nbits), "choose fewer parts with m, or nbits=8");
}

Status BuildIndex(const IndexKind& kind, const Rows& rows, const fs::path& out) {
  const std::string what = out.string();
  ARROW_RETURN_NOT_OK(CheckDims(kind, rows.dims));
  const int64_t lists = ListsFor(kind, rows.count);
  ARROW_RETURN_NOT_OK(CheckRows(kind, rows.count));
  std::unique_ptr<faiss::Index> index;
  ARROW_RETURN_NOT_OK(WithFaiss(what, [&] { index = MakeIndex(kind, rows, lists); }));
  ARROW_RETURN_NOT_OK(Train(*index, kind, rows, lists, what));
  std::unique_ptr<faiss::IndexIDMap2> map;
  if (rows.ids) ARROW_RETURN_NOT_OK(WithFaiss(what, [&] { map = std::make_unique<faiss::IndexIDMap2>(index.get()); }));
  faiss::Index& outer = map ? static_cast<faiss::Index&>(*map) : *index;
  ARROW_RETURN_NOT_OK(AddRows(outer, rows, what));
  const Status written = WithFaiss(what, [&] { faiss::write_index(&outer, out.c_str()); });
  if (!written.ok()) {
    ARROW_ASSIGN_OR_RAISE(const uint64_t space, FreeSpace(out));
    return space < (1u << 20) ? MakeError(Category::no_space, what + ": the disk is full", "make room and run the same command again") : written;
  }
  return SyncFile(out);
}

}  // namespace vecferry::faiss_files
