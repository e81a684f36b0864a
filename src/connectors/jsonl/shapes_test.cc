#include "connectors/jsonl/shapes.h"

#include <cstring>

#include <gtest/gtest.h>
#include <simdjson.h>

#include "connectors/jsonl/foreign_json.h"
#include "connectors/jsonl/value_stream.h"

namespace vecferry::jsonl {
namespace {

/// Text as a file that gives at most `step` bytes at once.
class Bytes final : public files::Input {
 public:
  explicit Bytes(std::string text, size_t step = 1 << 20) : text_(std::move(text)), step_(step) {}
  Result<size_t> ReadAt(int64_t offset, char* out, size_t size) const override {
    const auto at = std::min(static_cast<size_t>(offset), text_.size());
    const size_t n = std::min({size, step_, text_.size() - at});
    std::memcpy(out, text_.data() + at, n);
    return n;
  }
  Result<files::Stamp> Stat() const override { return files::Stamp{}; }
  int64_t size() const override { return static_cast<int64_t>(text_.size()); }
  const std::string& name() const override { return name_; }

 private:
  const std::string text_, name_ = "x";
  const size_t step_;
};

constexpr size_t kPadding = simdjson::SIMDJSON_PADDING;

TEST(ValueStream, FindsValuesInPiecesOfAnySize) {
  const std::vector<std::string> values = {R"({"a":[1,{"b":"]}\"\\"}]})", "[]", R"("te\"xt")", "-1.5e3", "true", "{}", R"("\\")", "[[[]]]"};
  for (const size_t step : {size_t{1}, size_t{3}, size_t{1} << 20}) {
    std::string text = " [ ";
    for (const auto& value : values) text += (text.size() > 3 ? " , " : "") + value;
    const Bytes input(text + "\n]", step);
    ValueStream stream(input, 0, kPadding);
    ASSERT_TRUE(*stream.Take('['));
    for (size_t i = 0; i < values.size(); ++i) {
      if (i > 0) {
        ASSERT_TRUE(*stream.Take(','));
      }
      EXPECT_EQ(stream.Next().ValueOrDie().text, values[i]);
    }
    EXPECT_TRUE(*stream.Take(']'));
    EXPECT_EQ(*stream.Peek(), '\0');
  }
}

TEST(ValueStream, ALongValueIsLetGo) {
  const std::string large = "{\"a\":\"" + std::string(5 << 20, 'x') + "]}\\\"\"}";
  const Bytes input("[" + large + ",1]", 1 << 16);
  ValueStream stream(input, 0, kPadding);
  ASSERT_TRUE(*stream.Take('['));
  const auto value = stream.Next(1 << 20).ValueOrDie();
  EXPECT_TRUE(value.too_long && value.text.empty());
  ASSERT_TRUE(*stream.Take(','));
  EXPECT_EQ(stream.Next().ValueOrDie().text, "1");
}

TEST(ValueStream, WhatDoesNotEndIsCorrupt) {
  for (const char* text : {"[1", "{\"a\":", "\"abc", "", "]", ",", "[\"]"}) {
    const Bytes input(text);
    ValueStream stream(input, 0, kPadding);
    EXPECT_TRUE(IsCategory(stream.Next().status(), Category::corrupt)) << text;
  }
}

struct Read {
  Facts facts;
  std::vector<std::string> ids, metadata, codes;
  int64_t vectors = 0;
};

Result<Read> ReadAll(const std::string& text, Shape shape, int64_t first = 0, size_t step = 1 << 20) {
  Wishes wishes;
  wishes.shape = shape;
  wishes.layout.name = "default";
  const auto input = std::make_shared<Bytes>(text, step);
  const OpenInputs open = [&]() -> Result<std::shared_ptr<files::Input>> { return input; };
  Read read;
  const RecordSchema none;
  ARROW_ASSIGN_OR_RAISE(const auto looked, OpenItems(open, wishes, 0));
  const auto looker = MakeParser(wishes, none);
  while (true) {
    ARROW_ASSIGN_OR_RAISE(const auto item, looked->Next());
    if (!item) break;
    looker->LookAt(item->text, &read.facts);
  }
  RecordSchema schema;
  schema.id_kind = read.facts.kind();
  schema.has_document = read.facts.document;
  schema.has_tenant = read.facts.tenant;
  schema.vectors = read.facts.vectors;
  BatchBuilder builder(schema);
  const auto parser = MakeParser(wishes, schema);
  ARROW_ASSIGN_OR_RAISE(const auto items, OpenItems(open, wishes, first));
  while (true) {
    ARROW_ASSIGN_OR_RAISE(const auto item, items->Next());
    if (!item) break;
    const Status status = parser->Parse(item->text, builder);
    if (!status.ok()) read.codes.push_back(FactsOf(status).code);
  }
  ARROW_ASSIGN_OR_RAISE(const RecordView view, builder.Finish());
  for (int64_t row = 0; row < view.rows(); ++row) {
    read.ids.emplace_back(view.id(row));
    read.metadata.emplace_back(view.metadata(row).value_or("-"));
    for (const VectorColumn& column : view.vectors()) read.vectors += !column.IsNull(row);
  }
  return read;
}

