#include <cmath>
#include <cstring>

#include "connectors/memory/dataset.h"
#include "record/digest.h"
#include "record/distance.h"
#include "record/unit.h"

namespace vecferry::memory {
namespace {

void Normalise(std::vector<float>* vector, bool single) {
  if (!single) return UnitVector(vector->data(), vector->size(), vector->data());
  float squared = 0;
  for (const float x : *vector) squared += x * x;
  if (static_cast<double>(squared) < kTinySquared || std::abs(static_cast<double>(squared) - 1) <= 1e-6) return;
  const float length = std::sqrt(squared);
  for (float& x : *vector) x /= length;
}

/// Rows of elements, each at length 1.
std::string Normalised(const VectorSpec& spec, std::string_view bytes, bool single) {
  std::string out(bytes);
  const auto dims = static_cast<size_t>(spec.dims), width = static_cast<size_t>(spec.width());
  std::vector<float> vector(dims);
  for (size_t at = 0; at + width <= out.size(); at += width) {
    for (size_t i = 0; i < dims; ++i) {
      uint16_t half = 0;
      if (spec.element == Element::f32) std::memcpy(&vector[i], out.data() + at + 4 * i, 4);
      if (spec.element == Element::f16) std::memcpy(&half, out.data() + at + 2 * i, 2);
      if (spec.element == Element::f16) vector[i] = HalfToFloat(half);
    }
    Normalise(&vector, single);
    for (size_t i = 0; i < dims; ++i) {
      const uint16_t half = FloatToHalf(vector[i]);
      if (spec.element == Element::f32) std::memcpy(out.data() + at + 4 * i, &vector[i], 4);
      else std::memcpy(out.data() + at + 2 * i, &half, 2);
    }
  }
  return out;
}

}  // namespace

Result<RecordView> NormalisedRows(const RecordView& batch, bool single) {
  BatchBuilder builder(batch.schema());
  for (int64_t row = 0; row < batch.rows(); ++row) {
    AppendRow(batch, row, builder, [&](const VectorSpec& spec, std::string_view bytes) {
      return IsNormalised(spec) && spec.element != Element::bf16 ? Normalised(spec, bytes, single) : std::string(bytes);
    });
  }
  return builder.Finish();
}

}  // namespace vecferry::memory
