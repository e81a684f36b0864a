#include "record/finite.h"

#include <cstring>

#include <fmt/format.h>

#include "base/text.h"

namespace vecferry {
namespace {

/// Whether one of the numbers has all bits of the exponent set. Without a branch a number.
template <class Bits>
bool AnyOdd(std::string_view bytes, Bits exponent) {
  Bits odd = 0;
  for (size_t at = 0; at + sizeof(Bits) <= bytes.size(); at += sizeof(Bits)) {
    Bits bits;
    std::memcpy(&bits, bytes.data() + at, sizeof(bits));
    odd |= static_cast<Bits>((bits & exponent) == exponent);
  }
  return odd != 0;
}

}  // namespace

bool HasNonFinite(Element element, std::string_view elements) {
  switch (element) {
    case Element::f32: return AnyOdd<uint32_t>(elements, 0x7F800000u);
    case Element::f16: return AnyOdd<uint16_t>(elements, 0x7C00u);
    case Element::bf16: return AnyOdd<uint16_t>(elements, 0x7F80u);
    case Element::u8:
    case Element::i8:
    case Element::bit: return false;
  }
  return false;
}

bool HasNonFinite(const VectorColumn& column, int64_t row) {
  if (column.IsNull(row)) return false;
  if (column.spec.kind == VectorKind::dense) return HasNonFinite(column.spec.element, column.Dense(row));
  const auto begin = column.offsets[row], n = column.offsets[row + 1] - begin;
  if (column.spec.kind == VectorKind::sparse) {
    return HasNonFinite(Element::f32, {reinterpret_cast<const char*>(column.values + begin), static_cast<size_t>(n) * sizeof(float)});
  }
  return HasNonFinite(column.spec.element, {reinterpret_cast<const char*>(column.data + begin * column.width), static_cast<size_t>(n * column.width)});
}

Status CheckFinite(const VectorColumn& column, int64_t row) {
  if (!HasNonFinite(column, row)) return Status::OK();
  return BadRecord("non-finite-vector", fmt::format("{} has NaN or an infinity, which is not held", Printable(column.spec.column(), 200)));
}

}  // namespace vecferry
