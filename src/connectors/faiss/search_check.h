#pragma once
#include "base/error.h"

namespace faiss {
struct Index;
}

/// libfaiss searches in threads of OpenMP, where an exception ends the process, and follows a graph's links wherever they lead.
namespace vecferry::faiss_files {

/// Sees that a search of a loaded index stays inside of it, and bounds what its file says of how to search. Category::corrupt for links, levels or
/// ids that lead out of it, Category::unsupported for what libfaiss 1.7 does not search. Reads the whole graph once.
Status PrepareForSearch(faiss::Index* index);

}  // namespace vecferry::faiss_files
