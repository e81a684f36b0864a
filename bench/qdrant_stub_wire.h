#pragma once
// The little of the wire that the stub of a Qdrant server reads and writes itself, and the rows that it sends.
#include <cstdint>

#include <algorithm>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include <grpcpp/support/byte_buffer.h>

namespace vecferry::stub {

inline void AppendVarint(uint64_t value, std::string* out) {
  for (; value > 0x7f; value >>= 7) out->push_back(static_cast<char>(value | 0x80));
  out->push_back(static_cast<char>(value));
}

inline void AppendField(uint32_t number, std::string_view body, std::string* out) {
  AppendVarint(number << 3 | 2, out);
  AppendVarint(body.size(), out);
  out->append(body);
}

inline std::string PointId(uint64_t number) {
  std::string id = "\x08";
  AppendVarint(number, &id);
  return id;
}

/// Walks the fields of a message that lies in several slices; the bodies of length-delimited ones are stepped over.
class Walker {
 public:
  explicit Walker(const grpc::ByteBuffer& buffer) { good_ = !buffer.Valid() || buffer.Dump(&slices_).ok(); }

  struct Field {
    uint32_t number = 0;
    uint64_t value = 0;     ///< of a varint, or a body's length
    std::string body;       ///< its first bytes, if no more than 16
  };
  std::optional<Field> Next() {
    const auto tag = Varint();
    if (!tag) return std::nullopt;
    Field field{static_cast<uint32_t>(*tag >> 3), 0, {}};
    const auto value = (*tag & 7) == 0 || (*tag & 7) == 2 ? Varint() : std::nullopt;
    if (!value) return std::nullopt;
    field.value = *value;
    if ((*tag & 7) == 0) return field;
    if (*value <= 16) {
      for (uint64_t i = 0; i < *value; ++i) field.body.push_back(static_cast<char>(Byte().value_or(0)));
      return field;
    }
    return Skip(*value) ? std::optional(field) : std::nullopt;
  }

 private:
  std::optional<uint8_t> Byte() {
    while (good_ && slice_ < slices_.size() && at_ == slices_[slice_].size()) ++slice_, at_ = 0;
    if (!good_ || slice_ == slices_.size()) return std::nullopt;
    return slices_[slice_].begin()[at_++];
  }
  std::optional<uint64_t> Varint() {
    uint64_t value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      const auto byte = Byte();
      if (!byte) return std::nullopt;
      value |= static_cast<uint64_t>(*byte & 0x7f) << shift;
      if (*byte < 0x80) return value;
    }
    return std::nullopt;
  }
  bool Skip(uint64_t size) {
    for (; slice_ < slices_.size(); ++slice_, at_ = 0) {
      const uint64_t here = std::min<uint64_t>(size, slices_[slice_].size() - at_);
      at_ += here, size -= here;
      if (size == 0) return true;
    }
    return false;
  }

  std::vector<grpc::Slice> slices_;
  size_t slice_ = 0, at_ = 0;
  bool good_;
};

/// The rows of "docs" as a ScrollResponse holds them, one after the other.
struct Rows {
  std::string bytes;
  std::vector<size_t> starts;  ///< one more than there are rows

  Rows(uint64_t count, uint64_t dims) {
    std::mt19937_64 random(1);
    std::normal_distribution<float> normal;
    std::vector<float> vector(dims);
    for (uint64_t id = 0; id < count; ++id) {
      for (auto& component : vector) component = normal(random);
      starts.push_back(bytes.size());
      AppendField(2, Row(id, vector), &bytes);
    }
    starts.push_back(bytes.size());
  }
  uint64_t size() const { return starts.size() - 1; }

 private:
  static std::string Row(uint64_t id, const std::vector<float>& vector) {
    std::string number = "\x18", row, dense, data;
    AppendVarint(id, &number);
    AppendField(1, PointId(id), &row);
    AppendEntry("title", "\x22\x05" "hello", &row);
    AppendEntry("n", number, &row);
    AppendField(1, {reinterpret_cast<const char*>(vector.data()), vector.size() * sizeof(float)}, &dense);
    AppendField(101, dense, &data);
    std::string output;
    AppendField(1, data, &output);
    AppendField(4, output, &row);
    return row;
  }
  static void AppendEntry(std::string_view key, std::string_view value, std::string* row) {
    std::string entry;
    AppendField(1, key, &entry);
    AppendField(2, value, &entry);
    AppendField(2, entry, row);
  }
};

}  // namespace vecferry::stub
