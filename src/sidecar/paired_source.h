#pragma once
#include <memory>
#include <string>
#include <vector>

#include "connector/connector.h"
#include "files/file.h"
#include "sidecar/row_search.h"
#include "sidecar/sidecar.h"
#include "sidecar/vectors.h"

namespace vecferry::sidecar {


/// A dataset in a file of vectors and, where there is one, its side-car.
struct Pair {
  DatasetInfo info;                         ///< all but schema, count and consistency
  VectorSpec vector;
  std::shared_ptr<const Vectors> vectors;
  std::shared_ptr<const SideCar> side;      ///< nullptr: ids and vectors alone
  std::shared_ptr<RowSearch> search;        ///< the file's own; nullptr: it has none
  bool join_by_id = false;                  ///< entry i belongs to the row of id i, not to row i
  std::vector<fs::path> files;              ///< what must not change between a plan and a resume
};

/// Category::corrupt where vectors and side-car do not belong together.
Result<std::unique_ptr<Source>> MakePairedSource(Pair pair);

}  // namespace vecferry::sidecar
