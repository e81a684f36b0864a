#include "sidecar/vectors.h"

#include <cstring>
#include <vector>

#include <fmt/format.h>

#include "files/file.h"
#include "record/elements.h"

namespace vecferry::sidecar {

using files::File;

Status Vectors::Ids(int64_t, int64_t, int64_t*) const { return MakeError(Category::internal, "rows without ids"); }

int64_t BytesOf(Stored stored) {
  switch (stored) {
    case Stored::f64: return 8;
    case Stored::f32: return 4;
    case Stored::f16: return 2;
    default: return 1;
  }
}

Status ReadExactly(const File& file, int64_t offset, void* out, int64_t size) {
  ARROW_ASSIGN_OR_RAISE(const size_t got, file.ReadAt(offset, static_cast<char*>(out), static_cast<size_t>(size)));
  if (static_cast<int64_t>(got) == size) return Status::OK();
  return MakeError(Category::corrupt, fmt::format("{} is shorter than it says", file.path().string()), "let nobody write to it, and run again");
}

bool ConvertElements(Stored stored, Element element, const uint8_t* in, int64_t elements, uint8_t* out) {
  const auto n = static_cast<size_t>(elements);
  const bool same = (stored == Stored::f32 && element == Element::f32) || (stored == Stored::f16 && element == Element::f16) ||
                    (stored == Stored::u8 && element == Element::u8) || (stored == Stored::i8 && element == Element::i8) || stored == Stored::bits;
  if (same) {
    std::memcpy(out, in, n * static_cast<size_t>(BytesOf(stored)));
    return true;
  }
  if (stored == Stored::f32) return StoreFloats({reinterpret_cast<const char*>(in), 4 * n}, element, out);
  bool exact = true;
  const size_t width = element == Element::f32 ? 4 : element == Element::f16 ? 2 : 1;
  for (size_t i = 0; i < n; ++i) {
    double value = 0;
    if (stored == Stored::f64) std::memcpy(&value, in + 8 * i, 8);
    exact &= StoreElement(value, element, out + width * i);
  }
  return exact;
}

Status RowVectors::Read(int64_t first, int64_t n, uint8_t* out, bool* rounded) const {
  const int64_t width = place_.elements * BytesOf(place_.stored);
  std::vector<uint8_t> bytes(static_cast<size_t>(width * n));
  ARROW_RETURN_NOT_OK(ReadExactly(*file_, place_.at + first * width, bytes.data(), width * n));
  const int64_t wide = place_.stored == Stored::bits ? place_.elements : place_.elements * (place_.element == Element::f32 ? 4 : place_.element == Element::f16 ? 2 : 1);
  for (int64_t i = 0; i < n; ++i) rounded[i] = !ConvertElements(place_.stored, place_.element, bytes.data() + i * width, place_.elements, out + i * wide);
  return Status::OK();
}

}  // namespace vecferry::sidecar
