#pragma once
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "base/text.h"
#include "connectors/qdrant/points.h"
#include "net/wire.h"

/// What the tests of points share: records of every kind, and points as a server gives them back.
namespace vecferry::qdrant {

inline Layout DefaultLayout() {
  Layout layout;
  layout.name = "default";
  return layout;
}

inline std::string_view Bytes(const std::vector<float>& floats) {
  return {reinterpret_cast<const char*>(floats.data()), floats.size() * sizeof(float)};
}

/// "0a 02 | 08" as bytes.
inline std::string Unhex(std::string_view hex) {
  std::string bytes, digits;
  for (const char c : hex) {
    if (IsValidUtf8({&c, 1}) && std::isxdigit(static_cast<unsigned char>(c))) digits += c;
  }
  for (size_t i = 0; i + 1 < digits.size(); i += 2) bytes += static_cast<char>(std::stoi(digits.substr(i, 2), nullptr, 16));
  return bytes;
}

inline std::string Message(uint32_t field, std::string_view content) {
  std::string out;
  AppendBytesField(field, content, &out);
  return out;
}

/// The points of an UpsertPoints message, taken out of it.
inline std::vector<std::string_view> PointsOf(std::string_view upsert) {
  std::vector<std::string_view> points;
  WireReader reader(upsert);
  WireField field;
  while (reader.Next(&field)) {
    EXPECT_TRUE(field.is(3, WireType::length));
    points.push_back(field.bytes);
  }
  EXPECT_TRUE(reader.ok());
  return points;
}

/// A PointStruct as the RetrievedPoint that a server answers with.
inline std::string Retrieved(std::string_view point) {
  std::string out;
  WireReader reader(point);
  WireField field;
  while (reader.Next(&field)) AppendBytesField(field.number == 3 ? 2 : field.number, field.bytes, &out);
  EXPECT_TRUE(reader.ok());
  return out;
}

/// One row as text: everything that a record is.
inline std::string Shown(const RecordView& view, int64_t row) {
  std::string text = std::string(view.id(row)) + "|" + std::string(view.tenant(row).value_or("-")) + "|" +
                     std::string(view.document(row).value_or("-")) + "|";
  JsonReader json;
  EXPECT_TRUE(json.AppendCanonical(view.metadata(row).value_or("{}"), &text).ok());
  for (const auto& column : view.vectors()) {
    text += "|" + column.spec.column() + "=";
    if (column.IsNull(row)) {
      text += "null";
    } else if (column.spec.kind == VectorKind::dense) {
      text += ToHex(column.Dense(row));
    } else {
      const int32_t begin = column.offsets[row], end = column.offsets[row + 1];
      for (int32_t i = begin; i < end; ++i) {
        if (column.spec.kind == VectorKind::sparse) text += std::to_string(column.indices[i]) + ":" + std::to_string(column.values[i]) + ",";
        else text += ToHex({reinterpret_cast<const char*>(column.data) + i * column.width, static_cast<size_t>(column.width)}) + ",";
      }
    }
  }
  return text;
}

/// A schema with one vector of every kind, under names.
inline RecordSchema EveryKind() {
  RecordSchema schema;
  schema.id_kind = IdKind::mixed;
  schema.has_document = schema.has_tenant = true;
  schema.vectors = {{.name = "", .dims = 2, .metric = Metric::dot},
                    {.name = "half", .element = Element::f16, .dims = 2, .metric = Metric::l2},
                    {.name = "small", .element = Element::u8, .dims = 3, .metric = Metric::dot},
                    {.name = "m\xc3\xbc", .kind = VectorKind::multi, .dims = 2, .metric = Metric::dot},
                    {.name = "s", .kind = VectorKind::sparse}};
  return schema;
}

struct Row {
  std::string id;
  std::optional<std::string> tenant, document;
  std::string metadata = "{}";
  std::vector<float> plain, multi;
  std::vector<uint16_t> half;
  std::string small;
  std::optional<std::vector<std::pair<uint32_t, float>>> sparse;
};

/// Of EveryKind(); what is empty is null.
inline RecordView Make(const std::vector<Row>& rows) {
  BatchBuilder builder(EveryKind());
  for (const Row& row : rows) {
    builder.Id(row.id);
    if (row.tenant) builder.Tenant(*row.tenant);
    if (row.document) builder.Document(*row.document);
    builder.Metadata(row.metadata);
    if (!row.plain.empty()) builder.Vector(0, Bytes(row.plain));
    if (!row.half.empty()) builder.Vector(1, {reinterpret_cast<const char*>(row.half.data()), row.half.size() * 2});
    if (!row.small.empty()) builder.Vector(2, row.small);
    if (!row.multi.empty()) builder.Multi(3, Bytes(row.multi), row.multi.size() / 2);
    if (row.sparse) {
      std::vector<uint32_t> indices;
      std::vector<float> values;
      for (const auto& [index, value] : *row.sparse) indices.push_back(index), values.push_back(value);
      builder.Sparse(4, indices.data(), values.data(), indices.size());
    }
    builder.EndRow();
  }
  return builder.Finish().ValueOrDie();
}

/// Records with every value and vector that a server holds.
inline std::vector<Row> EveryRow() {
  const std::string uuid = "0f8fad5b-d9cb-469f-a165-70867728950e";
  return {
      {.id = "0", .metadata = R"({"n":null,"t":true,"f":false,"i":-1,"big":9223372036854775807,"low":-9223372036854775808})", .plain = {1.5f, -2.0f}},
      {.id = "18446744073709551615", .tenant = "acme", .document = "a text", .metadata = R"({"d":1.0,"zero":-0.0,"tiny":5e-324,"huge":1e300,"e":""})",
       .plain = {0.0f, -0.0f}, .multi = {1, 2, 3, 4, 5, 6}, .half = {0x3C00, 0xC000}, .small = std::string("\x00\x7f\xff", 3), .sparse = {{{1, 0.5f}, {4294967295u, -1.0f}}}},
      {.id = uuid, .document = "", .metadata = R"({"":1,"a.b":{"o":{},"l":[],"deep":[[1,"two",{"three":[3.5,null]}]]},"\u0000k":"v\u0000w","ü":"☃😀"})",
       .half = {0x7BFF, 0x0001}},
      {.id = "a mapped id", .tenant = "t", .metadata = R"({"_id":"mine","document":"also mine","tenant":7,"\\tenant":1})", .small = "abc"},
      {.id = "7", .metadata = R"({"nothing":"but payload"})"},
      {.id = "8", .multi = {7, 8}, .sparse = {{}}},
  };
}

}  // namespace vecferry::qdrant
