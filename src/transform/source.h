#pragma once
#include <memory>

#include "transform/transform.h"

namespace vecferry {

/// A source whose records are transformed as they are read: Describe gives the schema that comes out, Read what is left of each batch, cursors and
/// splits are the inner source's. Where records are left out, the count is not known. It finds nothing by key.
class TransformedSource final : public Source {
 public:
  /// Category::usage for transforms that do not fit the source.
  static Result<std::unique_ptr<TransformedSource>> Make(std::unique_ptr<Source> inner, std::shared_ptr<const ResolvedTransforms> transforms);

  Result<DatasetInfo> Describe() override;
  Result<std::vector<Split>> Splits(int wanted) override;
  Result<std::unique_ptr<SplitReader>> Read(const Split& split, const Cursor& from, const ReadOptions& options) override;

  /// The inner source's, where all its records come out with their keys and vectors as they were.
  Searcher* searcher() override;

  TransformCounts& counts() { return *counts_; }
  const ResolvedTransforms& transforms() const { return *transforms_; }
  /// One of its own, for what it says of itself.
  const Transform& transform() const { return *look_; }
  /// Gives the inner source back; no more is read through this one.
  std::unique_ptr<Source> Release() { return std::move(inner_); }

 private:
  TransformedSource(std::unique_ptr<Source> inner, std::shared_ptr<const ResolvedTransforms> transforms)
      : inner_(std::move(inner)), transforms_(std::move(transforms)), counts_(std::make_shared<TransformCounts>()) {}

  std::unique_ptr<Source> inner_;
  std::shared_ptr<const ResolvedTransforms> transforms_;
  std::shared_ptr<TransformCounts> counts_;
  RecordSchema before_;
  std::unique_ptr<Transform> look_;
};

/// Fits what --reduce DIMS:pca asks for to a sample of at most `most` records that the other transforms let through, and adds it to `transforms`.
/// The same source gives the same. Does nothing where nothing is to be fitted. `inner` is left as it was.
Status FitProjections(std::unique_ptr<Source>* inner, ResolvedTransforms* transforms, int64_t most, const CancelToken& cancel);

}  // namespace vecferry
