#include "connectors/qdrant/wire.h"

#include "connectors/qdrant/points.h"

namespace vecferry::qdrant {

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

void AppendPointId(uint32_t field, const PointId& id, std::string* out) {
  if (id.is_uuid) {
    AppendHead(field, LengthFieldSize(id.uuid.size()), out);
    return AppendBytesField(2, id.uuid, out);
  }
  AppendHead(field, 1 + VarintSize(id.number), out);
  AppendUintField(1, id.number, out);
}

void AppendUintField(uint32_t field, uint64_t value, std::string* out) {
  AppendTag(field, WireType::varint, out);
  AppendVarint(value, out);
}

void AppendBytesField(uint32_t field, std::string_view value, std::string* out) {
  AppendHead(field, value.size(), out);
  out->append(value);
}

}  // namespace vecferry::qdrant
