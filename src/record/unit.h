#pragma once
#include <cstddef>

namespace vecferry {

/// Below this squared length a vector is kept as it is.
inline constexpr double kTinySquared = 1.1920929e-7;

/// A vector as a store keeps it that normalises cosine vectors on write: of length 1, or as it is where its squared
/// length is below 1.1920929e-7 (zero and tiny ones) or within 1e-6 of 1 already. So it is idempotent, and a store with
/// that rule keeps what comes out bit by bit. Lengths are taken in double precision. A vector that holds NaN becomes all
/// NaN; one that holds an infinity becomes NaN there and 0 elsewhere. `out` may be `in`. Facts: Qdrant, live server 1.18.
void UnitVector(const float* in, size_t n, float* out);

}  // namespace vecferry
