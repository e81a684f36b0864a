#include "connectors/csv/vector_text.h"

#include <charconv>
#include <cmath>
#include <cstring>
#include <limits>
#include <optional>

#include <fmt/format.h>

#include "base/text.h"
#include "record/distance.h"
#include "record/number_list.h"

namespace vecferry::csv {
namespace {

template <class T>
T Load(const uint8_t* at) {
  T value;
  std::memcpy(&value, at, sizeof(T));
  return value;
}

float OfBfloat(uint16_t half) {
  const uint32_t bits = uint32_t{half} << 16;
  float value;
  std::memcpy(&value, &bits, sizeof(value));
  return value;
}

/// To the nearest, ties to even.
uint16_t ToBfloat(float value) {
  uint32_t bits;
  std::memcpy(&bits, &value, sizeof(bits));
  if (std::isnan(value)) return static_cast<uint16_t>((bits >> 16) | 0x40);
  return static_cast<uint16_t>((bits + 0x7fff + ((bits >> 16) & 1)) >> 16);
}

constexpr size_t kLongestFloat = 16;  ///< "-1.17549435e-38", "-Infinity"

char* PutFloat(float value, char* out) {
  if (std::isfinite(value)) return std::to_chars(out, out + kLongestFloat, value).ptr;
  const std::string_view word = std::isnan(value) ? "NaN" : value < 0 ? "-Infinity" : "Infinity";
  std::memcpy(out, word.data(), word.size());
  return out + word.size();
}

char* PutElement(Element element, const uint8_t* at, char* out) {
  switch (element) {
    case Element::f32: return PutFloat(Load<float>(at), out);
    case Element::f16: return PutFloat(HalfToFloat(Load<uint16_t>(at)), out);
    case Element::bf16: return PutFloat(OfBfloat(Load<uint16_t>(at)), out);
    case Element::u8: return std::to_chars(out, out + kLongestFloat, unsigned{*at}).ptr;
    case Element::i8: return std::to_chars(out, out + kLongestFloat, int{static_cast<int8_t>(*at)}).ptr;
    case Element::bit: return out;
  }
  return out;
}

/// Into space for the longest numbers, which is cut afterwards: growing per number would cost more than printing it.
void AppendDense(const VectorSpec& spec, const uint8_t* bytes, std::string* out) {
  const auto dims = static_cast<size_t>(spec.dims);
  if (spec.element == Element::bit) {
    for (size_t i = 0; i < dims; ++i) *out += (bytes[i / 8] >> (7 - i % 8)) & 1 ? '1' : '0';
    return;
  }
  const size_t size = static_cast<size_t>(spec.width()) / std::max<size_t>(dims, 1), begin = out->size();
  out->resize(begin + 2 + dims * (kLongestFloat + 1));
  char* at = out->data() + begin;
  *at++ = '[';
  for (size_t i = 0; i < dims; ++i) {
    if (i > 0) *at++ = ',';
    at = PutElement(spec.element, bytes + i * size, at);
  }
  *at++ = ']';
  out->resize(static_cast<size_t>(at - out->data()));
}

void AppendSparse(const VectorColumn& column, int64_t row, int64_t size, std::string* out) {
  *out += '{';
  int64_t most = size > 0 ? size : kSparseSize;
  char text[kLongestFloat];
  for (int32_t i = column.offsets[row]; i < column.offsets[row + 1]; ++i) {
    const int64_t index = int64_t{column.indices[i]} + 1;
    if (i != column.offsets[row]) *out += ',';
    fmt::format_to(std::back_inserter(*out), "{}:", index);
    out->append(text, PutFloat(column.values[i], text));
    if (index > most) most = int64_t{std::numeric_limits<uint32_t>::max()} + 1;
  }
  fmt::format_to(std::back_inserter(*out), "}}/{}", most);
}

using Numbers = NumberList<NumberText::plain>;

/// Makes 16 bits of a float and tells where it was rounded.
template <uint16_t (*kTo)(float), float (*kOf)(uint16_t)>
auto Rounding(bool* rounded) {
  return [rounded](float number) {
    const uint16_t stored = kTo(number);
    *rounded |= kOf(stored) != number && !std::isnan(number);
    return stored;
  };
}
auto ToHalves(bool* rounded) { return Rounding<FloatToHalf, HalfToFloat>(rounded); }
auto ToBfloats(bool* rounded) { return Rounding<ToBfloat, OfBfloat>(rounded); }

bool ReadBits(std::string_view text, int32_t dims, uint8_t* out) {
  if (text.size() != static_cast<size_t>(dims)) return false;
  std::memset(out, 0, (text.size() + 7) / 8);
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '0' && text[i] != '1') return false;
    if (text[i] == '1') out[i / 8] = static_cast<uint8_t>(out[i / 8] | (0x80 >> (i % 8)));
  }
  return true;
}

