#include "record/unit.h"

#include <cmath>
#include <cstring>

namespace vecferry {
namespace {

constexpr double kNear = 1e-6;

/// Eight sums side by side, so that the compiler can use vector registers; the order of additions is fixed.
double SquaredLength(const float* in, size_t n) {
  double sums[8] = {};
  size_t i = 0;
  for (; i + 8 <= n; i += 8) {
    for (size_t k = 0; k < 8; ++k) sums[k] += static_cast<double>(in[i + k]) * static_cast<double>(in[i + k]);
  }
  for (; i < n; ++i) sums[i % 8] += static_cast<double>(in[i]) * static_cast<double>(in[i]);
  return ((sums[0] + sums[1]) + (sums[2] + sums[3])) + ((sums[4] + sums[5]) + (sums[6] + sums[7]));
}

}  // namespace

void UnitVector(const float* in, size_t n, float* out) {
  const double squared = SquaredLength(in, n);
  if (squared < kTinySquared || std::abs(squared - 1.0) <= kNear) {
    if (out != in && n > 0) std::memmove(out, in, n * sizeof(float));
    return;
  }
  const double scale = 1.0 / std::sqrt(squared);
  for (size_t i = 0; i < n; ++i) out[i] = static_cast<float>(static_cast<double>(in[i]) * scale);
}

}  // namespace vecferry
