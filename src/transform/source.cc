#include "transform/source.h"

#include <algorithm>
#include <cstring>

#include <arrow/record_batch.h>
#include <fmt/format.h>

namespace vecferry {
namespace {

/// Batches of the inner source that one batch is made of at most, so that a source is never silent for long.
constexpr int kMostMerged = 32;

Result<RecordView> Joined(const std::vector<RecordView>& views) {
  if (views.size() == 1) return views[0];
  arrow::RecordBatchVector batches;
  for (const auto& view : views) batches.push_back(view.batch());
  ARROW_ASSIGN_OR_RAISE(auto batch, arrow::ConcatenateRecordBatches(batches));
  return RecordView::Make(std::move(batch));
}

class TransformedReader final : public SplitReader {
 public:
  TransformedReader(std::unique_ptr<SplitReader> inner, std::unique_ptr<Transform> transform, const ReadOptions& options, bool keys_only, bool merges,
                    std::shared_ptr<const ResolvedTransforms> transforms, std::shared_ptr<TransformCounts> counts)
      : transforms_(std::move(transforms)), counts_(std::move(counts)), inner_(std::move(inner)), transform_(std::move(transform)), options_(options), keys_only_(keys_only), merges_(merges) {}

  /// What is left of several batches is handed on as one, so that a filter that keeps little does not make a sink write little by little.
  Result<std::optional<SourceBatch>> Next() override {
    while (true) {
      ARROW_ASSIGN_OR_RAISE(auto batch, inner_->Next());
      if (!batch) {
        if (!begun_) return std::optional<SourceBatch>();
        return Take();
      }
      ARROW_ASSIGN_OR_RAISE(SourceBatch changed, transform_->Apply(std::move(*batch), keys_only_, counts_.get()));
      Add(std::move(changed));
      const bool full = !merges_ || 2 * rows_ >= options_.batch_rows || 2 * bytes_ >= options_.batch_bytes || held_.rejects.size() >= 1000 || merged_ >= kMostMerged;
      if (full) return Take();
    }
  }

 private:
  void Add(SourceBatch batch) {
    begun_ = true;
    ++merged_;
    for (auto& reject : batch.rejects) held_.rejects.push_back(std::move(reject));
    for (const int64_t row : batch.rounded) held_.rounded.push_back(rows_ + row);
    held_.source_keys.insert(held_.source_keys.end(), batch.source_keys.begin(), batch.source_keys.end());
    held_.next = std::move(batch.next);
    rows_ += batch.records.rows();
    bytes_ += batch.records.bytes();
    if (batch.records.rows() > 0 || views_.empty()) {
      if (views_.size() == 1 && views_[0].rows() == 0) views_.clear();
      views_.push_back(std::move(batch.records));
    }
  }

  Result<std::optional<SourceBatch>> Take() {
    ARROW_ASSIGN_OR_RAISE(held_.records, Joined(views_));
    std::optional<SourceBatch> batch = std::move(held_);
    held_ = SourceBatch();
    views_.clear();
    rows_ = bytes_ = merged_ = 0;
    begun_ = false;
    return batch;
  }

