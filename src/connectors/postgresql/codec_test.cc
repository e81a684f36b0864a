#include "connectors/postgresql/codec.h"

#include <cmath>
#include <limits>
#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/text.h"
#include "connectors/postgresql/datetime.h"

namespace vecferry::postgresql {
namespace {

std::string Bytes(std::string_view hex) {
  std::string out;
  std::string digits;
  for (const char c : hex) {
    if (c == ' ' || c == '|') continue;
    digits += c;
    if (digits.size() < 2) continue;
    out += static_cast<char>(std::stoi(digits, nullptr, 16));
    digits.clear();
  }
  return out;
}

Type Of(Kind kind, bool array = false) {
  Type type;
  type.kind = kind;
  type.array = array;
  type.element_oid = 25;
  return type;
}

std::string Json(const Type& type, std::string_view bytes) {
  std::string out;
  JsonWriter writer(&out);
  JsonReader reader;
  const Status status = DecodeValue(type, bytes, reader, writer);
  return status.ok() ? out : status.message();
}

/// The bytes of a field without its length.
std::string Body(const std::string& field) { return field.size() < 4 ? "" : field.substr(4); }

std::string Encoded(const Type& type, std::string_view json) {
  std::string out;
  ValueEncoder encoder(type, &out);
  Status status = JsonReader().Visit(json, encoder);
  if (status.ok()) status = encoder.End();
  return status.ok() ? out : FactsOf(status).code;
}

/// A row of pgvector 0.8.5's own, and one of NULLs (docs/formats/postgresql.md).
const std::string kStream = Bytes(
    "5047434f50590aff0d0a00 00000000 00000000"
    "0007 00000004 00000001 00000010 0003 0000 3f800000 c0200000 37fba882 0000000a 0003 0000 3c00 c100 7bff "
    "0000001c 00000005 00000002 00000000 00000000 00000004 3fc00000 c0000000 00000006 0000000a a0c0 0000000c 0002 0000 3f800000 40000000 00000005 00000003 a0"
    "0007 ffffffff ffffffff ffffffff ffffffff ffffffff ffffffff ffffffff ffff");

TEST(CopyParser, TakesARowApart) {
  CopyParser parser(7);
  parser.Feed(kStream);
  const auto* row = parser.Next().ValueOrDie();
  ASSERT_NE(row, nullptr);
  EXPECT_EQ(Json(Of(Kind::int4), (*row)[0].bytes()), "1");
  float vector[3];
  ASSERT_TRUE(DecodeDense(Of(Kind::vector), (*row)[1].bytes(), 3, reinterpret_cast<uint8_t*>(vector), nullptr).ok());
  EXPECT_THAT(vector, testing::ElementsAre(1.0f, -2.5f, 3e-5f));
  uint16_t half[3];
  ASSERT_TRUE(DecodeDense(Of(Kind::halfvec), (*row)[2].bytes(), 3, reinterpret_cast<uint8_t*>(half), nullptr).ok());
  EXPECT_THAT(half, testing::ElementsAre(0x3c00, 0xc100, 0x7bff));
  SparseBuffer sparse;
  ASSERT_TRUE(DecodeSparse((*row)[3].bytes(), &sparse).ok());
  EXPECT_THAT(sparse.indices, testing::ElementsAre(0u, 4u));
  EXPECT_THAT(sparse.values, testing::ElementsAre(1.5f, -2.0f));
  uint8_t bits[2];
  ASSERT_TRUE(DecodeDense(Of(Kind::bit), (*row)[4].bytes(), 10, bits, nullptr).ok());
  EXPECT_THAT(bits, testing::ElementsAre(0xa0, 0xc0));
  std::string text;
  ASSERT_TRUE(DecodeText(Of(Kind::bit), (*row)[6].bytes(), &text).ok());
  EXPECT_EQ(text, "101");
  row = parser.Next().ValueOrDie();
  ASSERT_NE(row, nullptr);
  EXPECT_TRUE(std::all_of(row->begin(), row->end(), [](const Field& field) { return field.null(); }));
  EXPECT_EQ(parser.Next().ValueOrDie(), nullptr);
  EXPECT_TRUE(parser.ended());
}

TEST(CopyParser, DoesNotMindHowTheStreamIsCut) {
  for (size_t piece : {1u, 2u, 3u, 7u, 50u}) {
    CopyParser parser(7);
    int rows = 0;
    for (size_t at = 0; at < kStream.size(); at += piece) {
      parser.Feed(std::string_view(kStream).substr(at, piece));
      while (true) {
        const auto row = parser.Next();
        ASSERT_TRUE(row.ok()) << row.status().ToString();
        if (!*row) break;
        ++rows;
      }
    }
    EXPECT_EQ(rows, 2) << piece;
    EXPECT_TRUE(parser.ended()) << piece;
  }
}

TEST(CopyParser, RefusesWhatIsNone) {
  const auto refused = [](std::string stream, size_t fields = 1) {
    CopyParser parser(fields);
    parser.Feed(stream);
    const auto row = parser.Next();
    return !row.ok() && IsCategory(row.status(), Category::corrupt);
  };
  const std::string header = kStream.substr(0, 19);
  EXPECT_TRUE(refused("PGCOPX"));
  EXPECT_TRUE(refused(header + Bytes("0002 00000000 00000000")));
  EXPECT_TRUE(refused(header + Bytes("fffe")));
  EXPECT_TRUE(refused(header + Bytes("0001 fffffffe")));
  EXPECT_TRUE(refused(header + Bytes("0001 7fffffff")));
  EXPECT_TRUE(refused(header + Bytes("ffff 00")));
  EXPECT_TRUE(refused(kStream.substr(0, 11) + Bytes("00010000 00000000")));
}

TEST(Vectors, OfAnotherDimensionOrOddBytes) {
  uint8_t out[64];
  EXPECT_EQ(FactsOf(DecodeDense(Of(Kind::vector), Bytes("0002 0000 3f800000 40000000"), 3, out, nullptr)).code, "vector-dimension");
  EXPECT_TRUE(IsCategory(DecodeDense(Of(Kind::vector), Bytes("0003 0000 3f800000"), 3, out, nullptr), Category::corrupt));
  EXPECT_TRUE(IsCategory(DecodeDense(Of(Kind::vector), "", 3, out, nullptr), Category::corrupt));
  SparseBuffer sparse;
  EXPECT_FALSE(DecodeSparse(Bytes("00000005 00000002 00000000 00000004 00000000 3fc00000 c0000000"), &sparse).ok());
  EXPECT_FALSE(DecodeSparse(Bytes("00000005 00000001 00000000 00000005 3fc00000"), &sparse).ok());
  EXPECT_FALSE(DecodeSparse(Bytes("00000005 7fffffff 00000000"), &sparse).ok());
}

TEST(Vectors, BackAndForth) {
  const float values[] = {1.5f, -0.0f, 3e-38f};
  std::string field;
  AppendVectorField({reinterpret_cast<const char*>(values), sizeof values}, &field);
  float back[3];
  ASSERT_TRUE(DecodeDense(Of(Kind::vector), Body(field), 3, reinterpret_cast<uint8_t*>(back), nullptr).ok());
  EXPECT_EQ(std::memcmp(values, back, sizeof values), 0);
  const uint32_t indices[] = {7, 2, 5};
  const float weights[] = {1, 2, 0};
  field.clear();
  ASSERT_TRUE(AppendSparsevecField(indices, weights, 3, 8, &field).ok());
  SparseBuffer sparse;
  ASSERT_TRUE(DecodeSparse(Body(field), &sparse).ok());
  EXPECT_THAT(sparse.indices, testing::ElementsAre(2u, 7u));
  EXPECT_FALSE(AppendSparsevecField(indices, weights, 3, 7, &field).ok());
}

TEST(Vectors, OfFloatArrays) {
  bool exact = true;
  float out[2];
  const std::string doubles = Bytes("00000001 00000000 000002bd 00000002 00000001 00000008 3ff8000000000000 00000008 3fb999999999999a");
  ASSERT_TRUE(DecodeDense(Of(Kind::float8, true), doubles, 2, reinterpret_cast<uint8_t*>(out), &exact).ok());
  EXPECT_THAT(out, testing::ElementsAre(1.5f, 0.1f));
  EXPECT_FALSE(exact);
  const std::string with_null = Bytes("00000001 00000001 000002bc 00000002 00000001 00000004 3f800000 ffffffff");
  EXPECT_EQ(FactsOf(DecodeDense(Of(Kind::float4, true), with_null, 2, reinterpret_cast<uint8_t*>(out), nullptr)).code, "vector-null");
}

TEST(Values, AsJson) {
  EXPECT_EQ(Json(Of(Kind::boolean), Bytes("01")), "true");
  EXPECT_EQ(Json(Of(Kind::int8), Bytes("8000000000000000")), "-9223372036854775808");
  EXPECT_EQ(Json(Of(Kind::int2), Bytes("ffff")), "-1");
  EXPECT_EQ(Json(Of(Kind::float4), Bytes("3dcccccd")), "0.1");
  EXPECT_EQ(Json(Of(Kind::float8), Bytes("7ff8000000000000")), R"({"$vf":"f64","v":"NaN"})");
  EXPECT_EQ(Json(Of(Kind::bytea), Bytes("00ff")), R"({"$vf":"bytes","v":"AP8="})");
  EXPECT_EQ(Json(Of(Kind::jsonb), "\x01{\"a\": [1, 1.0, null]}"), R"({"a":[1,1.0,null]})");
  EXPECT_EQ(Json(Of(Kind::uuid), Bytes("00112233445566778899aabbccddeeff")), "\"00112233-4455-6677-8899-aabbccddeeff\"");
  EXPECT_EQ(Json(Of(Kind::int4, true), Bytes("00000002 00000001 00000017 00000002 00000001 00000002 00000001 00000004 00000001 ffffffff 00000004 00000003 00000004 00000004")),
            "[[1,null],[3,4]]");
  EXPECT_EQ(Json(Of(Kind::int4, true), Bytes("00000000 00000000 00000017")), "[]");
  // A user's own object that looks like a mark is an object; one of ours is what it says.
  EXPECT_EQ(Json(Of(Kind::json), R"({"$vf":"nonsense"})"), R"({"$vf":"object","v":{"$vf":"nonsense"}})");
  EXPECT_EQ(Json(Of(Kind::json), R"({"x":{"$vf":"decimal","v":"1.50"}})"), R"({"x":{"$vf":"decimal","v":"1.50"}})");
}

TEST(Values, OddBytesAreCorrupt) {
  std::string text;
  JsonReader reader;
  JsonWriter writer(&text);
  for (const auto& [kind, bytes] : {std::pair<Kind, std::string>{Kind::int4, "abc"}, {Kind::boolean, ""}, {Kind::jsonb, "{}"}, {Kind::uuid, "x"}, {Kind::numeric, "abcdefg"}, {Kind::bit, "ab"}}) {
    EXPECT_TRUE(IsCategory(DecodeValue(Of(kind), bytes, reader, writer), Category::corrupt)) << Name(kind);
    if (kind == Kind::jsonb) continue;
    EXPECT_TRUE(IsCategory(DecodeText(Of(kind), bytes, &text), Category::corrupt)) << Name(kind);
  }
  for (const char* array : {"00000007 00000000 00000017", "00000001 00000000 00000017 7fffffff 00000001", "00000001 00000000 00000017 00000001 00000001 00000008 00"}) {
    EXPECT_TRUE(IsCategory(DecodeValue(Of(Kind::int4, true), Bytes(array), reader, writer), Category::corrupt)) << array;
  }
  EXPECT_EQ(FactsOf(DecodeValue(Of(Kind::text), "\xff", reader, writer)).code, "invalid-utf8");
}

TEST(Values, ComeBackAsTheyWere) {
  const std::vector<std::pair<Type, std::string>> values = {
      {Of(Kind::boolean), "false"}, {Of(Kind::int2), "-32768"}, {Of(Kind::int4), "2147483647"}, {Of(Kind::int8), "9007199254740993"}, {Of(Kind::float4), "0.1"},
      {Of(Kind::float8), "1e-300"}, {Of(Kind::float8), R"({"$vf":"f64","v":"-Infinity"})"}, {Of(Kind::numeric), R"({"$vf":"decimal","v":"-12345678901234567890.00100"})"},
      {Of(Kind::numeric), R"({"$vf":"decimal","v":"NaN"})"}, {Of(Kind::text), R"("a\"ü")"}, {Of(Kind::date), R"({"$vf":"date","v":"0044-03-15 BC"})"},
      {Of(Kind::time), R"({"$vf":"time","v":"24:00:00"})"}, {Of(Kind::timetz), R"({"$vf":"time","v":"12:30:00.5-03:30"})"},
      {Of(Kind::timestamp), R"({"$vf":"datetime","v":"1969-12-31T23:59:59.999999"})"}, {Of(Kind::timestamptz), R"({"$vf":"datetime","v":"2026-02-28T12:00:00.25Z"})"},
      {Of(Kind::timestamptz), R"({"$vf":"datetime","v":"infinity"})"}, {Of(Kind::interval), R"("P1Y2M-3DT-4H-5M-6.7S")"}, {Of(Kind::interval), R"("PT0S")"},
      {Of(Kind::bytea), R"({"$vf":"bytes","v":"AAEC"})"}, {Of(Kind::uuid), R"("00112233-4455-6677-8899-aabbccddeeff")"}, {Of(Kind::jsonb), R"({"a":[{"b":null}],"c":1.0})"},
      {Of(Kind::json), R"([1,"x"])"}, {Of(Kind::text, true), R"(["a",null,""])"}, {Of(Kind::int4, true), "[[[1],[2]],[[3],[4]]]"}, {Of(Kind::text, true), "[]"},
      {Of(Kind::numeric, true), R"([{"$vf":"decimal","v":"0.10"}])"}};
  for (const auto& [type, json] : values) {
    const std::string field = Encoded(type, json);
    EXPECT_EQ(Json(type, Body(field)), json) << Name(type.kind);
    if (type.array || type.kind == Kind::json || type.kind == Kind::jsonb) continue;
    std::string text, again;
    ASSERT_TRUE(DecodeText(type, Body(field), &text).ok()) << json;
    ASSERT_TRUE(AppendTextField(type, text, &again).ok()) << json << text;
    EXPECT_EQ(again, field) << json;
  }
}

TEST(Values, TextsAreCountedInCharacters) {
  Type type = Of(Kind::text);
  type.typmod = 7;  // varchar(3)
  for (const auto& [text, fits] : {std::pair<std::string, bool>{"abc", true}, {"\u00fc\u65e5\U0001f600", true}, {"abcd", false}, {"abc ", false}, {"\u00fc\u65e5\U0001f600x", false}}) {
    std::string field;
    EXPECT_EQ(AppendTextField(type, text, &field).ok(), fits) << text;
  }
  type.base_oid = 1042;  // char(3)
  for (const auto& [text, fits] : {std::pair<std::string, bool>{"abc", true}, {"ab ", true}, {"\u00fc\u65e5\U0001f600", true}, {"ab", false}, {"", false}, {"\u00fc\u65e5", false}, {"abcd", false}}) {
    std::string field;
    EXPECT_EQ(AppendTextField(type, text, &field).ok(), fits) << text;
  }
}

TEST(Values, WhatDoesNotFitIsARecordsFault) {
  for (const auto& [type, json] : {std::pair<Type, std::string>{Of(Kind::int4), "1.0"}, {Of(Kind::int4), R"("1")"}, {Of(Kind::text), "1"}, {Of(Kind::float8), "1"}, {Of(Kind::uuid), "\"x\""},
                                   {Of(Kind::boolean), "[true]"}, {Of(Kind::int4, true), "[1,[2]]"}, {Of(Kind::int4, true), "1"}, {Of(Kind::int4, true), "[[1],[2,3]]"}, {Of(Kind::date), "{}"}}) {
    const std::string code = Encoded(type, json);
    EXPECT_THAT(code, testing::AnyOf("value-type", "value-out-of-range")) << json;
  }
  EXPECT_EQ(Encoded(Of(Kind::int2), "32768"), "value-out-of-range");
  EXPECT_EQ(Encoded(Of(Kind::float4), "0.12345678901"), "value-out-of-range");
  EXPECT_EQ(Encoded(Of(Kind::timestamp), R"({"$vf":"datetime","v":"2026-02-28T12:00:00Z"})"), "value-out-of-range");
}

TEST(Numeric, TextAndBytes) {
  for (const char* text : {"0", "0.00", "1", "-1", "10000", "99999999", "0.0001", "0.00001", "123456.789000", "-0.5", "1000000000000000000000000000000000000000.1", "Infinity"}) {
    const auto bytes = NumericBytes(text);
    ASSERT_TRUE(bytes) << text;
    EXPECT_EQ(NumericText(*bytes), text);
  }
  EXPECT_EQ(NumericText(*NumericBytes("1.5e3")), "1500");
  EXPECT_EQ(NumericText(*NumericBytes("1e-3")), "0.001");
  for (const char* text : {"", "-", "1.2.3", "x", "1e", "1e999999"}) EXPECT_FALSE(NumericBytes(text)) << text;
}

TEST(DateTime, TheEdgesOfTheServersRange) {
  std::string text;
  AppendDate(-2451545, &text);
  EXPECT_EQ(ParseDate(text), -2451545) << text;
  for (const char* bad : {"2026-02-30", "2026-13-01", "26-01-01", "2026-01-01x", "", "9999999-01-01"}) EXPECT_FALSE(ParseDate(bad)) << bad;
  for (const char* bad : {"2026-01-01T25:00:00", "2026-01-01T12", "2026-01-01T12:00:00.1234567", "2026-01-01T12:00:00+99:00"}) EXPECT_FALSE(ParseTimestamp(bad)) << bad;
  EXPECT_EQ(ParseTimestamp("2000-01-01T01:00:00+01:00"), 0);
  EXPECT_EQ(ParseTimestamp("2000-01-01 00:00"), 0);
  for (const char* bad : {"P", "PT", "P1", "1Y", "P1.5Y", "PT1.5M", "P1S"}) EXPECT_FALSE(ParseInterval(bad)) << bad;
}

}  // namespace
}  // namespace vecferry::postgresql
