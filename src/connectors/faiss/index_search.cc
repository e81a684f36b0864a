#include "connectors/faiss/index_search.h"

#include "connectors/faiss/library.h"

namespace vecferry::faiss_files {
namespace {

class IndexSearch final : public sidecar::RowSearch {
 public:
  IndexSearch(const fs::path& path, const Shape& shape)
      : index_(path), higher_(shape.metric == kInnerProduct),
        can_be_exact_(!shape.lossy && shape.words.find("HNSW") == std::string::npos && shape.words.find("NSG") == std::string::npos) {}

  Result<std::vector<Hit>> Search(const std::vector<float>& values, int k, bool exact) override {
    std::vector<float> scores(static_cast<size_t>(k));
    std::vector<int64_t> ids(static_cast<size_t>(k));
    ARROW_RETURN_NOT_OK(index_.Search(values.data(), k, exact && can_be_exact_, scores.data(), ids.data()));
    std::vector<Hit> hits;
    for (size_t i = 0; i < ids.size(); ++i) {
      if (ids[i] >= 0) hits.push_back({ids[i], scores[i]});  // -1 fills up where there are fewer than k
    }
    return hits;
  }

  bool HigherIsNearer() const override { return higher_; }
  bool CanBeExact() const override { return can_be_exact_; }

 private:
  LibraryIndex index_;
  const bool higher_, can_be_exact_;
};

}  // namespace

std::shared_ptr<sidecar::RowSearch> OpenSearch(const fs::path& path, const Shape& shape) {
  // Of L1, FAISS searches flat vectors alone, and those of a graph.
  const bool flat = !shape.lossy && shape.words.find("IVF") == std::string::npos;
  const bool known = shape.metric == kInnerProduct || shape.metric == kL2 || (shape.metric == kL1 && flat);
  if (shape.binary || shape.count == 0 || !shape.trained || !known) return nullptr;
  return std::make_shared<IndexSearch>(path, shape);
}

}  // namespace vecferry::faiss_files
