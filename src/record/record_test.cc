#include <gtest/gtest.h>

#include <charconv>
#include <cmath>
#include <functional>
#include <limits>

#include "record/batch.h"
#include "record/digest.h"
#include "record/distance.h"
#include "record/finite.h"
#include "record/json.h"

namespace vecferry {
namespace {

std::string Bytes(const std::vector<float>& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float)};
}

RecordSchema EverySchema() {
  RecordSchema schema;
  schema.id_kind = IdKind::mixed;
  schema.has_tenant = schema.has_document = true;
  schema.vectors = {{"", VectorKind::dense, Element::f32, 2, Metric::cosine, "m"},
                    {"h", VectorKind::dense, Element::f16, 2, Metric::dot, ""},
                    {"b", VectorKind::dense, Element::bit, 16, Metric::hamming, ""},
                    {"s", VectorKind::sparse, Element::f32, 0, Metric::dot, ""},
                    {"c", VectorKind::multi, Element::f32, 2, Metric::cosine, ""}};
  schema.extras = {"blob"};
  schema.field_types = {{"at", "timestamptz"}};
  return schema;
}

void AddFullRow(BatchBuilder& builder, std::string_view id) {
  builder.Id(id);
  builder.Tenant("t");
  builder.Document("doc");
  builder.Metadata(R"({"b":1,"a":[1.0,null]})");
  builder.Vector(0, Bytes({1, 2}));
  builder.Vector(1, std::string("\x00\x3c\x00\x40", 4));
  builder.Vector(2, "\xff\x01");
  const uint32_t indices[] = {7, 3};
  const float values[] = {0.5f, 1.5f};
  builder.Sparse(3, indices, values, 2);
  builder.Multi(4, Bytes({1, 2, 3, 4}), 2);
  builder.Extra(0, std::string_view("\0x", 2));
  builder.EndRow();
}

TEST(Json, DoublesAreTheShortestTextThatReadsBack) {
  const auto expect = [](double value) {
    char buffer[32];
    std::string text(buffer, std::to_chars(buffer, buffer + sizeof buffer, value).ptr);
    if (text.find_first_of(".e") == text.npos) text += ".0";
    std::string json;
    AppendJsonDouble(value, &json);
    EXPECT_EQ(json, text);
  };
  for (const double value : {0.0, -0.0, 0.5, 1.0, 1.5, -1.5, 1e-7, 1e22, 1.7e9, 1700000000.25, 4294967296.5, 8589934591.999999, 8589934592.5}) expect(value);
  uint64_t state = 1;
  for (int i = 0; i < 100000; ++i) {
    state = state * 6364136223846793005ull + 1442695040888963407ull;
    const double unit = static_cast<double>(state >> 11) / 9007199254740992.0;
    const double value = std::ldexp(unit, i % 36);
    for (const double digits : {1e1, 1e3, 1e6, 1e7}) expect(std::round(value * digits) / digits);
    expect(value);
    expect(std::nextafter(std::round(value * 1e6) / 1e6, 1e300));
  }
}

TEST(Schema, GoesToArrowAndJsonAndBack) {
  const RecordSchema schema = EverySchema();
  EXPECT_EQ(*RecordSchema::FromArrow(*schema.ToArrow()), schema);
  EXPECT_EQ(*RecordSchema::FromJson(schema.ToJson()), schema);
  EXPECT_FALSE(RecordSchema::FromJson("{}").ok());
}

TEST(Batch, GivesBackWhatWasBuiltAlsoAfterSliceAndTake) {
  BatchBuilder builder(EverySchema());
  AddFullRow(builder, "1");
  builder.Id("2");
  builder.EndRow();
  builder.Id("dropped");
  builder.Document("x");
  builder.DropRow();
  AddFullRow(builder, "3");
  const RecordView built = *builder.Finish();
  ASSERT_EQ(built.rows(), 3);
  for (const RecordView& view : {built, *RecordView::Make(built.batch())}) {
    EXPECT_EQ(view.id(2), "3");
    EXPECT_EQ(view.document(2), "doc");
    EXPECT_FALSE(view.document(1));
    for (const auto& column : view.vectors()) EXPECT_TRUE(column.IsNull(1)) << column.spec.name;
    EXPECT_EQ(view.vectors()[0].Dense(2), Bytes({1, 2}));
    EXPECT_EQ(view.vectors()[2].Dense(2), "\xff\x01");
    EXPECT_EQ(view.vectors()[3].offsets[3] - view.vectors()[3].offsets[2], 2);
    EXPECT_EQ(view.extra(0, 0), std::string_view("\0x", 2));
  }
  const RecordView slice = *built.Slice(1, 2);
  const RecordView taken = *built.Take({1, 2});
  RecordHasher hasher;
  for (int64_t row : {0, 1}) {
    EXPECT_EQ(slice.id(row), built.id(row + 1));
    EXPECT_EQ(*hasher.Hash(slice, row), *hasher.Hash(built, row + 1));
    EXPECT_EQ(*hasher.Hash(taken, row), *hasher.Hash(built, row + 1));
  }
  EXPECT_EQ(builder.rows(), 0);
}

