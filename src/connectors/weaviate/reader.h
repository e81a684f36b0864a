#pragma once
#include <memory>

#include "connectors/weaviate/dataset.h"
#include "connectors/weaviate/ranges.h"

namespace vecferry::weaviate {

/// What all readers of one source share.
struct Shared {
  Dataset dataset;
  Look look;
};

std::unique_ptr<SplitReader> MakeReader(std::shared_ptr<const Shared> shared, Range range, Position position, const ReadOptions& options);

}  // namespace vecferry::weaviate
