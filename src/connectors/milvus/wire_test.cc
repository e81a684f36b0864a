#include <gtest/gtest.h>

#include <cstring>
#include <limits>

#include "connectors/milvus/columns.h"
#include "connectors/milvus/errors.h"
#include "connectors/milvus/query.h"
#include "connectors/milvus/row_decoder.h"
#include "connectors/milvus/target.h"
#include "net/wire.h"

namespace vecferry::milvus {
namespace {

Category CategoryOf(int code, int legacy, Act act, bool retriable = false) {
  StoreStatus status;
  status.code = code, status.legacy = legacy, status.retriable = retriable;
  return FactsOf(Classify(status, act, "asking")).category;
}

TEST(Errors, AreOfTheirCodeAndOfTheOlderOneWhereThereIsNoOther) {
  EXPECT_TRUE(Classify(StoreStatus(), Act::read, "asking").ok());
  EXPECT_EQ(CategoryOf(8, 0, Act::write), Category::transient);
  EXPECT_EQ(CategoryOf(0, 49, Act::write), Category::transient);
  EXPECT_EQ(CategoryOf(100, 4, Act::read), Category::not_found);
  EXPECT_EQ(CategoryOf(0, 4, Act::read), Category::not_found);
  EXPECT_EQ(CategoryOf(1100, 5, Act::write), Category::bad_content);
  EXPECT_EQ(CategoryOf(1100, 5, Act::manage), Category::refused);
  EXPECT_EQ(CategoryOf(5, 0, Act::write), Category::transient);
  EXPECT_EQ(CategoryOf(5, 0, Act::write_odd), Category::bad_content);
  EXPECT_EQ(CategoryOf(1, 0, Act::write_odd), Category::transient);
  EXPECT_EQ(CategoryOf(1102, 0, Act::write), Category::too_large);
  EXPECT_EQ(CategoryOf(1400, 0, Act::look), Category::unauthorized);
  EXPECT_EQ(CategoryOf(700, 25, Act::manage), Category::refused);
  EXPECT_EQ(CategoryOf(7, 54, Act::write), Category::no_space);
  EXPECT_EQ(CategoryOf(65535, 49, Act::write), Category::transient);
  EXPECT_EQ(CategoryOf(4711, 0, Act::read, true), Category::transient);
  EXPECT_EQ(CategoryOf(4711, 0, Act::read), Category::refused);
}

TEST(Errors, OfGrpcTellARateFromASize) {
  GrpcReply reply;
  reply.code = grpc_code::kResourceExhausted;
  EXPECT_EQ(FactsOf(Classify(reply, Act::write, "writing")).category, Category::too_large);
  reply.retry_after = std::chrono::seconds(3);
  const ErrorFacts facts = FactsOf(Classify(reply, Act::write, "writing"));
  EXPECT_EQ(facts.category, Category::transient);
  EXPECT_EQ(facts.retry_after, std::chrono::milliseconds(3000));
  EXPECT_EQ(facts.delivery, Delivery::not_applied);
  reply.code = grpc_code::kUnauthenticated;
  EXPECT_EQ(FactsOf(Classify(reply, Act::write, "writing")).category, Category::unauthorized);
}

TEST(Expressions, NeverHoldTheSmallestInteger) {
  const int64_t least = std::numeric_limits<int64_t>::min();
  EXPECT_EQ(RangeExpr("id", Key::Of(least), std::nullopt), "id >= -9223372036854775807");
  EXPECT_EQ(RangeExpr("id", std::nullopt, Key::Of(least)), "id < -9223372036854775807");
  EXPECT_EQ(RangeExpr("id", Key::Of(-5), Key::Of(7)), "id > -5 and id <= 7");
  EXPECT_EQ(InExpr("id", {Key::Of(least)}), "id < -9223372036854775807");
  EXPECT_EQ(InExpr("id", {Key::Of(1), Key::Of(least)}), "(id in [1] or id < -9223372036854775807)");
  EXPECT_EQ(InExpr("id", {Key::Of(1), Key::Of(-2)}), "id in [1,-2]");
}

TEST(Expressions, EscapeTexts) {
  std::string out;
  AppendLiteral("a\"b\\c\nd\r\x01ü", &out);
  EXPECT_EQ(out, "\"a\\\"b\\\\c\\nd\\r\x01ü\"");
}

TEST(Keys, AreOrderedAsServersOrderThem) {
  EXPECT_LT(Key::Of(-3), Key::Of(2));
  EXPECT_LT(Key::Of("A"), Key::Of("a"));
  EXPECT_LT(Key::Of("z"), Key::Of("\xc3\xbc"));
  EXPECT_FALSE(ParseKey(true, "12x").ok());
}

TEST(Schemas, ComeBackAsTheyWent) {
  CollectionSchema schema;
  schema.name = "docs";
  schema.dynamic = true;
  Field key;
  key.name = "id", key.key = true, key.type = DataType::varchar, key.params = {{"max_length", "64"}}, key.description = "vecferry: ids=uuid";
  Field vector;
  vector.name = "v", vector.type = DataType::bfloat16_vector, vector.params = {{"dim", "8"}}, vector.nullable = true;
  schema.fields = {key, vector};
  const auto back = ParseSchema(Encode(schema));
  ASSERT_TRUE(back.ok()) << back.status();
  ASSERT_EQ(back->fields.size(), 2u);
  EXPECT_TRUE(back->dynamic);
  EXPECT_EQ(back->fields[0].max_length(), 64);
  EXPECT_EQ(back->fields[1].dim(), 8);
  EXPECT_TRUE(back->fields[1].nullable);
  EXPECT_FALSE(ParseSchema("\x0a\xff").ok());
}

TEST(Names, AreThoseOfFields) {
  EXPECT_EQ(FieldNameFor("with space & \"quote\"", {}), "with_space____quote_");
  EXPECT_EQ(FieldNameFor("1st", {"_1st"}), "_1st_2");
  EXPECT_TRUE(CheckCollectionName("_docs1").ok());
  for (const char* bad : {"", "1docs", "a-b", "a b", "\xc3\xbc"}) EXPECT_FALSE(CheckCollectionName(bad).ok()) << bad;
}

std::string Target(std::string path, std::map<std::string, std::string> options = {}) {
  Location location;
  location.scheme = kScheme;
  location.path = std::move(path);
  location.options = std::move(options);
  const auto target = ParseTarget(location);
  if (!target.ok()) return "refused";
  return target->service.endpoint.Display() + (target->service.endpoint.tls ? " tls " : " ") + target->token;
}

TEST(Targets, AreUnderstoodAsTheyAreWritten) {
  EXPECT_EQ(Target("//localhost"), "localhost:19530 ");
  EXPECT_EQ(Target("//root:pass@h:1"), "h:1 root:pass");
  EXPECT_EQ(Target("//in03-abc.api.gcp-us-west1.zillizcloud.com", {{"api-key", "k"}}), "in03-abc.api.gcp-us-west1.zillizcloud.com:443 tls k");
  EXPECT_EQ(Target("//h", {{"tls", "true"}}), "h:19530 tls ");
  EXPECT_EQ(Target("//h", {{"database", "a b"}}), "refused");
}

// ---- Columns

Shape TypedShape() {
  static const Layout layout;
  Collection collection;
  const auto add = [&](const char* name, DataType type, Pairs params = {}) {
    Field field;
    field.name = name, field.type = type, field.params = std::move(params), field.nullable = true;
    collection.schema.fields.push_back(field);
    return &collection.schema.fields.back();
  };
  Field* key = add("id", DataType::int64);
  key->key = true, key->nullable = false;
  add("n", DataType::int8);
  add("f", DataType::real32);
  add("s", DataType::varchar, {{"max_length", "4"}});
  add("tags", DataType::array, {{"max_capacity", "2"}})->element = DataType::varchar;
  add("vector", DataType::float_vector, {{"dim", "2"}});
  collection.schema.dynamic = true;
  Wishes wishes;
  wishes.layout = &layout;
  return ShapeOf(collection, {}, wishes).ValueOrDie();
}

/// The metadata of a record as it comes back, or the code of its reject.
std::string ThereAndBack(const std::string& metadata, bool vector = true) {
  static const Layout layout;
  static const Shape shape = TypedShape();
  BatchBuilder builder(shape.schema);
  builder.Id("-7");
  builder.Metadata(metadata);
  const float floats[2] = {1, 2};
  if (vector) builder.Vector(0, {reinterpret_cast<const char*>(floats), sizeof(floats)});
  builder.EndRow();
  RowEncoder encoder(shape, layout);
  encoder.Begin();
  if (const auto reject = encoder.Append(*builder.Finish(), 0)) return reject->code;
  const std::string request = encoder.Finish("", "");
  std::string answer;
  WireReader reader(request);
  WireField field;
  while (reader.Next(&field)) {
    if (field.is(5, WireType::length)) AppendBytesField(2, field.bytes, &answer);
  }
  RowDecoder decoder(shape, layout);
  const Status opened = decoder.Open(answer);
  if (!opened.ok()) return opened.ToString();
  RowFacts facts;
  BatchBuilder back(shape.schema);
  if (const Fault fault = decoder.Append(0, {}, back, &facts)) return fault.code;
  const RecordView view = *back.Finish();
  EXPECT_EQ(view.id(0), "-7");
  EXPECT_EQ(view.vectors()[0].IsNull(0), !vector);
  return std::string(*view.metadata(0));
}

TEST(Columns, KeepEveryValueInItsField) {
  EXPECT_EQ(ThereAndBack(R"({"n":-8,"f":0.5,"s":"abcd","tags":["x","y"]})"), R"({"n":-8,"f":0.5,"s":"abcd","tags":["x","y"]})");
  EXPECT_EQ(ThereAndBack("{}"), "{}");
  EXPECT_EQ(ThereAndBack("{}", false), "{}");
  EXPECT_EQ(ThereAndBack(R"({"tags":[]})"), R"({"tags":[]})");
}

TEST(Columns, KeepKeysThatAreFieldsOfOthers) {
  for (const char* metadata : {R"({"id":"mine","vector":1})", R"({"\\id":1,"\\\\vector":2})", R"({"n":null})", R"({"$meta":1,"a.b":{"n":1}})"}) {
    EXPECT_EQ(ThereAndBack(metadata), metadata);
  }
}

TEST(Columns, RefuseWhatAFieldCannotTake) {
  EXPECT_EQ(ThereAndBack(R"({"n":200})"), "field-type");
  EXPECT_EQ(ThereAndBack(R"({"n":1.0})"), "field-type");
  EXPECT_EQ(ThereAndBack(R"({"f":0.1})"), "field-type");
  EXPECT_EQ(ThereAndBack(R"({"s":"abcde"})"), "text-too-long");
  EXPECT_EQ(ThereAndBack(R"({"s":{"a":1}})"), "field-type");
  EXPECT_EQ(ThereAndBack(R"({"tags":["a","b","c"]})"), "array-too-long");
  EXPECT_EQ(ThereAndBack(R"({"tags":[["a"]]})"), "field-type");
  EXPECT_EQ(ThereAndBack(R"({"tags":[null]})"), "field-type");
}

TEST(Columns, AFieldThatIsThereTwiceIsOneUnlessItDiffers) {
  const auto column = [](std::string_view text) {
    std::string texts, scalars, out, answer;
    AppendBytesField(1, text, &texts);
    AppendBytesField(6, texts, &scalars);
    AppendUintField(1, 21, &out);
    AppendBytesField(2, "s", &out);
    AppendBytesField(3, scalars, &out);
    AppendBytesField(2, out, &answer);
    return answer;
  };
  Rows rows;
  ASSERT_TRUE(rows.Open(column("a") + column("a")).ok());
  EXPECT_EQ(rows.columns().size(), 1u);
  EXPECT_TRUE(IsCategory(rows.Open(column("a") + column("b")), Category::corrupt));
}

TEST(Columns, ReadNullsThatTakeAPlaceAndSuchAsTakeNone) {
  for (const bool compact : {false, true}) {
    std::string texts, scalars, column;
    AppendBytesField(1, "a", &texts);
    if (!compact) AppendBytesField(1, "", &texts);
    AppendBytesField(1, "c", &texts);
    AppendBytesField(6, texts, &scalars);
    AppendUintField(1, 21, &column);
    AppendBytesField(2, "s", &column);
    AppendBytesField(3, scalars, &column);
    AppendBytesField(7, std::string("\1\0\1", 3), &column);
    ColumnData data;
    ASSERT_TRUE(data.Parse(column).ok());
    ASSERT_EQ(data.rows(), 3);
    EXPECT_TRUE(data.IsNull(1));
    EXPECT_EQ(data.Bytes(2), "c");
  }
}

}  // namespace
}  // namespace vecferry::milvus