/// Both texts' canonical forms, or the error's message.
std::string Canonical(std::string_view text) {
  JsonReader reader;
  std::string out;
  const Status status = reader.AppendCanonical(text, &out);
  return status.ok() ? out : "error: " + status.message();
}

std::string Rewritten(std::string_view text, JsonReader::Options options = {}) {
  JsonReader reader;
  std::string out;
  JsonWriter writer(&out);
  const Status status = reader.Visit(text, writer, options);
  return status.ok() ? out : "error: " + status.message();
}

TEST(Json, CanonicalSortsKeysAndKeepsTypes) {
  EXPECT_EQ(Canonical(R"( {"b": 1.0, "a":[1, -0.0, 1e2,null ], "":"\u00e9\/"} )"), "{\"\":\"\u00e9/\",\"a\":[1,-0.0,100.0,null],\"b\":1.0}");
  EXPECT_NE(Canonical("{\"a\":1}"), Canonical("{\"a\":1.0}"));
  EXPECT_EQ(Canonical("[9007199254740993,18446744073709551615,-9223372036854775808]"),
            "[9007199254740993,18446744073709551615,-9223372036854775808]");
}

TEST(Json, RefusesWhatWouldBeAmbiguous) {
  for (const char* bad : {"", "{", "{\"a\":1,\"a\":2}", "\"\\ud800\"", "\"\\udc00\"", "{\"\\ud800\":1}", "1e400", "18446744073709551616",
                          "NaN", "\"\xff\"", "{\"$vf\":5}", "{\"$vf\":\"nope\",\"v\":\"\"}", "{\"$vf\":\"f64\",\"v\":\"1\"}", "[1,]"}) {
    EXPECT_TRUE(Rewritten(bad).starts_with("error: ")) << bad << " -> " << Rewritten(bad);
  }
  std::string deep(static_cast<size_t>(kMaxJsonDepth) + 2, '[');
  deep += std::string(deep.size(), ']');
  EXPECT_NE(Rewritten(deep).find("nested deeper"), std::string::npos);
}

TEST(Json, RoundTripsSpecialsAndWrapsTheUsersOwn) {
  EXPECT_EQ(Rewritten(R"({"a":{"$vf":"f64","v":"NaN"}})"), R"({"a":{"$vf":"f64","v":"NaN"}})");
  const std::string wrapped = Rewritten(R"({"x":[{"$vf":1,"k":{"$vf":2}}]})", {.plain = true});
  EXPECT_EQ(wrapped, R"({"x":[{"$vf":"object","v":{"$vf":1,"k":{"$vf":"object","v":{"$vf":2}}}}]})");
  EXPECT_EQ(Rewritten(wrapped), wrapped);
}

TEST(Json, ReadsWhatPythonWrites) {
  const JsonReader::Options python{.big_integers = true, .python_floats = true, .plain = true};
  EXPECT_EQ(Rewritten(R"({"a": 1180591620717411303424, "n": [NaN, -Infinity, Infinity], "s": "NaN \" NaN"})", python),
            R"({"a":{"$vf":"bigint","v":"1180591620717411303424"},"n":[{"$vf":"f64","v":"NaN"},{"$vf":"f64","v":"-Infinity"},{"$vf":"f64","v":"Infinity"}],"s":"NaN \" NaN"})");
  EXPECT_TRUE(Rewritten(R"({"a": NaN, "a": 1})", python).starts_with("error: "));
  EXPECT_TRUE(Rewritten(R"({"a": NaN, "b": 0e-777001})", python).starts_with("error: "));
  for (const char* text : {"-Infinity4", "1NaN", "Infinity1", "--Infinity", "NaN.5", "[1e-Infinity]"}) {
    EXPECT_TRUE(Rewritten(text, python).starts_with("error: ")) << text;
  }
}

