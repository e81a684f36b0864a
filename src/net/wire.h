#pragma once
#include <bit>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

/// Protobuf's wire format over plain bytes: what records are read from and written as, with no message object in between.
namespace vecferry {

static_assert(std::endian::native == std::endian::little, "floats are copied as they stand in memory");

enum class WireType : uint8_t { varint = 0, fixed64 = 1, length = 2, fixed32 = 5 };

struct WireField {
  uint32_t number = 0;
  WireType type = WireType::varint;
  uint64_t value = 0;      ///< of all but length
  std::string_view bytes;  ///< of length: into the message

  bool is(uint32_t wanted, WireType of) const { return number == wanted && type == of; }
  double real() const { return std::bit_cast<double>(value); }
};

/// Moves `at` behind a varint. False where it does not end before `end` or is longer than ten bytes.
inline bool ReadVarint(const char*& at, const char* end, uint64_t* value) {
  uint64_t result = 0;
  for (unsigned shift = 0; shift < 70 && at < end; shift += 7) {
    const auto byte = static_cast<unsigned char>(*at++);
    result |= static_cast<uint64_t>(byte & 0x7F) << (shift & 63);
    if (byte < 0x80) return *value = result, true;
  }
  return false;
}

/// The fields of one message, in the order they stand in. Bytes from outside: every length is checked, nothing is copied.
class WireReader {
 public:
  explicit WireReader(std::string_view message) : at_(message.data()), end_(message.data() + message.size()) {}
  /// False at the end of the message, and at bytes that are no field: ok() tells which. Groups, which proto3 lacks, are none.
  bool Next(WireField* field) {
    uint64_t tag;
    if (at_ == end_) return false;
    if (!ReadVarint(at_, end_, &tag) || tag > UINT32_MAX || tag < 8) return Fail();
    field->number = static_cast<uint32_t>(tag >> 3);
    field->type = static_cast<WireType>(tag & 7);
    switch (field->type) {
      case WireType::varint: return ReadVarint(at_, end_, &field->value) || Fail();
      case WireType::fixed64: return Fixed(8, &field->value);
      case WireType::fixed32: return Fixed(4, &field->value);
      case WireType::length: {
        uint64_t size;
        if (!ReadVarint(at_, end_, &size) || size > static_cast<uint64_t>(end_ - at_)) return Fail();
        field->bytes = {at_, static_cast<size_t>(size)};
        at_ += size;
        return true;
      }
    }
    return Fail();
  }
  bool ok() const { return !failed_; }

 private:
  bool Fixed(size_t size, uint64_t* value) {
    if (size > static_cast<size_t>(end_ - at_)) return Fail();
    *value = 0;
    std::memcpy(value, at_, size);
    at_ += size;
    return true;
  }
  bool Fail() {
    failed_ = true;
    return false;
  }
  const char* at_;
  const char* end_;
  bool failed_ = false;
};

/// Bytes that a varint takes.
inline size_t VarintSize(uint64_t value) { return (static_cast<size_t>(std::bit_width(value | 1)) * 9 + 64) / 64; }
/// Bytes of a field of length `size` whose tag takes one byte (fields 1 to 15) or two.
inline size_t LengthFieldSize(size_t size, size_t tag = 1) { return tag + VarintSize(size) + size; }

inline void AppendVarint(uint64_t value, std::string* out) {
  char buffer[10];
  size_t n = 0;
  for (; value >= 0x80; value >>= 7) buffer[n++] = static_cast<char>(value | 0x80);
  buffer[n++] = static_cast<char>(value);
  out->append(buffer, n);
}
inline void AppendTag(uint32_t field, WireType type, std::string* out) {
  AppendVarint(static_cast<uint64_t>(field) << 3 | static_cast<uint64_t>(type), out);
}
/// Tag and length of a field whose bytes follow.
inline void AppendHead(uint32_t field, size_t size, std::string* out) {
  AppendTag(field, WireType::length, out);
  AppendVarint(size, out);
}

/// Appends an unsigned integer, an embedded message or a text as a field; for the small rest of a request.
void AppendUintField(uint32_t field, uint64_t value, std::string* out);
void AppendBytesField(uint32_t field, std::string_view value, std::string* out);

/// A nested message that is being written and whose length is not known yet.
struct OpenMessage {
  size_t begin = 0;  ///< where its content begins
  size_t room = 0;   ///< bytes kept for its length before that
};
/// Appends the tag and room for the length of a content of about `expected` bytes. A good guess saves moving the content.
OpenMessage BeginMessage(uint32_t field, size_t expected, std::string* out);
/// Writes the length, now that it is known to be `size`; where the room is not enough, what there is of the content moves.
void SetLength(const OpenMessage& message, size_t size, std::string* out);
/// The same, where the content ends at the end of `out`.
inline void EndMessage(const OpenMessage& message, std::string* out) { SetLength(message, out->size() - message.begin, out); }

}  // namespace vecferry
