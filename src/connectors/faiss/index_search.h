#pragma once
#include <memory>

#include "connectors/faiss/shape.h"
#include "sidecar/row_search.h"

namespace vecferry::faiss_files {

/// libfaiss's own search of an index that was walked; the index is loaded whole at the first query. nullptr for a binary or an empty index,
/// and where its metric has no counterpart. Exact for flat indexes, and for IVF ones by looking into every list.
std::shared_ptr<sidecar::RowSearch> OpenSearch(const fs::path& path, const Shape& shape);

}  // namespace vecferry::faiss_files
