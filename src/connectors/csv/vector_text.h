#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "record/batch.h"
#include "record/schema.h"

namespace vecferry::csv {

/// Vectors as pgvector writes them: [1,2,3] (vector, halfvec), {1:1.5,5:-2}/5 with indices from 1 (sparsevec), 0101 (bit).
/// Beyond it: [[1,2],[3,4]] for a multi-vector, [1,-2] for u8 and i8, and NaN, Infinity, -Infinity as numbers. Each number is
/// the shortest decimal that reads back as the same 32-bit float.

/// What pgvector takes at most as the size of a sparsevec; written where no size is known.
inline constexpr int64_t kSparseSize = 1'000'000'000;

/// Appends the vector of a row. `size` is the number behind the slash of a sparse vector, 0 for the usual one.
void AppendVector(const VectorColumn& column, int64_t row, int64_t size, std::string* out);

/// Reads vectors into a builder. Not for use by two threads at once; reuse it.
class VectorReader {
 public:
  /// Category::bad_content, with the code "bad-vector", for a text that is no vector of that column. `rounded` is set where some number
  /// was not exactly one of the column's elements.
  Status Read(std::string_view text, const VectorSpec& spec, size_t column, BatchBuilder& builder, bool* rounded);

 private:
  std::vector<uint32_t> indices_;
  std::vector<float> values_;
  std::string rows_;
};

/// What a text says of its column: kind, element and dimensions. Nothing where it is no vector.
std::optional<VectorSpec> GuessVector(std::string_view text);

}  // namespace vecferry::csv
