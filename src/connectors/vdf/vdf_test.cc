#include "connectors/vdf/vdf.h"

#include <arrow/array.h>
#include <arrow/type.h>
#include <gtest/gtest.h>

#include "connectors/vdf/meta.h"
#include "connectors/vdf/metadata_split.h"

namespace vecferry::vdf {
namespace {

std::string CodeOf(std::string_view json) {
  JsonReader reader;
  return FactsOf(ShapeOf(json, reader).status()).code;
}

TEST(VdfShapes, WhatNoColumnHoldsIsNamed) {
  EXPECT_EQ(CodeOf(R"({"a":null})"), "metadata-null");
  EXPECT_EQ(CodeOf(R"({"a":{}})"), "metadata-empty-object");
  EXPECT_EQ(CodeOf(R"({"":1})"), "metadata-empty-key");
  EXPECT_EQ(CodeOf(R"({"a":[1,"x"]})"), "metadata-mixed-array");
  EXPECT_EQ(CodeOf(R"({"a":{"$vf":"date","v":"2024-05-06"}})"), "metadata-date");
  EXPECT_EQ(CodeOf(R"({})"), "");
}

TEST(VdfShapes, TypesThatOneColumnHolds) {
  JsonReader reader;
  const auto fits = [&](std::string_view a, std::string_view b) { return ShapeOf(a, reader)->Fits(*ShapeOf(b, reader)); };
  EXPECT_TRUE(fits(R"({"a":1})", R"({"a":18446744073709551615})"));
  EXPECT_FALSE(fits(R"({"a":-1})", R"({"a":18446744073709551615})"));
  EXPECT_FALSE(fits(R"({"a":1})", R"({"a":1.0})"));
  EXPECT_TRUE(fits(R"({"a":[]})", R"({"a":["x"]})"));
  EXPECT_FALSE(fits(R"({"a":[1]})", R"({"a":["x"]})"));
  EXPECT_TRUE(fits(R"({"a":{"x":1}})", R"({"a":{"y":"z"},"b":true})"));
}

TEST(VdfShapes, NestedObjectsAreColumns) {
  JsonReader reader;
  Shape shape(Shape::Kind::object);
  const std::string_view rows[] = {R"({"a":{"x":1,"l":[[1],[]]},"s":"t"})", R"({"a":{"y":2.5}})", "{}"};
  for (const auto row : rows) shape.Merge(*ShapeOf(row, reader));
  ColumnBuilder builder(shape);
  for (const auto row : rows) ASSERT_TRUE(builder.Append(row, reader).ok());
  const auto columns = builder.Finish().ValueOrDie();
  ASSERT_EQ(columns.size(), 2u);
  EXPECT_TRUE(columns[0]->IsNull(2));
  EXPECT_EQ(columns[0]->type()->ToString(), "struct<l: list<item: list<item: int64>>, x: int64, y: double>");
}

TEST(VdfMetadata, WhatHasNoColumnIsOneText) {
  const auto split = [](std::string_view json) {
    MetadataSplit split(true);
    const RowMetadata row = split.Of(json).ValueOrDie();
    return std::string(row.fields) + " + " + std::string(row.rest);
  };
  EXPECT_EQ(split(R"({"a":1,"b":["x"]})"), R"({"a":1,"b":["x"]} + )");
  EXPECT_EQ(split(R"({"a":1,"n":null,"m":[1,"x"],"":2,"o":{"p":{}},"t":"u"})"), R"({"a":1,"t":"u"} + {"n":null,"m":[1,"x"],"":2,"o":{"p":{}}})");
  EXPECT_EQ(split(R"({"_json":"mine","a":1})"), R"({"a":1} + {"_json":"mine"})");
  EXPECT_EQ(split(R"({"$vf":"object","v":{"$vf":null}})"), R"({} + {"$vf":"object","v":{"$vf":null}})");
  EXPECT_EQ(split(R"({"d":{"$vf":"date","v":"2024-05-06"}})"), R"({} + {"d":{"$vf":"date","v":"2024-05-06"}})");
  MetadataSplit plain(false);
  EXPECT_EQ(FactsOf(plain.Of(R"({"n":null})").status()).code, "metadata-null");
  EXPECT_EQ(plain.Of(R"({"_json":"mine"})")->fields, R"({"_json":"mine"})");
}

TEST(VdfMeta, NamesThatClashGiveWay) {
  const std::vector<std::string> reserved = {"id", "vector"};
  for (const std::string key : {"id", "vector", "metadata_id", "metadata_metadata_vector", "text", "metadata_text", "metadata_"}) {
    EXPECT_EQ(KeyOf(ColumnOf(key, reserved), reserved), key);
  }
  EXPECT_EQ(ColumnOf("vector", reserved), "metadata_vector");
  EXPECT_EQ(ColumnOf("text", reserved), "text");
}

TEST(VdfMeta, PathsStayInTheFolder) {
  const auto category = [](const std::string& path) { return FactsOf(ParseMeta(R"({"indexes":{"i":[{"data_path":")" + path + R"("}]}})").status()).category; };
  EXPECT_EQ(category("../x"), Category::unsupported);
  EXPECT_EQ(category("/etc"), Category::unsupported);
  EXPECT_EQ(category("a/../../x"), Category::unsupported);
  EXPECT_TRUE(ParseMeta(R"({"indexes":{"i":[{"data_path":"a/b"}]}})").ok());
  for (const char* bad : {"", "[]", "{}", R"({"indexes":[]})", R"({"indexes":{"i":{}}})", R"({"indexes":{"i":[1]}})"}) EXPECT_TRUE(IsCategory(ParseMeta(bad).status(), Category::corrupt)) << bad;
}

TEST(VdfMeta, MetricsByName) {
  for (const Metric metric : {Metric::cosine, Metric::dot, Metric::l2, Metric::l1}) EXPECT_EQ(MetricOf(NameOf(metric)), metric);
  EXPECT_EQ(MetricOf("Hamming"), Metric::unknown);
}

}  // namespace
}  // namespace vecferry::vdf
