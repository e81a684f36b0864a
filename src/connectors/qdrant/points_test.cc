#include <cmath>

#include <fmt/format.h>

#include "connectors/qdrant/test_support_points.h"
#include "record/unit.h"

namespace vecferry::qdrant {
namespace {

const Layout kLayout = DefaultLayout();
constexpr Dialect kNew{.vector_oneof = true}, kOld{.vector_oneof = false};

RecordSchema OneVector(const VectorSpec& spec) {
  RecordSchema schema;
  schema.id_kind = IdKind::u64;
  schema.vectors = {spec};
  return schema;
}

std::string Encoded(const RecordView& view, Dialect dialect, const Layout& layout = kLayout) {
  PointEncoder encoder(view.schema(), layout, dialect);
  std::string out;
  for (int64_t row = 0; row < view.rows(); ++row) {
    const auto reject = encoder.Append(view, row, &out);
    EXPECT_FALSE(reject) << reject->code << ": " << reject->message;
  }
  return out;
}

/// One record of the unnamed vector {1, 2} and that metadata.
RecordView Simple(const std::string& metadata, const std::string& id = "1", Metric metric = Metric::dot, std::vector<float> vector = {1, 2}) {
  BatchBuilder builder(OneVector({.dims = 2, .metric = metric}));
  builder.Id(id);
  builder.Metadata(metadata);
  if (!vector.empty()) builder.Vector(0, Bytes(vector));
  builder.EndRow();
  return builder.Finish().ValueOrDie();
}

std::string CodeOf(const std::string& metadata) {
  const RecordView view = Simple(metadata);
  PointEncoder encoder(view.schema(), kLayout, kNew);
  std::string out = "before";
  const auto reject = encoder.Append(view, 0, &out);
  if (reject) {
    EXPECT_EQ(out, "before");
  }
  // What failed leaves nothing behind.
  const RecordView after = Simple(R"({"a":1})");
  std::string next;
  EXPECT_FALSE(encoder.Append(after, 0, &next));
  EXPECT_EQ(next, Encoded(after, kNew));
  return reject ? reject->code : "";
}

TEST(PointsOnTheWire, AsWorkedOut) {
  const std::string head = "0a 02 08 01 | 1a 07 0a 01 61 12 02 18 01 | ";
  const RecordView simple = Simple(R"({"a":1})");
  EXPECT_EQ(ToHex(PointsOf(Encoded(simple, kNew))[0]), ToHex(Unhex(head + "22 0f 0a 0d aa 06 0a 0a 08 0000803f 00000040")));
  EXPECT_EQ(ToHex(PointsOf(Encoded(simple, kOld))[0]), ToHex(Unhex(head + "22 0c 0a 0a 0a 08 0000803f 00000040")));

  BatchBuilder multi(OneVector({.name = "m", .kind = VectorKind::multi, .dims = 2, .metric = Metric::dot}));
  multi.Id("0");
  multi.Metadata("{}");
  multi.Multi(0, Bytes({1, 2, 3, 4}), 2);
  multi.EndRow();
  EXPECT_EQ(ToHex(PointsOf(Encoded(multi.Finish().ValueOrDie(), kOld))[0]),
            ToHex(Unhex("0a 02 08 00 22 1d 12 1b 0a 19 0a 01 6d 12 14 0a 10 0000803f 00000040 00004040 00008040 18 02")));

  EXPECT_EQ(ToHex(PointsOf(Encoded(Simple("{}", "3", Metric::dot, {}), kNew))[0]), ToHex(Unhex("0a 02 08 03 22 02 12 00")));
  EXPECT_EQ(ToHex(PointsOf(Encoded(Simple(R"({"a":null})", "3", Metric::dot, {}), kNew))[0]), ToHex(Unhex("0a 02 08 03 1a 07 0a 01 61 12 02 08 00 22 02 12 00")));
}

TEST(PointsOnTheWire, IdsAreTold) {
  const RecordView view = Make({{.id = "0"}, {.id = "0f8fad5b-d9cb-469f-a165-70867728950e"}, {.id = "text", .tenant = "t"}});
  PointEncoder encoder(view.schema(), kLayout, kNew);
  std::string out;
  for (int64_t row = 0; row < view.rows(); ++row) {
    PointId id;
    ASSERT_FALSE(encoder.Append(view, row, &out, &id));
    const auto mapped = MapId(kLayout, IdKind::mixed, view.tenant(row), view.id(row)).ValueOrDie();
    EXPECT_EQ(id, PointId::Of(mapped));
    EXPECT_EQ(PointDecoder::IdOf(Retrieved(PointsOf(out).back())).ValueOrDie(), id);
  }
}

TEST(PointsOnTheWire, EveryKindThereAndBack) {
  const RecordView view = Make(EveryRow());
  for (const Dialect dialect : {kNew, kOld}) {
    const std::string bytes = Encoded(view, dialect);
    const auto points = PointsOf(bytes);
    ASSERT_EQ(points.size(), static_cast<size_t>(view.rows()));
    PointDecoder decoder(view.schema(), kLayout);
    BatchBuilder builder(view.schema());
    for (int64_t row = 0; row < view.rows(); ++row) {
      PointFacts facts;
      const Fault fault = decoder.Append(Retrieved(points[static_cast<size_t>(row)]), builder, &facts);
      ASSERT_FALSE(fault) << fault.code << ": " << fault.message;
      EXPECT_FALSE(facts.rounded);
      EXPECT_EQ(facts.record_id, view.id(row));
      EXPECT_EQ(facts.tenant, view.tenant(row).value_or(""));
      EXPECT_EQ(facts.has_tenant, view.tenant(row).has_value());
      EXPECT_EQ(facts.has_document, view.document(row).has_value());
    }
    const RecordView back = builder.Finish().ValueOrDie();
    ASSERT_EQ(back.rows(), view.rows());
    for (int64_t row = 0; row < view.rows(); ++row) EXPECT_EQ(Shown(back, row), Shown(view, row));
  }
}

TEST(PointsOnTheWire, LengthsOfEverySize) {
  const RecordSchema schema = OneVector({.dims = 2, .metric = Metric::dot});
  PointDecoder decoder(schema, kLayout);
  for (const size_t size : {0, 1, 95, 110, 113, 116, 118, 120, 122, 124, 126, 127, 128, 129, 16360, 16370, 16379, 16382, 16383, 16384, 2097151, 2097152}) {
    const std::string text(size, 'x');
    for (const std::string& metadata : {fmt::format(R"({{"k":"{}","after":[1]}})", text), fmt::format(R"({{"o":{{"k":["{}",{{"{}":{{}}}}]}},"z":0}})", text, text),
                                        fmt::format(R"({{"{}":[[["{}"]]]}})", text, text)}) {
      const RecordView view = Simple(metadata);
      BatchBuilder builder(view.schema());
      PointFacts facts;
      const std::string bytes = Encoded(view, kNew);
      const Fault fault = decoder.Append(Retrieved(PointsOf(bytes).at(0)), builder, &facts);
      ASSERT_FALSE(fault) << size << " " << fault.message;
      EXPECT_TRUE(Shown(builder.Finish().ValueOrDie(), 0) == Shown(view, 0)) << size;
    }
  }
}

/// The vector of a record, decoded again.
std::vector<float> VectorBack(const RecordView& view) {
  PointDecoder decoder(view.schema(), kLayout);
  BatchBuilder builder(view.schema());
  PointFacts facts;
  const std::string bytes = Encoded(view, kNew);
  EXPECT_FALSE(decoder.Append(Retrieved(PointsOf(bytes).at(0)), builder, &facts));
  const RecordView back = builder.Finish().ValueOrDie();
  const VectorColumn& column = back.vectors()[0];
  const size_t rows = column.offsets ? static_cast<size_t>(column.offsets[1]) : 1;
  std::vector<float> floats(rows * static_cast<size_t>(column.spec.dims));
  std::memcpy(floats.data(), column.data, floats.size() * sizeof(float));
  return floats;
}

TEST(PointsOnTheWire, CosineVectorsAreOfLengthOne) {
  EXPECT_EQ(VectorBack(Simple("{}", "1", Metric::cosine, {3, 4})), (std::vector<float>{0.6f, 0.8f}));
  EXPECT_EQ(VectorBack(Simple("{}", "1", Metric::cosine, {1e-5f, 0})), (std::vector<float>{1e-5f, 0})) << "the server keeps tiny ones";
  EXPECT_EQ(VectorBack(Simple("{}", "1", Metric::dot, {3, 4})), (std::vector<float>{3, 4}));
  BatchBuilder multi(OneVector({.name = "m", .kind = VectorKind::multi, .dims = 2, .metric = Metric::cosine}));
  multi.Id("1");
  multi.Metadata("{}");
  multi.Multi(0, Bytes({3, 4, 0, 0, 0, 5}), 3);
  multi.EndRow();
  EXPECT_EQ(VectorBack(multi.Finish().ValueOrDie()), (std::vector<float>{0.6f, 0.8f, 0, 0, 0, 1}));
}

TEST(PointsOnTheWire, SparseVectorsInOrder) {
  const RecordView view = Make({{.id = "1", .sparse = {{{9, 1.0f}, {2, 2.0f}, {70000, 3.0f}}}}});
  EXPECT_EQ(Encoded(view, kNew), Encoded(Make({{.id = "1", .sparse = {{{2, 2.0f}, {9, 1.0f}, {70000, 3.0f}}}}}), kNew));
  const RecordView twice = Make({{.id = "1", .sparse = {{{9, 1.0f}, {2, 2.0f}, {9, 3.0f}}}}});
  PointEncoder encoder(twice.schema(), kLayout, kNew);
  std::string out;
  EXPECT_EQ(encoder.Append(twice, 0, &out)->code, "unsupported-vector");
}

TEST(PointsOnTheWire, RowsOfASliceAreThoseOfTheSlice) {
  const RecordView view = Make(EveryRow());
  const std::string whole = Encoded(view, kNew), bytes = Encoded(view.Slice(1, 4).ValueOrDie(), kNew);
  const auto all = PointsOf(whole), some = PointsOf(bytes);
  ASSERT_EQ(some.size(), 4u);
  for (size_t i = 0; i < some.size(); ++i) EXPECT_EQ(some[i], all[i + 1]);
}

TEST(PointsOnTheWire, WhatAPayloadCannotHoldIsRefused) {
  EXPECT_EQ(CodeOf(R"({"a":9223372036854775807})"), "");
  EXPECT_EQ(CodeOf(R"({"a":9223372036854775808})"), "payload-value");
  for (const char* special : {R"({"$vf":"f64","v":"NaN"})", R"({"$vf":"f64","v":"-Infinity"})", R"({"$vf":"bigint","v":"123456789012345678901234567890"})",
                              R"({"$vf":"bytes","v":"AAAA"})"}) {
    EXPECT_EQ(CodeOf(fmt::format(R"({{"a":[{}]}})", special)), "payload-value") << special;
  }
  const RecordView view = Simple(R"({"fine":1,"weight":{"x":[{"$vf":"f64","v":"NaN"}]}})");
  PointEncoder encoder(view.schema(), kLayout, kNew);
  std::string out;
  const auto reject = encoder.Append(view, 0, &out);
  ASSERT_TRUE(reject);
  EXPECT_NE(reject->message.find("weight"), std::string::npos) << reject->message;
  EXPECT_EQ(CodeOf(R"({"a":1)"), "unsupported-value");
}

std::string Nested(int objects, int lists) {
  std::string text = R"({"a":)", end = "}";
  for (int i = 0; i < objects; ++i) text += R"({"a":)", end += "}";
  for (int i = 0; i < lists; ++i) text += "[", end.insert(0, "]");
  return text + "1" + end;
}

TEST(PointsOnTheWire, WhatTheVendorsClientsCouldNotReadIsRefused) {
  EXPECT_EQ(CodeOf(Nested(32, 0)), "");
  EXPECT_EQ(CodeOf(Nested(33, 0)), "payload-too-deep");
  EXPECT_EQ(CodeOf(Nested(0, 48)), "");
  EXPECT_EQ(CodeOf(Nested(0, 49)), "payload-too-deep");
  EXPECT_EQ(CodeOf(Nested(31, 2)), "");
  EXPECT_EQ(CodeOf(Nested(31, 3)), "payload-too-deep");
  EXPECT_EQ(CodeOf(R"({"a":[[1],[2],[3]],"b":)" + Nested(31, 2) + "}"), "payload-too-deep") << "side by side is not nested, but this is one more";
  EXPECT_EQ(CodeOf(R"({"a":[[1],[2],[3]],"b":)" + Nested(30, 2) + "}"), "");
}

TEST(PointsOnTheWire, VectorsThatTheServerRefusesAreRefused) {
  BatchBuilder builder(OneVector({.name = "m", .kind = VectorKind::multi, .dims = 2, .metric = Metric::dot}));
  builder.Id("1");
  builder.Metadata("{}");
  builder.Multi(0, "", 0);
  builder.EndRow();
  const RecordView none = builder.Finish().ValueOrDie();
  std::string out;
  EXPECT_EQ(PointEncoder(none.schema(), kLayout, kNew).Append(none, 0, &out)->code, "empty-multivector");
  EXPECT_EQ(out, "");
}

TEST(PointsOnTheWire, ABeforeImageIsThePoint) {
  for (const Dialect from : {kNew, kOld}) {
    for (const Dialect to : {kNew, kOld}) {
      const RecordView view = Make(EveryRow());
      const std::string bytes = Encoded(view, from), wanted = Encoded(view, to);
      std::string image;
      for (const auto point : PointsOf(bytes)) ASSERT_TRUE(AppendAsPoint(Retrieved(point), to, &image).ok());
      EXPECT_TRUE(image == wanted);
    }
  }
  const std::string unnamed = Encoded(Simple(R"({"a":1})"), kNew);
  std::string image;
  ASSERT_TRUE(AppendAsPoint(Retrieved(PointsOf(unnamed)[0]), kNew, &image).ok());
  EXPECT_EQ(ToHex(image), ToHex(unnamed));
  image = "before";
  ASSERT_TRUE(AppendAsPoint(Unhex("0a 02 08 03"), kNew, &image).ok()) << "a point that was read without its vectors";
  EXPECT_EQ(ToHex(image.substr(6)), ToHex(Unhex("1a 08 0a 02 08 03 22 02 12 00")));
  const std::string before = image;
  EXPECT_TRUE(IsCategory(AppendAsPoint(Unhex("0a 02 08 03 22 05"), kNew, &image), Category::corrupt));
  EXPECT_TRUE(IsCategory(AppendAsPoint("", kNew, &image), Category::corrupt));
  EXPECT_EQ(image, before);
}

}  // namespace
}  // namespace vecferry::qdrant
