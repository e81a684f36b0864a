#include <cstring>
#include <string>
#include <string_view>

#include "connectors/milvus/columns.h"
#include "connectors/milvus/query.h"
#include "connectors/milvus/row_decoder.h"
#include "net/wire.h"
#include "record/batch.h"

/// A server's answer to a query, its schema and its status. What is a record is encoded and decoded again and must be the same record; so
/// must the row that a before-image of it gives.
namespace {

using namespace vecferry;
using namespace vecferry::milvus;

Field Make(const char* name, DataType type, Pairs params = {}) {
  Field field;
  field.name = name;
  field.type = type;
  field.params = std::move(params);
  field.nullable = true;
  return field;
}

const Layout& TheLayout() {
  static const Layout layout = [] {
    Layout made;
    made.name = "default";
    return made;
  }();
  return layout;
}

const Shape& TheShape() {
  static const Shape shape = [] {
    Collection collection;
    Field key = Make("id", DataType::varchar);
    key.key = true, key.nullable = false;
    Field tags = Make("tags", DataType::array);
    tags.element = DataType::int64;
    collection.schema.fields = {key, Make("document", DataType::varchar), Make("n", DataType::int64), Make("f", DataType::real32), Make("b", DataType::boolean), Make("j", DataType::json),
                                tags, Make("at", DataType::timestamptz), Make("vector", DataType::float_vector, {{"dim", "2"}}), Make("bits", DataType::binary_vector, {{"dim", "16"}}),
                                Make("s", DataType::sparse_vector)};
    collection.schema.dynamic = true;
    Wishes wishes;
    wishes.layout = &TheLayout();
    return ShapeOf(collection, {}, wishes).ValueOrDie();
  }();
  return shape;
}

std::string Shown(const RecordView& view, int64_t row) {
  std::string text = std::string(view.id(row)) + "|" + std::string(view.document(row).value_or("-")) + "|";
  JsonReader json;
  if (!json.AppendCanonical(view.metadata(row).value_or("{}"), &text).ok()) text += *view.metadata(row);
  for (const auto& column : view.vectors()) {
    text += '|';
    if (column.IsNull(row)) continue;
    text += '=';
    if (column.spec.kind == VectorKind::dense) text += column.Dense(row);
    for (int32_t at = column.spec.kind == VectorKind::sparse ? column.offsets[row] : 0; column.spec.kind == VectorKind::sparse && at < column.offsets[row + 1]; ++at) {
      char bits[4];
      std::memcpy(bits, column.values + at, 4);
      text += std::to_string(column.indices[at]) + ":" + std::string(bits, 4) + ",";
    }
  }
  return text;
}

/// The columns of an upsert as an answer has them: field 5 there, field 2 here.
std::string Answered(std::string_view upsert) {
  std::string out;
  WireReader reader(upsert);
  WireField field;
  while (reader.Next(&field)) {
    if (field.is(5, WireType::length)) AppendBytesField(2, field.bytes, &out);
  }
  if (!reader.ok()) __builtin_trap();
  return out;
}

RecordView Decoded(std::string_view answer) {
  RowDecoder decoder(TheShape(), TheLayout());
  if (!decoder.Open(answer).ok()) __builtin_trap();
  BatchBuilder builder(TheShape().schema);
  RowFacts facts;
  for (int64_t row = 0; row < decoder.rows(); ++row) {
    if (decoder.Append(row, {}, builder, &facts)) __builtin_trap();
  }
  return builder.Finish().ValueOrDie();
}

void CheckRow(RowDecoder& decoder, int64_t row) {
  BatchBuilder builder(TheShape().schema);
  RowFacts facts;
  if (decoder.Append(row, {}, builder, &facts)) return;
  const RecordView view = builder.Finish().ValueOrDie();
  const std::string wanted = Shown(view, 0);
  RowEncoder encoder(TheShape(), TheLayout());
  encoder.Begin();
  // A value that only another writer puts there, a text for a time say, is a reject of ours.
  if (!encoder.Append(view, 0)) {
    const RecordView again = Decoded(Answered(encoder.Finish("", "")));
    if (again.rows() != 1 || Shown(again, 0) != wanted) __builtin_trap();
  }
  const std::string image = ImageOf(decoder.columns(), row);
  const auto request = RequestOf("", "", TheShape(), {image});
  if (!request.ok()) __builtin_trap();
  const RecordView restored = Decoded(Answered(*request));
  if (restored.rows() != 1 || Shown(restored, 0) != wanted) __builtin_trap();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  (void)ParseStatus(bytes);
  (void)ParseSchema(bytes);
  (void)ParseCount(bytes);
  (void)ParseSetting(std::string(bytes));
  RowDecoder decoder(TheShape(), TheLayout());
  if (!decoder.Open(bytes).ok()) return 0;
  for (int64_t row = 0; row < std::min<int64_t>(decoder.rows(), 50); ++row) CheckRow(decoder, row);
  return 0;
}
