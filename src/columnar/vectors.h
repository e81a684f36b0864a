#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <arrow/type_fwd.h>

#include "record/batch.h"

namespace vecferry::columnar {

/// What a column could be as a vector: a list of numbers of any width, or a struct of indices and values. dims is 0 where the
/// type does not say it. Nothing where it could not.
std::optional<VectorSpec> VectorOfType(const arrow::DataType& type);
/// Whether its numbers are doubles or integers, which f32 may not hold exactly.
bool MayRound(const arrow::DataType& type);

/// Puts vectors of one column into a builder. Values that the element cannot hold exactly are refused, Category::unsupported,
/// unless `round`.
class VectorCells {
 public:
  VectorCells(const arrow::Array& array, VectorSpec spec, bool round, std::string name);
  /// Of a value that is not null. Category::bad_content, "vector-dims" or "vector-null-element", for one that is no such vector.
  Status Put(int64_t row, size_t column, BatchBuilder& builder);
  /// How many numbers a row has.
  int64_t LengthOf(int64_t row) const;

 private:
  struct Items {
    const arrow::Array* values = nullptr;
    int64_t begin = 0, end = 0;
  };
  static Items ItemsOf(const arrow::Array& list, int64_t row);
  Status Dense(const Items& items, uint8_t* out) const;
  Status Sparse(int64_t row, size_t column, BatchBuilder& builder);
  Status Inexact(double value) const;

  const arrow::Array& array_;
  const VectorSpec spec_;
  const bool round_;
  const std::string name_;
  std::vector<uint32_t> indices_;
  std::vector<float> values_;
};

}  // namespace vecferry::columnar
