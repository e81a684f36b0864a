#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include <fmt/format.h>

#include "connectors/postgresql/codec.h"

namespace vecferry::postgresql {
namespace {

Status Corrupt(std::string_view what) {
  return MakeError(Category::corrupt, fmt::format("the server's {} cannot be read", what), "see what stands between here and the server");
}

constexpr size_t kMostNonZero = 16000;

/// A one-dimensional array of float4 or float8: its elements follow, each with its length.
struct FloatArray {
  int64_t length = -1;
  bool has_null = false, flat = true;
  std::string_view elements;
};

FloatArray ParseFloatArray(std::string_view bytes) {
  FloatArray array;
  if (bytes.size() < 12) return array;
  const auto dimensions = FromBig<int32_t>(bytes.data());
  array.has_null = FromBig<int32_t>(bytes.data() + 4) != 0;
  if (dimensions == 0) {
    array.length = 0;
    return array;
  }
  if (dimensions != 1) {
    array.flat = false;
    array.length = 0;
    return array;
  }
  if (bytes.size() < 20) return array;
  array.length = FromBig<int32_t>(bytes.data() + 12);
  array.elements = bytes.substr(20);
  return array;
}

template <typename Word, typename Float>
Status CopyElements(const FloatArray& array, int32_t dims, uint8_t* out, bool* exact) {
  const char* at = array.elements.data();
  for (int32_t i = 0; i < dims; ++i, at += 4 + sizeof(Word)) {
    if (FromBig<int32_t>(at) != static_cast<int32_t>(sizeof(Word))) return BadRecord("vector-null", "an element of the vector is null");
    const auto value = std::bit_cast<Float>(FromBig<Word>(at + 4));
    const auto narrow = static_cast<float>(value);
    if (exact && static_cast<Float>(narrow) != value && !std::isnan(value)) *exact = false;
    std::memcpy(out + size_t{4} * static_cast<size_t>(i), &narrow, 4);
  }
  return Status::OK();
}

Status DecodeFloatArray(const Type& type, std::string_view bytes, int32_t dims, uint8_t* out, bool* exact) {
  const FloatArray array = ParseFloatArray(bytes);
  if (array.length < 0) return Corrupt("array");
  if (!array.flat || array.length != dims) return BadRecord("vector-shape", "the array is no vector of that dimension");
  if (array.has_null) return BadRecord("vector-null", "an element of the vector is null");
  const size_t width = type.kind == Kind::float4 ? 8 : 12;
  if (array.elements.size() != width * static_cast<size_t>(dims)) return Corrupt("array");
  return type.kind == Kind::float4 ? CopyElements<uint32_t, float>(array, dims, out, nullptr) : CopyElements<uint64_t, double>(array, dims, out, exact);
}

}  // namespace

int64_t DimensionOf(const Type& type, std::string_view bytes) {
  if (type.array) {
    const FloatArray array = ParseFloatArray(bytes);
    return array.flat ? array.length : -1;
  }
  if (bytes.size() < 4) return -1;
  switch (type.kind) {
    case Kind::vector:
    case Kind::halfvec: {
      const auto dims = FromBig<int16_t>(bytes.data());
      const size_t width = type.kind == Kind::vector ? 4 : 2;
      return dims > 0 && bytes.size() == 4 + width * static_cast<size_t>(dims) ? dims : -1;
    }
    case Kind::sparsevec: return FromBig<int32_t>(bytes.data());
    case Kind::bit: {
      const auto bits = FromBig<int32_t>(bytes.data());
      return bits >= 0 && bytes.size() == 4 + (static_cast<size_t>(bits) + 7) / 8 ? bits : -1;
    }
    default: return -1;
  }
}

Status DecodeDense(const Type& type, std::string_view bytes, int32_t dims, uint8_t* out, bool* exact) {
  if (type.array) return DecodeFloatArray(type, bytes, dims, out, exact);
  const int64_t there = DimensionOf(type, bytes);
  if (there < 0) return Corrupt(Name(type.kind));
  if (there != dims) return BadRecord("vector-dimension", fmt::format("the vector has {} dimensions where the others have {}", there, dims));
  const char* const elements = bytes.data() + 4;
  if (type.kind == Kind::vector) Swap32(elements, out, static_cast<size_t>(dims));
  else if (type.kind == Kind::halfvec) Swap16(elements, out, static_cast<size_t>(dims));
  else std::memcpy(out, elements, bytes.size() - 4);
  return Status::OK();
}

Status DecodeSparse(std::string_view bytes, SparseBuffer* out) {
  if (bytes.size() < 12) return Corrupt("sparsevec");
  const int64_t dims = FromBig<int32_t>(bytes.data()), count = FromBig<int32_t>(bytes.data() + 4);
  if (count < 0 || dims < 0 || count > dims || bytes.size() != 12 + 8 * static_cast<size_t>(count)) return Corrupt("sparsevec");
  const auto n = static_cast<size_t>(count);
  out->indices.resize(n);
  out->values.resize(n);
  Swap32(bytes.data() + 12, out->indices.data(), n);
  Swap32(bytes.data() + 12 + 4 * n, out->values.data(), n);
  for (size_t i = 0; i < n; ++i) {
    if (out->indices[i] >= static_cast<uint64_t>(dims) || (i > 0 && out->indices[i] <= out->indices[i - 1])) return Corrupt("sparsevec");
  }
  return Status::OK();
}

void AppendVectorField(std::string_view f32, std::string* out) {
  const size_t n = f32.size() / 4;
  AppendBig(static_cast<int32_t>(4 + f32.size()), out);
  AppendBig(static_cast<int16_t>(n), out);
  AppendBig<int16_t>(0, out);
  const size_t at = out->size();
  out->resize(at + f32.size());
  Swap32(f32.data(), out->data() + at, n);
}

void AppendHalfvecField(std::string_view f16, std::string* out) {
  const size_t n = f16.size() / 2;
  AppendBig(static_cast<int32_t>(4 + f16.size()), out);
  AppendBig(static_cast<int16_t>(n), out);
  AppendBig<int16_t>(0, out);
  const size_t at = out->size();
  out->resize(at + f16.size());
  Swap16(f16.data(), out->data() + at, n);
}

void AppendBitField(std::string_view bits, int32_t dims, std::string* out) {
  const size_t bytes = (static_cast<size_t>(dims) + 7) / 8;
  AppendBig(static_cast<int32_t>(4 + bytes), out);
  AppendBig(dims, out);
  out->append(bits.substr(0, bytes));
  // varbit_recv keeps no bits beyond the last.
  if (dims % 8 != 0) out->back() = static_cast<char>(static_cast<uint8_t>(out->back()) & (0xFFu << (8 - dims % 8)));
}

Status AppendSparsevecField(const uint32_t* indices, const float* values, size_t n, int32_t dims, std::string* out) {
  std::vector<size_t> order(n);
  std::iota(order.begin(), order.end(), size_t{0});
  std::erase_if(order, [&](size_t i) { return values[i] == 0; });
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) { return indices[a] < indices[b]; });
  if (order.size() > kMostNonZero) return BadRecord("value-out-of-range", fmt::format("a sparse vector has {} values, and sparsevec takes {}", order.size(), kMostNonZero));
  for (size_t k = 0; k < order.size(); ++k) {
    const uint32_t index = indices[order[k]];
    if (index >= static_cast<uint32_t>(dims)) return BadRecord("value-out-of-range", fmt::format("a sparse vector has the index {} in {} dimensions", index, dims));
    if (k > 0 && index == indices[order[k - 1]]) return BadRecord("value-out-of-range", "a sparse vector has an index twice");
  }
  AppendBig(static_cast<int32_t>(12 + 8 * order.size()), out);
  AppendBig(dims, out);
  AppendBig(static_cast<int32_t>(order.size()), out);
  AppendBig<int32_t>(0, out);
  for (const size_t i : order) AppendBig(static_cast<int32_t>(indices[i]), out);
  for (const size_t i : order) AppendBig(std::bit_cast<uint32_t>(values[i]), out);
  return Status::OK();
}

}  // namespace vecferry::postgresql