TEST(Digest, IsBlindToOrderAndSplittingAndSeesEveryChange) {
  BatchBuilder builder(EverySchema());
  for (int i = 0; i < 50; ++i) AddFullRow(builder, std::to_string(i));
  const RecordView view = *builder.Finish();
  RecordHasher hasher;
  Digest forward, backward, part;
  for (int64_t row = 0; row < 50; ++row) forward.Add(*hasher.Hash(view, row));
  for (int64_t row = 49; row >= 0; --row) (row % 2 ? backward : part).Add(*hasher.Hash(view, row));
  EXPECT_NE(forward, backward);
  backward.Merge(*Digest::Parse(part.Serialize()));
  EXPECT_EQ(forward, backward);
  EXPECT_EQ(forward.Fingerprint(), backward.Fingerprint());
  backward.Remove(*hasher.Hash(view, 7));
  EXPECT_EQ(forward.Differences(backward).size(), 1u);
  EXPECT_FALSE(Digest::Parse("VFD1").ok());
}

TEST(Digest, MatchesItsPublishedVector) {
  // The first test vector of docs/reference/digest.md; tools/digest_reference.py computes it independently.
  RecordSchema schema;
  schema.has_document = true;
  schema.vectors = {{"", VectorKind::dense, Element::f32, 3, Metric::cosine, ""}};
  BatchBuilder builder(schema);
  builder.Id("a");
  builder.Document("hello");
  builder.Metadata(R"({"n":1,"f":1.0,"t":["x","y"]})");
  builder.Vector(0, Bytes({1.0f, -0.0f, std::numeric_limits<float>::quiet_NaN()}));
  builder.EndRow();
  const RecordView view = *builder.Finish();
  Digest digest;
  digest.Add(*RecordHasher().Hash(view, 0));
  EXPECT_EQ(digest.Fingerprint(), "vf1:1:dd501b23212a738621a26b37b0e5a544:a59ce2723f2cb5d0e6977a3ad57d3897:"
            "f69483256503c38757e747b58e9d7550");
}

/// The fingerprint of records of one schema that `fill` builds.
std::string FingerprintOf(const RecordSchema& schema, const std::function<void(BatchBuilder&)>& fill) {
  BatchBuilder builder(schema);
  fill(builder);
  const RecordView view = *builder.Finish();
  Digest digest;
  RecordHasher hasher;
  for (int64_t row = 0; row < view.rows(); ++row) digest.Add(*hasher.Hash(view, row));
  return digest.Fingerprint();
}

// The further test vectors of docs/reference/digest.md.
TEST(Digest, MatchesThePublishedVectorOfATenantAndASparseVector) {
  RecordSchema schema;
  schema.has_tenant = schema.has_document = true;
  schema.vectors = {{"s", VectorKind::sparse, Element::f32, 0, Metric::dot, ""}};
  const auto fill = [](BatchBuilder& builder) {
    const uint32_t indices[] = {9, 2};
    const float values[] = {0.5f, -1.5f};
    builder.Id("7");
    builder.Tenant("eu");
    builder.Sparse(0, indices, values, 2);
    builder.EndRow();
  };
  EXPECT_EQ(FingerprintOf(schema, fill),
            "vf1:1:b623b441e0ba39677a0e054b501ea35b:4aa26f2eb1fca87c832f807a90f815f2:4a747f4655fea3fbd7d72dad1c6b6c81");
}

TEST(Digest, MatchesThePublishedVectorOfNestedMetadataWithUnicode) {
  RecordSchema schema;
  schema.has_document = true;
  const auto fill = [](BatchBuilder& builder) {
    builder.Id("\u00e9");
    builder.Document("\u65e5\u672c");
    builder.Metadata(R"({"\u00e9": {"b": [true, null, -0.0], "a": "tab\tquote\"\u0001"}, "big": 9007199254740993, "e": [1e300, 100000.0, 0.0001, 1e-05, 2.5, 1180591620717411303424.0], "": []})");
    builder.EndRow();
  };
  EXPECT_EQ(FingerprintOf(schema, fill),
            "vf1:1:fe9c5ffc491e762375d65788448ee4d3:8335ca8775c6ada034c7ac34df0d813c:a95fcd58396563c7c9801c94ad7ba6ff");
}

