#pragma once
#include <bit>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

/// The binary COPY format (documentation of COPY, "Binary Format"): a header of 19 bytes; for each row an i16 count of fields and each field as
/// an i32 length, -1 for NULL, and so many bytes; an i16 -1 at the end. All in network byte order.
namespace vecferry::postgresql {

inline constexpr std::string_view kCopySignature{"PGCOPY\n\xff\r\n\0", 11};

template <typename T>
T FromBig(const void* bytes) {
  T value;
  std::memcpy(&value, bytes, sizeof value);
  if constexpr (sizeof(T) == 2) return static_cast<T>(__builtin_bswap16(static_cast<uint16_t>(value)));
  if constexpr (sizeof(T) == 4) return static_cast<T>(__builtin_bswap32(static_cast<uint32_t>(value)));
  if constexpr (sizeof(T) == 8) return static_cast<T>(__builtin_bswap64(static_cast<uint64_t>(value)));
  return value;
}

template <typename T>
void AppendBig(T value, std::string* out) {
  const T swapped = FromBig<T>(&value);
  out->append(reinterpret_cast<const char*>(&swapped), sizeof swapped);
}

/// Elements of 4 or 2 bytes turned around: network order to the machine's and back. `in` and `out` need not be aligned, and may be the same.
void Swap32(const void* in, void* out, size_t n);
void Swap16(const void* in, void* out, size_t n);

/// A field of a row: bytes, or nothing for NULL.
struct Field {
  const char* data = nullptr;
  int32_t size = -1;

  bool null() const { return size < 0; }
  std::string_view bytes() const { return {data, static_cast<size_t>(size < 0 ? 0 : size)}; }
};

/// Takes a binary copy out apart, however its stream was cut into messages. Category::corrupt for what is no such stream.
class CopyParser {
 public:
  explicit CopyParser(size_t fields) : fields_(fields) {}
  /// Adds a message; the rows in it are then taken with Next. `message` lives until the next Feed.
  void Feed(std::string_view message);
  /// The next whole row, nothing where more has to be fed or the end came. Views live until the next Feed.
  Result<const std::vector<Field>*> Next();
  /// Whether the trailer was seen.
  bool ended() const { return ended_; }
  /// Whether a row is there in parts.
  bool partial() const { return !rest_.empty(); }

 private:
  size_t fields_;
  std::vector<Field> row_;
  std::string carry_;          ///< what a message left over, with what followed
  std::string_view rest_;
  bool header_ = true, ended_ = false;
};

/// The header of a stream, appended.
void AppendCopyHeader(std::string* out);
/// The trailer.
void AppendCopyTrailer(std::string* out);
inline void AppendRowBegin(int16_t fields, std::string* out) { AppendBig(fields, out); }
inline void AppendNull(std::string* out) { AppendBig<int32_t>(-1, out); }
/// A field of those bytes.
inline void AppendField(std::string_view bytes, std::string* out) {
  AppendBig(static_cast<int32_t>(bytes.size()), out);
  out->append(bytes);
}

}  // namespace vecferry::postgresql
