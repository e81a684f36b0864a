#include <algorithm>
#include <memory>
#include <vector>

#include "connectors/faiss/index_search.h"
#include "connectors/faiss/index_vectors.h"
#include "memory_file.h"

/// An index file: what the walk lets through is read and searched, by libfaiss too, and never runs away.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace vecferry;
  auto opened = files::File::Open(MemoryFile(data, size), files::File::Mode::read);
  if (!opened.ok()) std::abort();
  auto file = std::make_shared<const files::File>(std::move(*opened));
  const auto shape = faiss_files::Walk(*file);
  if (!shape.ok()) {
    const Category category = FactsOf(shape.status()).category;
    if (category != Category::corrupt && category != Category::unsupported) std::abort();
    return 0;
  }
  const auto vectors = faiss_files::OpenVectors(file, *shape, shape->binary ? Element::bit : Element::f32);
  if (!vectors.ok()) return 0;
  const int64_t n = std::min<int64_t>((*vectors)->count(), 3);
  if (n == 0) return 0;
  std::vector<uint8_t> rows(static_cast<size_t>(n * std::max<int64_t>(shape->width(), 1)));
  auto rounded = std::make_unique<bool[]>(static_cast<size_t>(n));
  std::vector<int64_t> ids(static_cast<size_t>(n));
  (void)(*vectors)->Read((*vectors)->count() - n, n, rows.data(), rounded.get());
  if ((*vectors)->has_ids()) (void)(*vectors)->Ids(0, n, ids.data());
  const auto search = faiss_files::OpenSearch(file->path(), *shape);
  if (!search) return 0;
  const auto hits = search->Search(std::vector<float>(static_cast<size_t>(shape->dims), 0.5F), 3, search->CanBeExact());
  if (hits.ok() && hits->size() > 3) std::abort();
  return 0;
}
