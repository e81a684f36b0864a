#include "record/elements.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "record/distance.h"

namespace vecferry {

const float* AsFloats(Element element, std::string_view bytes, size_t n, std::vector<float>& scratch) {
  const bool aligned = reinterpret_cast<uintptr_t>(bytes.data()) % alignof(float) == 0;
  if (element == Element::f32 && aligned) return reinterpret_cast<const float*>(bytes.data());
  scratch.resize(n);
  for (size_t i = 0; i < n; ++i) {
    if (element == Element::u8) {
      scratch[i] = static_cast<float>(static_cast<unsigned char>(bytes[i]));
    } else if (element == Element::f16) {
      uint16_t half;
      std::memcpy(&half, bytes.data() + 2 * i, 2);
      scratch[i] = HalfToFloat(half);
    } else {
      std::memcpy(&scratch[i], bytes.data() + 4 * i, 4);
    }
  }
  return scratch.data();
}

bool StoreElement(double value, Element element, uint8_t* out) {
  const auto narrow = static_cast<float>(value);
  const bool exact = static_cast<double>(narrow) == value || value != value;
  switch (element) {
    case Element::f16: {
      const uint16_t half = FloatToHalf(narrow);
      std::memcpy(out, &half, 2);
      return exact && (HalfToFloat(half) == narrow || narrow != narrow);
    }
    case Element::u8: {
      const float clamped = narrow != narrow ? 0.0f : std::clamp(std::trunc(narrow), 0.0f, 255.0f);
      *out = static_cast<uint8_t>(clamped);
      return exact && clamped == narrow;
    }
    default: std::memcpy(out, &narrow, 4); return exact;
  }
}

bool StoreFloats(std::string_view floats, Element element, uint8_t* out) {
  if (element == Element::f32) {
    if (!floats.empty()) std::memcpy(out, floats.data(), floats.size());
    return true;
  }
  const size_t width = element == Element::u8 ? 1 : 2;
  bool exact = true;
  for (size_t i = 0; i < floats.size(); i += 4, out += width) {
    float value;
    std::memcpy(&value, floats.data() + i, 4);
    exact &= StoreElement(value, element, out);
  }
  return exact;
}

}  // namespace vecferry
