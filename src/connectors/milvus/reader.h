#pragma once
#include <memory>

#include "connectors/milvus/dataset.h"

namespace vecferry::milvus {

/// The cursor behind the last row of a range. Others are "k" and the last key that was read.
inline constexpr std::string_view kEnd = "end";

/// What all readers of one source share.
struct Shared {
  Dataset dataset;
  Shape shape;
  std::shared_ptr<Loaded> loaded = std::make_shared<Loaded>();
};

/// Reads a range in order of its keys. A server gives pages in that order; Milvus Lite does not, so that there the keys of the range come
/// first, and then the rows between two of them.
std::unique_ptr<SplitReader> MakeReader(std::shared_ptr<const Shared> shared, Range range, bool ended, ReadOptions options);

}  // namespace vecferry::milvus
