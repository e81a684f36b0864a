#pragma once
#include "connectors/qdrant/dataset.h"

namespace vecferry::qdrant {

/// HNSW built later: indexing_threshold=0 while a collection is loaded. Measured against m=0, it costs less afterwards and
/// `indexed_vectors_count` stays truthful (docs/reference/stores.md).
class Deferral final : public IndexDeferral {
 public:
  explicit Deferral(Dataset dataset) : dataset_(std::move(dataset)) {}
  Result<std::optional<std::string>> Settings() override;
  Status Defer() override;
  Status PutBack(std::string_view settings) override;
  Result<State> Progress() override;

 private:
  const Dataset dataset_;
  int green_ = 0;  ///< looks in a row that found nothing to do
};

}  // namespace vecferry::qdrant
