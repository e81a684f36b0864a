#pragma once
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "record/schema.h"

namespace vecferry {

/// Queries of one column, laid out for comparison with many records at once, and the distances of a block of records from all of
/// them. Smaller is nearer, whatever the metric: the squared Euclidean distance for l2, the sum of differences for l1, 1 - cosine,
/// the negative dot product, the number of differing bits (of numbers: elements) for hamming, 1 - intersection / union for jaccard
/// (1 where they share nothing; of numbers 1 - sum of the smaller / sum of the greater). A vector of zeros has cosine 0 to all.
/// NaN where a vector holds NaN.
class DistanceBlock {
 public:
  /// Records that are compared at once.
  static constexpr int64_t kRows = 64;

  /// `queries` are spec.dims numbers each; of bits 0 or 1 each. `metric` is not unknown.
  DistanceBlock(const VectorSpec& spec, Metric metric, const std::vector<std::vector<float>>& queries);

  /// The distances of `rows` (at most kRows) vectors of spec.width() bytes each at `data` from every query: [query * kRows + row].
  std::span<const float> Compute(const uint8_t* data, int64_t rows);
  size_t queries() const { return count_; }
  /// Below this difference two distances from that query are a tie: what arithmetic in single precision leaves, or a store whose
  /// vectors keep their direction to `precision` (a cosine, 1: exactly).
  double Tie(size_t query, double distance, double precision = 1) const;

 private:
  void Load(const uint8_t* data, int64_t rows);
  void Unit(float* vector) const;
  void Bits(const uint8_t* data, int64_t rows);
  void Odd(int64_t rows);

  const VectorSpec spec_;
  const Metric metric_;
  const bool packed_;            ///< bits compared as bits
  size_t count_ = 0;
  size_t stride_ = 0;            ///< floats of a vector, padded with zeros
  std::vector<float> queries_, rows_, out_;
  std::vector<uint64_t> query_words_, row_words_;
  std::vector<double> scale_;    ///< of each query: the size that distances are measured against
};

/// Element bytes as numbers, bits as 0 and 1, the highest bit of the first byte first.
void ToFloats(const VectorSpec& spec, std::string_view bytes, float* out);

}  // namespace vecferry