bool ReadSparse(std::string_view text, std::vector<uint32_t>* indices, std::vector<float>* values) {
  Numbers list(text);
  indices->clear();
  values->clear();
  int64_t most = 0, size = 0;
  if (!list.Take('{')) return false;
  if (!list.Take('}')) {
    do {
      int64_t index = 0;
      if (!list.Number(&index) || index < 1 || index > int64_t{std::numeric_limits<uint32_t>::max()} + 1) return false;
      if (!list.Take(':') || !list.Number(&values->emplace_back())) return false;
      indices->push_back(static_cast<uint32_t>(index - 1));
      most = std::max(most, index);
    } while (list.Take(','));
    if (!list.Take('}')) return false;
  }
  return list.Take('/') && list.Number(&size) && size >= most && list.AtEnd();
}

Status Bad(const VectorSpec& spec, std::string_view wanted) {
  return BadRecord("bad-vector", fmt::format("{}: {} are expected", Printable(spec.column(), 100), wanted));
}

}  // namespace

void AppendVector(const VectorColumn& column, int64_t row, int64_t size, std::string* out) {
  switch (column.spec.kind) {
    case VectorKind::dense: return AppendDense(column.spec, reinterpret_cast<const uint8_t*>(column.Dense(row).data()), out);
    case VectorKind::sparse: return AppendSparse(column, row, size, out);
    case VectorKind::multi:
      *out += '[';
      for (int32_t i = column.offsets[row]; i < column.offsets[row + 1]; ++i) {
        if (i != column.offsets[row]) *out += ',';
        AppendDense(column.spec, column.data + i * column.width, out);
      }
      *out += ']';
  }
}

Status VectorReader::Read(std::string_view text, const VectorSpec& spec, size_t column, BatchBuilder& builder, bool* rounded) {
  if (spec.kind == VectorKind::sparse) {
    if (!ReadSparse(text, &indices_, &values_)) return Bad(spec, "pairs of an index from 1 on and a number, {1:0.5,7:2}/SIZE,");
    builder.Sparse(column, indices_.data(), values_.data(), indices_.size());
    return Status::OK();
  }
  Numbers list(text);
  if (spec.kind == VectorKind::dense) {
    uint8_t* space = builder.VectorSpace(column);
    if (spec.element == Element::bit) return ReadBits(text, spec.dims, space) ? Status::OK() : Bad(spec, fmt::format("{} digits 0 or 1", spec.dims));
    if (list.Dense(spec, space, ToHalves(rounded), ToBfloats(rounded)) && list.AtEnd()) return Status::OK();
    return Bad(spec, fmt::format("{} numbers of type {}", spec.dims, Name(spec.element)));
  }
  if (!list.Multi(spec, &rows_, ToHalves(rounded), ToBfloats(rounded))) return Bad(spec, fmt::format("lists of {} numbers", spec.dims));
  builder.Multi(column, rows_, rows_.size() / static_cast<size_t>(spec.width()));
  return Status::OK();
}

namespace {

/// Numbers in the first list of the text; -1 where it is none.
int64_t CountList(Numbers& list) {
  int64_t count = 0;
  if (!list.Take('[')) return -1;
  do {
    float number = 0;
    if (!list.Number(&number)) return -1;
    ++count;
  } while (list.Take(','));
  return list.Take(']') ? count : -1;
}

}  // namespace

std::optional<VectorSpec> GuessVector(std::string_view text) {
  VectorSpec spec;
  Numbers list(text);
  int64_t dims = -1;
  if (text.find_first_not_of("01") == text.npos) {
    spec.element = Element::bit;
    dims = static_cast<int64_t>(text.size());
  } else if (text.starts_with('{')) {
    std::vector<uint32_t> indices;
    std::vector<float> values;
    spec.kind = VectorKind::sparse;
    if (ReadSparse(text, &indices, &values)) return spec;
  } else if (text.starts_with("[[")) {
    spec.kind = VectorKind::multi;
    list.Take('[');
    dims = CountList(list);
  } else {
    dims = CountList(list);
    if (!list.AtEnd()) return std::nullopt;
  }
  if (dims <= 0 || dims > std::numeric_limits<int32_t>::max()) return std::nullopt;
  spec.dims = static_cast<int32_t>(dims);
  return spec;
}

}  // namespace vecferry::csv
