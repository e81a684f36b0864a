#pragma once
#include <cstdint>
#include <memory>
#include <vector>

#include "connector/connector.h"
#include "sidecar/sidecar.h"
#include "sidecar/vectors.h"

namespace vecferry::sidecar {

/// The search of a file's own index, by the ids that the file gives its rows. Thread-safe.
class RowSearch {
 public:
  virtual ~RowSearch() = default;
  struct Hit {
    int64_t id = 0;
    double score = 0;
  };
  /// At most k, the nearest first.
  virtual Result<std::vector<Hit>> Search(const std::vector<float>& values, int k, bool exact) = 0;
  virtual bool HigherIsNearer() const = 0;
  virtual bool CanBeExact() const = 0;
};

/// The same with the keys of records: rows' own ids, or those of the side-car (nullptr: there is none). Memory: 16 bytes a row where
/// rows have ids of their own, and the keys of a million entries of the side-car.
std::unique_ptr<Searcher> MakeSearcher(std::shared_ptr<RowSearch> search, std::shared_ptr<const Vectors> vectors, std::shared_ptr<const SideCar> side, bool join_by_id, VectorSpec vector);

}  // namespace vecferry::sidecar