  const std::shared_ptr<const ResolvedTransforms> transforms_;
  const std::shared_ptr<TransformCounts> counts_;
  std::unique_ptr<SplitReader> inner_;
  std::unique_ptr<Transform> transform_;
  const ReadOptions options_;
  const bool keys_only_, merges_;
  SourceBatch held_;
  std::vector<RecordView> views_;
  int64_t rows_ = 0, bytes_ = 0, merged_ = 0;
  bool begun_ = false;
};

}  // namespace

Result<std::unique_ptr<TransformedSource>> TransformedSource::Make(std::unique_ptr<Source> inner, std::shared_ptr<const ResolvedTransforms> transforms) {
  std::unique_ptr<TransformedSource> source(new TransformedSource(std::move(inner), std::move(transforms)));
  ARROW_RETURN_NOT_OK(source->Describe().status());
  return source;
}

Result<DatasetInfo> TransformedSource::Describe() {
  ARROW_ASSIGN_OR_RAISE(DatasetInfo info, inner_->Describe());
  before_ = info.schema;
  ARROW_ASSIGN_OR_RAISE(look_, Transform::Compile(*transforms_, before_));
  info.schema = look_->schema();
  if (transforms_->spec.selects()) info.count = -1, info.count_exact = false;
  // What a sink takes over is of the vectors and fields as they were.
  if (info.schema.vectors != before_.vectors) info.settings.clear();
  return info;
}

Result<std::vector<Split>> TransformedSource::Splits(int wanted) {
  ARROW_ASSIGN_OR_RAISE(auto splits, inner_->Splits(wanted));
  for (auto& split : splits) {
    if (transforms_->spec.selects()) split.records = -1;
  }
  return splits;
}

Result<std::unique_ptr<SplitReader>> TransformedSource::Read(const Split& split, const Cursor& from, const ReadOptions& options) {
  ARROW_ASSIGN_OR_RAISE(auto transform, Transform::Compile(*transforms_, before_));
  ReadOptions inner = options;
  inner.keys_only = options.keys_only && transform->keys_only();
  ARROW_ASSIGN_OR_RAISE(auto reader, inner_->Read(split, from, inner));
  return std::make_unique<TransformedReader>(std::move(reader), std::move(transform), options, inner.keys_only, transforms_->spec.selects(), transforms_, counts_);
}

Searcher* TransformedSource::searcher() {
  const TransformSpec& spec = transforms_->spec;
  const bool same = !spec.selects() && !spec.normalise && spec.reductions.empty() && transforms_->limit < 0 && !look_->changes_keys();
  return same ? inner_->searcher() : nullptr;
}

namespace {

using Fitters = std::map<std::string, std::pair<PcaFitter, int32_t>>;

Result<Fitters> FittersFor(const TransformSpec& spec, const RecordSchema& schema) {
  Fitters fitters;
  for (const auto& text : spec.reductions) {
    ARROW_ASSIGN_OR_RAISE(const Reduction reduction, ParseReduction(text));
    if (reduction.how != Reduction::How::pca) continue;
    for (const auto& vector : schema.vectors) {
      if (vector.kind != VectorKind::dense || (!reduction.column.empty() && reduction.column != vector.column())) continue;
      const Projection none;
      ARROW_RETURN_NOT_OK(PlanStep(vector, &reduction, &none, false).status());
      if (vector.dims > PcaFitter::kMostDims) {
        return MakeError(Category::unsupported, fmt::format("{} has {} dimensions; PCA takes {} at most", vector.column(), vector.dims, PcaFitter::kMostDims),
                         "use --reduce DIMS:truncate");
      }
      fitters.insert_or_assign(vector.column(), std::pair(PcaFitter(vector.dims), reduction.dims));
    }
  }
  return fitters;
}

void AddSample(const RecordView& view, int64_t most, Fitters* fitters) {
  for (const auto& column : view.vectors()) {
    const auto found = fitters->find(column.spec.column());
    if (found == fitters->end()) continue;
    std::vector<float> vector(static_cast<size_t>(column.spec.dims));
    for (int64_t row = 0; row < std::min(most, view.rows()); ++row) {
      if (column.IsNull(row)) continue;
      std::memcpy(vector.data(), column.data + row * column.width, static_cast<size_t>(column.width));
      found->second.first.Add(vector.data());
    }
  }
}

/// Reads the beginning of each of several parts, so that the sample is not of one end of the data alone.
Status ReadSample(Source& source, int64_t most, const CancelToken& cancel, Fitters* fitters) {
  constexpr int kParts = 8;
  ARROW_ASSIGN_OR_RAISE(const auto splits, source.Splits(kParts));
  int64_t left = most;
  for (size_t i = 0; i < splits.size(); ++i) {
    int64_t share = left / static_cast<int64_t>(splits.size() - i);
    ARROW_ASSIGN_OR_RAISE(auto reader, source.Read(splits[i], "", ReadOptions{}));
    while (share > 0) {
      ARROW_RETURN_NOT_OK(cancel.Check());
      ARROW_ASSIGN_OR_RAISE(const auto batch, reader->Next());
      if (!batch) break;
      AddSample(batch->records, share, fitters);
      const int64_t taken = std::min(share, batch->records.rows());
      share -= taken;
      left -= taken;
    }
  }
  return Status::OK();
}

}  // namespace

Status FitProjections(std::unique_ptr<Source>* inner, ResolvedTransforms* transforms, int64_t most, const CancelToken& cancel) {
  const bool asked = std::any_of(transforms->spec.reductions.begin(), transforms->spec.reductions.end(), [](const auto& text) { return text.ends_with(":pca"); });
  if (!asked) return Status::OK();
  auto others = std::make_shared<ResolvedTransforms>(*transforms);
  others->spec.reductions.clear();
  others->spec.normalise = false;
  // Where the transforms do not fit the source it is lost to nobody: the failure ends the command.
  ARROW_ASSIGN_OR_RAISE(auto source, TransformedSource::Make(std::move(*inner), others));
  const auto fit = [&]() -> Status {
    ARROW_ASSIGN_OR_RAISE(Fitters fitters, FittersFor(transforms->spec, source->transform().schema()));
    ARROW_RETURN_NOT_OK(ReadSample(*source, most, cancel, &fitters));
    for (auto& [column, fitter] : fitters) {
      ARROW_ASSIGN_OR_RAISE(transforms->projections[column], fitter.first.Fit(fitter.second));
    }
    return Status::OK();
  };
  const Status status = fit();
  *inner = source->Release();
  return status;
}

}  // namespace vecferry