TEST(Digest, MatchesThePublishedVectorsOfNoAndAnEmptyDocument) {
  RecordSchema schema;
  schema.has_document = true;
  const std::string key = "vf1:1:dd501b23212a738621a26b37b0e5a544:", vectors = ":ef494a53972114855839b478e61e74ba";
  const auto without = [](BatchBuilder& builder) {
    builder.Id("a");
    builder.EndRow();
  };
  const auto with = [](BatchBuilder& builder) {
    builder.Id("a");
    builder.Document("");
    builder.EndRow();
  };
  EXPECT_EQ(FingerprintOf(schema, without), key + "29688ba06f1a8915fb4a7ca39ceb1d46" + vectors);
  EXPECT_EQ(FingerprintOf(schema, with), key + "42a4e782ce7d8643bcefcde4b0ec7337" + vectors);
}

TEST(Digest, MatchesThePublishedVectorOfTwoRecordsAndOfNone) {
  RecordSchema schema;
  schema.has_document = true;
  schema.vectors = {{"v", VectorKind::dense, Element::f32, 2, Metric::cosine, ""}};
  const auto fill = [](BatchBuilder& builder) {
    builder.Id("a");
    builder.Document("x");
    builder.EndRow();
    builder.Id("b");
    builder.Document("y");
    builder.Vector(0, Bytes({0.25f, 2.0f}));
    builder.EndRow();
  };
  EXPECT_EQ(FingerprintOf(schema, fill),
            "vf1:2:e6210f3d843fa899a520fe2e4ff36df6:1495cd7a93b0bcef211828f0f5afecea:54219ab87616437fe8ede067c272ef26");
  EXPECT_EQ(Digest().Fingerprint(), "vf1:0:" + std::string(32, '0') + ":" + std::string(32, '0') + ":" + std::string(32, '0'));
}

TEST(Digest, ScopeIgnoresAndTakesSets) {
  const auto hash = [](std::string_view metadata, DigestScope scope) {
    BatchBuilder builder(RecordSchema{});
    builder.Id("a");
    builder.Metadata(metadata);
    builder.EndRow();
    return RecordHasher(scope).Hash(*builder.Finish(), 0)->content;
  };
  DigestScope scope;
  scope.fields.ignored = {"x"};
  scope.fields.sets = {"tags"};
  EXPECT_EQ(hash(R"({"x":1,"tags":["b","a","b"]})", scope), hash(R"({"tags":["a","b"]})", scope));
  EXPECT_NE(hash(R"({"y":1})", scope), hash("{}", scope));
}

TEST(Digest, AsStoredKnowsTheVectorsOfAStoreThatNormalises) {
  RecordSchema schema;
  schema.vectors = {{"c", VectorKind::dense, Element::f32, 2, Metric::cosine, ""}, {"e", VectorKind::dense, Element::f32, 2, Metric::l2, ""},
                    {"m", VectorKind::multi, Element::f32, 2, Metric::cosine, ""}};
  EXPECT_TRUE(IsNormalised(schema));
  EXPECT_TRUE(CanPredict(schema));
  const auto hash = [&](std::vector<float> c, std::vector<float> e, std::vector<float> m, bool as_stored) {
    const auto bytes = [](const std::vector<float>& v) { return std::string_view(reinterpret_cast<const char*>(v.data()), v.size() * 4); };
    BatchBuilder builder(schema);
    builder.Id("a");
    builder.Vector(0, bytes(c));
    builder.Vector(1, bytes(e));
    builder.Multi(2, bytes(m), m.size() / 2);
    builder.EndRow();
    const RecordView view = *builder.Finish();
    DigestScope scope;
    scope.as_stored = as_stored;
    RecordHasher hasher(scope);
    const RecordHash whole = *hasher.Hash(view, 0);
    EXPECT_EQ(hasher.StoredVectors(view, 0, whole.key) == whole.vectors, as_stored || c[0] == 0.6f);
    return whole;
  };
  const float small = static_cast<float>(3.0 / 5.0), large = static_cast<float>(4.0 / 5.0);
  const RecordHash stored = hash({small, large}, {3, 4}, {small, large, 0, 0}, false);
  EXPECT_EQ(hash({3, 4}, {3, 4}, {30, 40, 0, 0}, true), stored);
  EXPECT_EQ(hash({small, large}, {3, 4}, {small, large, 0, 0}, true), stored) << "taking it twice changes nothing";
  EXPECT_NE(hash({3, 4}, {6, 8}, {3, 4, 0, 0}, true), stored) << "other metrics stay as they are";
  schema.vectors[0].element = Element::f16;
  EXPECT_FALSE(CanPredict(schema));
  schema.vectors[0].element = Element::u8;
  EXPECT_TRUE(CanPredict(schema));
  EXPECT_FALSE(IsNormalised(schema.vectors[0]));
}

