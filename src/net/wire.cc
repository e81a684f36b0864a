#include "net/wire.h"

namespace vecferry {

OpenMessage BeginMessage(uint32_t field, size_t expected, std::string* out) {
  AppendTag(field, WireType::length, out);
  const size_t room = VarintSize(expected);
  out->append(room, '\0');
  return {out->size(), room};
}

void SetLength(const OpenMessage& message, size_t size, std::string* out) {
  char length[10];
  size_t n = 0;
  for (; size >= 0x80; size >>= 7) length[n++] = static_cast<char>(size | 0x80);
  length[n++] = static_cast<char>(size);
  out->replace(message.begin - message.room, message.room, length, n);
}

void AppendUintField(uint32_t field, uint64_t value, std::string* out) {
  AppendTag(field, WireType::varint, out);
  AppendVarint(value, out);
}

void AppendBytesField(uint32_t field, std::string_view value, std::string* out) {
  AppendHead(field, value.size(), out);
  out->append(value);
}

}  // namespace vecferry
