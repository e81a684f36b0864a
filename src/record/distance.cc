#include "record/distance.h"

#include <bit>
#include <cmath>
#include <cstring>

namespace vecferry {
namespace {

template <typename T>
T Load(std::string_view bytes, int32_t i) {
  T value;
  std::memcpy(&value, bytes.data() + static_cast<size_t>(i) * sizeof(T), sizeof(T));
  return value;
}

float Bf16(uint16_t bits) { return std::bit_cast<float>(static_cast<uint32_t>(bits) << 16); }

/// Element i as a double.
double At(Element element, std::string_view bytes, int32_t i) {
  switch (element) {
    case Element::f32: return Load<float>(bytes, i);
    case Element::f16: return HalfToFloat(Load<uint16_t>(bytes, i));
    case Element::bf16: return Bf16(Load<uint16_t>(bytes, i));
    case Element::u8: return Load<uint8_t>(bytes, i);
    case Element::i8: return Load<int8_t>(bytes, i);
    case Element::bit: return (static_cast<unsigned char>(bytes[static_cast<size_t>(i / 8)]) >> (i % 8)) & 1;
  }
  return 0;
}

}  // namespace

double Cosine(Element element, int32_t dims, std::string_view a, std::string_view b) {
  double dot = 0, aa = 0, bb = 0;
  for (int32_t i = 0; i < dims; ++i) {
    const double x = At(element, a, i), y = At(element, b, i);
    dot += x * y;
    aa += x * x;
    bb += y * y;
  }
  if (aa == 0 && bb == 0) return 1;
  if (aa == 0 || bb == 0) return 0;
  return dot / std::sqrt(aa * bb);
}

double Norm(Element element, int32_t dims, std::string_view a) {
  double sum = 0;
  for (int32_t i = 0; i < dims; ++i) {
    const double x = At(element, a, i);
    sum += x * x;
  }
  return std::sqrt(sum);
}

float HalfToFloat(uint16_t half) {
  const uint32_t sign = static_cast<uint32_t>(half & 0x8000u) << 16;
  const uint32_t exponent = (half >> 10) & 0x1F;
  const uint32_t fraction = half & 0x3FFu;
  if (exponent == 0) return std::bit_cast<float>(sign | 0x3F800000u) * (static_cast<float>(fraction) * 0x1p-24f);
  if (exponent == 31) return std::bit_cast<float>(sign | 0x7F800000u | (fraction << 13));
  return std::bit_cast<float>(sign | ((exponent + 112) << 23) | (fraction << 13));
}

uint16_t FloatToHalf(float value) {
  const auto bits = std::bit_cast<uint32_t>(value);
  const auto sign = static_cast<uint16_t>((bits >> 16) & 0x8000u);
  const uint32_t magnitude = bits & 0x7FFFFFFFu;
  if (magnitude > 0x7F800000u) return static_cast<uint16_t>(sign | 0x7E00u);
  if (magnitude >= 0x477FF000u) return static_cast<uint16_t>(sign | 0x7C00u);
  if (magnitude < 0x38800000u) {  // below the smallest normal half: a multiple of 2^-24
    const float scaled = std::nearbyint(std::bit_cast<float>(magnitude) * 0x1p24f);
    return static_cast<uint16_t>(sign | static_cast<uint16_t>(scaled));
  }
  const uint32_t rounded = magnitude + 0xFFFu + ((magnitude >> 13) & 1u);
  return static_cast<uint16_t>(sign | ((rounded - 0x38000000u) >> 13));
}

}  // namespace vecferry