TEST(Distance, HalfFloatsRoundToNearestEven) {
  for (uint32_t bits = 0; bits < 0x10000; ++bits) {
    const auto half = static_cast<uint16_t>(bits);
    const float value = HalfToFloat(half);
    if (std::isnan(value)) continue;
    ASSERT_EQ(FloatToHalf(value), half) << bits;
  }
  EXPECT_EQ(FloatToHalf(65520.0f), 0x7C00);
  EXPECT_EQ(FloatToHalf(65519.0f), 0x7BFF);
  EXPECT_EQ(FloatToHalf(1.0f + 0x1p-11f), 0x3C00);
}

TEST(Distance, CosineOfZeroVectors) {
  EXPECT_EQ(Cosine(Element::f32, 2, Bytes({0, 0}), Bytes({0, 0})), 1);
  EXPECT_EQ(Cosine(Element::f32, 2, Bytes({0, 0}), Bytes({0, 1})), 0);
  EXPECT_NEAR(Cosine(Element::f32, 2, Bytes({1, 0}), Bytes({1, 1})), std::sqrt(0.5), 1e-12);
}

TEST(Finite, OfEachElementAndKind) {
  EXPECT_FALSE(HasNonFinite(Element::f32, Bytes({0, -0.0f, std::numeric_limits<float>::max(), std::numeric_limits<float>::denorm_min()})));
  for (const float odd : {INFINITY, -INFINITY, NAN, -NAN}) {
    EXPECT_TRUE(HasNonFinite(Element::f32, Bytes({1, odd}))) << odd;
    const uint16_t half = FloatToHalf(odd), brain = static_cast<uint16_t>(std::bit_cast<uint32_t>(odd) >> 16);
    EXPECT_TRUE(HasNonFinite(Element::f16, {reinterpret_cast<const char*>(&half), 2})) << odd;
    EXPECT_TRUE(HasNonFinite(Element::bf16, {reinterpret_cast<const char*>(&brain), 2})) << odd;
  }
  const uint16_t most = 0x7BFF, large = 0x7F7F;
  EXPECT_FALSE(HasNonFinite(Element::f16, {reinterpret_cast<const char*>(&most), 2}));
  EXPECT_FALSE(HasNonFinite(Element::bf16, {reinterpret_cast<const char*>(&large), 2}));
  for (const Element element : {Element::u8, Element::i8, Element::bit}) EXPECT_FALSE(HasNonFinite(element, "\xff\x7f\xff\x7f"));

  const float values[] = {1, NAN, 2};
  const int32_t offsets[] = {0, 1, 2, 2, 3};
  const uint8_t present = 0b1011;
  VectorColumn column;
  column.offsets = offsets, column.values = values;
  column.data = reinterpret_cast<const uint8_t*>(values), column.width = 4;
  for (const VectorKind kind : {VectorKind::sparse, VectorKind::multi}) {
    column.spec = {"", kind, Element::f32, 1, Metric::dot, ""};
    for (int64_t row = 0; row < 4; ++row) EXPECT_EQ(HasNonFinite(column, row), row == 1) << row;
  }
  column.spec.kind = VectorKind::dense;
  EXPECT_TRUE(HasNonFinite(column, 1));
  column.validity = &present, column.validity_offset = 1;
  EXPECT_FALSE(HasNonFinite(column, 1)) << "a vector that is not there";
}

}  // namespace
}  // namespace vecferry
