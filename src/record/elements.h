#pragma once
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "record/schema.h"

namespace vecferry {

/// Vectors of float32, float16 and uint8 as floats and back, as stores take and give them.

/// Element bytes as `n` aligned floats: where they stand, or in `scratch`.
const float* AsFloats(Element element, std::string_view bytes, size_t n, std::vector<float>& scratch);
/// One element as a column of that type has it. False where it was not exactly one: rounded to the nearest half, or truncated and
/// clamped to 0..255, NaN to 0, as Qdrant does. A NaN of a float type is exact.
bool StoreElement(double value, Element element, uint8_t* out);
/// The same for packed floats, which need not be aligned. False where some was not exact.
bool StoreFloats(std::string_view floats, Element element, uint8_t* out);

}  // namespace vecferry
