#pragma once
#include <functional>

#include "connector/connector.h"

namespace vecferry::chroma_local {

/// Copies the files of an HNSW segment that are read, as far as they are read, into a folder that appears whole or not at all: an empty
/// one where the segment has none. `unchanged` is asked when all is copied: where it says no, Category::locked and no folder.
Status CopySegment(const fs::path& segment, const fs::path& destination, const OpenContext& context, const std::function<bool()>& unchanged);

}  // namespace vecferry::chroma_local
