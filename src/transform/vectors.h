#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "record/batch.h"

namespace vecferry {

/// One --reduce: "256", "256:pca", "vector:title=128:truncate".
struct Reduction {
  enum class How { truncate, pca };
  std::string column;      ///< "" is every dense vector
  int32_t dims = 0;
  How how = How::truncate;
};
/// Category::usage.
Result<Reduction> ParseReduction(std::string_view text);

/// A linear map that was fitted to a sample: y = components (x - mean).
struct Projection {
  int32_t from = 0, to = 0;
  std::vector<float> mean;         ///< `from` numbers
  std::vector<float> components;   ///< `to` rows of `from`
  int64_t fitted_on = 0;           ///< vectors
  double explained = 0;            ///< share of the sample's variance that is kept
  std::string ToJson() const;
  static Result<Projection> FromJson(std::string_view json);
};

/// Gathers a sample and fits the directions of its greatest variance. Memory: `dims` squared doubles.
class PcaFitter {
 public:
  static constexpr int32_t kMostDims = 4096;
  explicit PcaFitter(int32_t dims);
  /// `dims` floats. One that is not finite is passed over.
  void Add(const float* vector);
  int64_t count() const { return count_; }
  /// Category::refused where the sample is smaller than `to`.
  Result<Projection> Fit(int32_t to);

 private:
  void Flush();
  int32_t dims_;
  int64_t count_ = 0;
  std::vector<double> shift_, sum_, products_, block_;
  size_t rows_ = 0;
};

/// What becomes of one dense vector column.
struct VectorStep {
  VectorSpec before, after;
  bool normalise = false;
  /// Of a projection, else empty and the first after.dims elements are kept: the mean, and before.dims rows of after.dims numbers.
  std::vector<double> mean, by_element;
  bool projects() const { return !mean.empty(); }
  bool changes() const { return before.dims != after.dims || projects() || normalise; }
};

/// The step for a column. Category::unsupported where its element type cannot take it, usage where dims do not fit.
Result<VectorStep> PlanStep(const VectorSpec& spec, const Reduction* reduction, const Projection* projection, bool normalise);

/// The changed column. Appends (row, code) for each that cannot be: "zero-vector", "non-finite-vector".
Result<std::shared_ptr<arrow::Array>> ApplyStep(const VectorStep& step, const VectorColumn& column, int64_t rows, std::vector<std::pair<int64_t, Status>>* failed);

}  // namespace vecferry
