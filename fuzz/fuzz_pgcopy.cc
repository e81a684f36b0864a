// The server's binary COPY stream, cut anywhere, and every decoder of its values.
#include <cstdint>
#include <string_view>
#include <vector>

#include "connectors/postgresql/codec.h"

using namespace vecferry;
using namespace vecferry::postgresql;

namespace {

void DecodeAll(std::string_view bytes) {
  static constexpr Kind kKinds[] = {Kind::bit, Kind::boolean, Kind::int2, Kind::int4, Kind::int8, Kind::float4, Kind::float8, Kind::numeric, Kind::text, Kind::uuid, Kind::json, Kind::jsonb,
                                    Kind::bytea, Kind::date, Kind::time, Kind::timetz, Kind::timestamp, Kind::timestamptz, Kind::interval};
  JsonReader json;
  for (const Kind kind : kKinds) {
    for (const bool array : {false, true}) {
      Type type;
      type.kind = kind;
      type.array = array;
      std::string value, text;
      JsonWriter writer(&value);
      (void)DecodeValue(type, bytes, json, writer);
      (void)DecodeText(type, bytes, &text);
    }
  }
  std::vector<uint8_t> out(1 << 16);
  for (const auto& [kind, array] : {std::pair{Kind::vector, false}, {Kind::halfvec, false}, {Kind::bit, false}, {Kind::float4, true}, {Kind::float8, true}}) {
    Type type;
    type.kind = kind;
    type.array = array;
    const int64_t dims = DimensionOf(type, bytes);
    bool exact = true;
    if (dims >= 0 && dims <= 16000) (void)DecodeDense(type, bytes, static_cast<int32_t>(dims), out.data(), &exact);
  }
  SparseBuffer sparse;
  (void)DecodeSparse(bytes, &sparse);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  const size_t piece = 1 + data[0] * 4, fields = 1 + data[1] % 8;
  const std::string_view stream(reinterpret_cast<const char*>(data) + 2, size - 2);
  CopyParser parser(fields);
  for (size_t at = 0; at < stream.size(); at += piece) {
    parser.Feed(stream.substr(at, piece));
    while (true) {
      const auto row = parser.Next();
      if (!row.ok()) return 0;
      if (!*row) break;
      for (const Field& field : **row) DecodeAll(field.bytes());
    }
  }
  return 0;
}
