#pragma once
#include <cstdint>
#include <string_view>

#include "record/schema.h"

namespace vecferry {

/// Cosine of the angle between two vectors of the same element type and dims, in double precision.
/// 1 when both are zero, 0 when one is. `bit` counts each bit as a 0/1 element.
double Cosine(Element element, int32_t dims, std::string_view a, std::string_view b);
/// Euclidean norm.
double Norm(Element element, int32_t dims, std::string_view a);
float HalfToFloat(uint16_t half);
/// Nearest, ties to even.
uint16_t FloatToHalf(float value);

}  // namespace vecferry