TEST(Points, AreFoundInAnswersAndLists) {
  const std::string a = R"({"id":1,"payload":{"document":"d","x":1},"vector":[1,2]})", b = R"({"payload":null,"id":"c5f5b2a8-1111-4222-8333-444455556666","vector":[3,4]})";
  for (const std::string& text : {"{\"result\":{\"points\":[" + a + "," + b + "],\"next_page_offset\":7},\"status\":\"ok\"}", "[" + a + "," + b + "]", a + "\n" + b, "{\"result\":[" + a + "," + b + "]}",
                                  "[{\"points\":[" + a + "]},{\"points\":[]},{\"points\":[" + b + "]}]", "{\"time\":0,\"usage\":{\"points\":[1]},\"result\":{\"points\":[" + a + "," + b + "]}}"}) {
    for (const size_t step : {size_t{1}, size_t{1} << 20}) {
      const Read read = ReadAll(text, Shape::scroll, 0, step).ValueOrDie();
      EXPECT_EQ(read.ids, (std::vector<std::string>{"1", "c5f5b2a8-1111-4222-8333-444455556666"})) << text;
      EXPECT_EQ(read.metadata, (std::vector<std::string>{R"({"x":1})", "{}"}));
      EXPECT_EQ(read.vectors, 2);
      EXPECT_EQ(read.facts.kind(), IdKind::mixed);
    }
    EXPECT_EQ(ReadAll(text, Shape::scroll, 1).ValueOrDie().ids, (std::vector<std::string>{"c5f5b2a8-1111-4222-8333-444455556666"}));
  }
  EXPECT_TRUE(IsCategory(ReadAll("{\"result\":{\"points\":[" + a, Shape::scroll).status(), Category::corrupt));
  EXPECT_TRUE(IsCategory(ReadAll("[[[[[[[[[[[[[[[[[[[[[[[[", Shape::scroll).status(), Category::corrupt));
}

TEST(Points, HaveVectorsOfEveryKind) {
  const Read read = ReadAll(R"([{"id":1,"vector":{"a":[1,2],"m":[[1,2,3],[4,5,6]],"s":{"values":[1],"indices":[4000000000]}}},{"id":2,"vector":{"a":[1]}},{"id":3,"vector":{}},{"id":4,"vector":{"s":{"indices":[1],"values":[]}}}])",
                            Shape::scroll).ValueOrDie();
  ASSERT_EQ(read.facts.vectors.size(), 3u);
  EXPECT_EQ(read.ids, (std::vector<std::string>{"1", "3"}));
  EXPECT_EQ(read.vectors, 3);
  EXPECT_EQ(read.codes, (std::vector<std::string>{"wrong-dimensions", "bad-vector"}));
}

TEST(Columns, AreReadSideBySide) {
  const Read read = ReadAll(R"({"included":["x"],"metadatas":[null,{"a":1}],"ids":["a","b"],"documents":null,"embeddings":[[1,2],null]})", Shape::columns).ValueOrDie();
  EXPECT_EQ(read.ids, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(read.metadata, (std::vector<std::string>{"-", R"({"a":1})"}));
  EXPECT_EQ(read.vectors, 1);
  EXPECT_TRUE(IsCategory(ReadAll(R"({"ids":["a","b"],"embeddings":[[1]]})", Shape::columns).status(), Category::corrupt));
  EXPECT_TRUE(IsCategory(ReadAll(R"({"embeddings":[[1]]})", Shape::columns).status(), Category::unsupported));
  EXPECT_EQ(ReadAll(R"({"ids":[["a"],[],["b","c"]],"embeddings":[[[1]],[],[[2],[3]]]})", Shape::columns, 1).ValueOrDie().ids, (std::vector<std::string>{"b", "c"}));
}

TEST(PointWriter, WritesWhatIsReadAgain) {
  RecordSchema schema;
  schema.has_document = true;
  schema.vectors = {{"a", VectorKind::dense, Element::f32, 2, Metric::dot, ""}, {"s", VectorKind::sparse, Element::f32, 0, Metric::dot, ""}};
  Layout layout;
  layout.name = "default";
  BatchBuilder builder(schema);
  const float vector[2] = {-0.0f, 0.1f};
  const uint32_t indices[1] = {7};
  builder.Id("x y");
  builder.Document("d");
  builder.Metadata(R"({"$vf":"object","v":{"$vf":1,"n":1.0}})");
  builder.Vector(0, {reinterpret_cast<const char*>(vector), 8});
  builder.Sparse(1, indices, vector + 1, 1);
  builder.EndRow();
  builder.Id("z");
  builder.Metadata(R"({"t":{"$vf":"date","v":"2024-05-06"}})");
  builder.EndRow();
  const RecordView view = builder.Finish().ValueOrDie();
  PointWriter writer(schema, layout);
  std::string text = "before", id;
  ASSERT_TRUE(writer.Append(view, 0, &text, &id).ok());
  EXPECT_EQ(text, "before{\"id\":" + id + R"(,"payload":{"_id":"x y","document":"d","$vf":1,"n":1.0},"vector":{"a":[-0.0,0.1],"s":{"indices":[7],"values":[0.1]}}})");
  const std::string whole = text;
  EXPECT_EQ(FactsOf(writer.Append(view, 1, &text, &id)).code, "payload-value");
  EXPECT_EQ(text, whole);
}

TEST(AppendIndented, IsThatOfPython) {
  std::string out;
  AppendIndented(R"({"a":[1,"x,{\"y\":[]}"],"b":{},"c":[]})", 2, 0, &out);
  EXPECT_EQ(out, "{\n  \"a\": [\n    1,\n    \"x,{\\\"y\\\":[]}\"\n  ],\n  \"b\": {},\n  \"c\": []\n}");
}

}  // namespace
}  // namespace vecferry::jsonl
