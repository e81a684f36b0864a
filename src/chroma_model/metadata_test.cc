#include "chroma_model/metadata.h"

#include <cmath>

#include <gtest/gtest.h>

#include "chroma_model/records.h"

namespace vecferry::chroma_model {
namespace {

Layout Default() {
  Layout layout;
  layout.name = "default";
  return layout;
}

struct Written {
  std::string metadata, uri, document;
  bool operator==(const Written&) const = default;
};

RecordSchema SchemaWith(bool document, bool tenant) {
  RecordSchema schema;
  schema.has_document = document;
  schema.has_tenant = tenant;
  schema.vectors = {{"", VectorKind::dense, Element::f32, 1, Metric::l2, ""}};
  return schema;
}

RecordView One(const std::string& metadata, std::optional<std::string> document = {}, std::optional<std::string> tenant = {}) {
  BatchBuilder builder(SchemaWith(document.has_value(), tenant.has_value()));
  const float x = 1;
  builder.Id("id");
  if (document) builder.Document(*document);
  if (tenant) builder.Tenant(*tenant);
  builder.Metadata(metadata);
  builder.Vector(0, {reinterpret_cast<const char*>(&x), sizeof(x)});
  builder.EndRow();
  return builder.Finish().ValueOrDie();
}

std::string Code(const std::string& metadata, bool json_text = false) {
  const Layout layout = Default();
  MetadataEncoder encoder(layout, json_text);
  OutgoingRecord out;
  return FactsOf(encoder.Encode(One(metadata), 0, &out)).code;
}

/// What is sent, and that reading gives back what was written.
Written ThereAndBack(const std::string& metadata, std::optional<std::string> document = {}, std::optional<std::string> tenant = {}, bool json_text = false) {
  const Layout layout = Default();
  MetadataEncoder encoder(layout, json_text);
  OutgoingRecord out;
  const RecordView view = One(metadata, document, tenant);
  const Status status = encoder.Encode(view, 0, &out);
  EXPECT_TRUE(status.ok()) << status.ToString();
  MetadataDecoder decoder(layout, true, true);
  IncomingRecord in;
  if (view.document(0)) in.document = *view.document(0);
  if (out.uri) in.uri = *out.uri;
  in.metadata = out.metadata;
  const auto payload = decoder.Decode(in);
  EXPECT_TRUE(payload.ok()) << payload.status().ToString();
  if (payload.ok()) {
    EXPECT_EQ(payload->document, document);
    EXPECT_EQ(payload->tenant, tenant);
    JsonReader reader;
    std::string a, b;
    EXPECT_TRUE(reader.AppendCanonical(metadata, &a).ok() && reader.AppendCanonical(payload->metadata, &b).ok());
    EXPECT_EQ(a, b);
  }
  return {out.metadata, out.uri.value_or("(none)"), document.value_or("(none)")};
}

TEST(Metadata, IsWrittenAsItStands) {
  EXPECT_EQ(ThereAndBack(R"({"s":"x","i":9007199254740993,"d":1.0,"b":true,"l":["x","y"],"n":[1,2],"r":[0.5,1.0]})").metadata,
            R"({"s":"x","i":9007199254740993,"d":1.0,"b":true,"l":["x","y"],"n":[1,2],"r":[0.5,1.0]})");
  EXPECT_EQ(ThereAndBack("{}").metadata, "{}");
}

TEST(Metadata, DocumentTenantAndUriHaveTheirPlaces) {
  EXPECT_EQ(ThereAndBack(R"({"a":1,"chroma:uri":"s3://b/k"})", "text", "acme"), (Written{R"({"tenant":"acme","a":1})", "s3://b/k", "text"}));
  EXPECT_EQ(ThereAndBack(R"({"tenant":"mine"})").metadata, R"({"\\tenant":"mine"})");
  EXPECT_EQ(ThereAndBack(R"({"tenant":7,"document":"mine","_id":"x"})").metadata, R"({"tenant":7,"document":"mine","_id":"x"})");
}

TEST(Metadata, KeysThatChromaRefusesDropsOrDiesOfAreEscaped) {
  EXPECT_EQ(ThereAndBack(R"({"":1,"#a":2,"$b":3,"chroma:x":4})").metadata, R"({"\\":1,"\\#a":2,"\\$b":3,"\\chroma:x":4})");
  EXPECT_EQ(ThereAndBack(R"({"\\":1,"\\\\":2,"\\#a":3,"\\a":4})").metadata, R"({"\\\\":1,"\\\\\\":2,"\\\\#a":3,"\\a":4})");
  EXPECT_EQ(ThereAndBack(R"({"chroma:document":5,"chroma:uri":6})").metadata, R"({"\\chroma:document":5,"\\chroma:uri":6})");
  EXPECT_EQ(ThereAndBack(R"({"chroma:document":"mine"})", "text").metadata, R"({"\\chroma:document":"mine"})");
  EXPECT_EQ(ThereAndBack(R"({"chroma:document":"mine"})").metadata, R"({"\\chroma:document":"mine"})");
  EXPECT_EQ(ThereAndBack(R"({"\\chroma:document":1,"\\chroma:uri":"x"})").uri, "(none)");
  EXPECT_EQ(ThereAndBack(R"({"$vf":"object","v":{"$vf":"mine","x":1}})").metadata, R"({"\\$vf":"mine","x":1})");
}

TEST(Metadata, WhatChromaDoesNotHoldIsRefusedByName) {
  EXPECT_EQ(Code(R"({"a":null})"), "metadata-null");
  EXPECT_EQ(Code(R"({"a":{"b":1}})"), "metadata-nested_object");
  EXPECT_EQ(Code(R"({"a":[[1]]})"), "metadata-nested_array");
  EXPECT_EQ(Code(R"({"a":[{"b":1}]})"), "metadata-nested_object");
  EXPECT_EQ(Code(R"({"a":[1,"x"]})"), "metadata-mixed_array");
  EXPECT_EQ(Code(R"({"a":[null]})"), "metadata-null");
  EXPECT_EQ(Code(R"({"a":18446744073709551615})"), "metadata-uint64");
  EXPECT_EQ(Code(R"({"a":{"$vf":"f64","v":"NaN"}})"), "metadata-non_finite");
  EXPECT_EQ(Code(R"({"a":{"$vf":"date","v":"2024-05-06"}})"), "metadata-date");
  EXPECT_EQ(Code(R"({"a":[]})"), "empty-array");
  EXPECT_EQ(Code(R"({"a":[1,2.5]})"), "mixed-numbers");
  EXPECT_EQ(Code(R"({"a":-0.0})"), "negative-zero");
  EXPECT_EQ(Code(R"({"a":[0.5,-0.0]})"), "negative-zero");
}

TEST(Metadata, AsJsonTextEverythingIsHeld) {
  const auto sent = [](const std::string& metadata) { return ThereAndBack(metadata, {}, {}, true).metadata; };
  EXPECT_EQ(sent(R"({"a":null,"b":{"c":[1,{"d":2.0}]},"e":"plain","f":[1,2.5]})"),
            R"({"a":"null","b":"{\"c\":[1,{\"d\":2.0}]}","e":"plain","f":"[1,2.5]","_json":"[\"a\",\"b\",\"f\"]"})");
  EXPECT_EQ(sent(R"({"a":1})"), R"({"a":1})") << "nothing is added where nothing is needed";
  for (const char* metadata : {R"({"a":-0.0,"b":[],"c":18446744073709551615,"d":{"$vf":"f64","v":"NaN"},"e":{"$vf":"date","v":"2024-05-06"},"f":[[1]],"g":{"$vf":"object","v":{"$vf":"mine"}}})",
                               R"({"":null,"#x":null,"chroma:document":null,"chroma:uri":{"a":1},"tenant":null,"\\a":null})"}) {
    ThereAndBack(metadata, "text", "acme", true);
  }
}

TEST(Metadata, AFieldOfTheMarksNameIsTheUsers) {
  EXPECT_EQ(ThereAndBack(R"({"_json":"mine","\\_json":1})").metadata, R"({"\\_json":"mine","\\\\_json":1})");
  EXPECT_EQ(ThereAndBack(R"({"_json":["a"],"a":null})", {}, {}, true).metadata, R"({"\\_json":["a"],"a":"null","_json":"[\"a\"]"})");
  // What others wrote under that name and is no such list is metadata like any other.
  const Layout layout = Default();
  MetadataDecoder decoder(layout, true, true);
  JsonReader reader;
  for (const char* metadata : {R"({"_json":"{\"x\":1}","x":"1"})", R"({"_json":"[1,\"x\"]","x":"1"})", R"({"_json":"[[\"x\"]]","x":"1"})", R"({"_json":5,"x":"1"})", R"({"_json":"\"x\"","x":"1"})",
                               R"({"_json":"[","x":"1"})", R"({"_json":"[]","x":"1"})", R"({"a":["_json"],"x":"1"})"}) {
    const auto payload = decoder.Decode({std::nullopt, std::nullopt, metadata});
    ASSERT_TRUE(payload.ok()) << metadata << payload.status();
    std::string wanted, got;
    ASSERT_TRUE(reader.AppendCanonical(metadata, &wanted).ok() && reader.AppendCanonical(payload->metadata, &got).ok());
    EXPECT_EQ(got, wanted);
  }
  EXPECT_EQ(FactsOf(decoder.Decode({std::nullopt, std::nullopt, R"({"_json":"[\"x\"]","x":"no JSON"})"}).status()).code, "metadata-marks");
}

TEST(Metadata, WhatIsReadMayHaveNoColumn) {
  const Layout layout = Default();
  MetadataDecoder decoder(layout, false, false);
  const auto payload = decoder.Decode({"text", std::nullopt, R"({"a":1,"tenant":"t"})"});
  ASSERT_TRUE(payload.ok());
  EXPECT_FALSE(payload->document || payload->tenant);
  std::string canonical;
  JsonReader reader;
  ASSERT_TRUE(reader.AppendCanonical(payload->metadata, &canonical).ok());
  EXPECT_EQ(canonical, R"({"a":1,"document":"text","tenant":"t"})");
  for (const char* text : {"[]", "1", "{", R"({"a":1,"a":2})", R"({"a":"\ud83d"})"}) EXPECT_FALSE(decoder.Decode({std::nullopt, std::nullopt, text}).ok()) << text;
}

TEST(Rows, AreEncodedInColumnsAndRefusedOneByOne) {
  RecordSchema schema = SchemaWith(true, false);
  schema.vectors[0].dims = 2;
  schema.vectors[0].metric = Metric::cosine;
  BatchBuilder builder(schema);
  const auto add = [&](std::string_view id, std::optional<std::vector<float>> vector, std::string_view metadata, std::optional<std::string_view> document) {
    builder.Id(id);
    if (document) builder.Document(*document);
    builder.Metadata(metadata);
    if (vector) builder.Vector(0, {reinterpret_cast<const char*>(vector->data()), 8});
    builder.EndRow();
  };
  add("a\"", std::vector<float>{1.5f, -2}, R"({"chroma:uri":"u"})", "x\ny");
  add("none", std::nullopt, "{}", {});
  add("", std::vector<float>{1, 2}, "{}", {});
  add("nan", std::vector<float>{1, NAN}, "{}", {});
  add("long", std::vector<float>{1e30f, 1e30f}, "{}", {});
  add("null", std::vector<float>{1, 2}, R"({"a":null})", {});
  add("b", std::vector<float>{0.1f, 3e18f}, R"({"k":1})", {});
  const RecordView batch = builder.Finish().ValueOrDie();
  const Layout layout = Default();
  RowEncoder encoder(schema, layout, false);
  std::vector<RowReject> rejects;
  encoder.Encode(batch, &rejects);
  std::vector<std::string> codes;
  for (const auto& reject : rejects) codes.push_back(reject.code);
  EXPECT_EQ(codes, (std::vector<std::string>{"missing-vector", "empty-id", "non-finite-vector", "vector-too-long", "metadata-null"}));
  EXPECT_EQ(encoder.Body(batch),
            R"({"ids":["a\"","b"],"embeddings":[[1.5,-2],[0.1,3e+18]],"metadatas":[null,{"k":1}],"documents":["x\ny",null],"uris":["u",null]})");
  RowEncoder packed(schema, layout, true);
  rejects.clear();
  packed.Encode(batch, &rejects);
  EXPECT_NE(packed.Body(batch).find(R"("embeddings":["AADAPwAAAMA=",)"), std::string::npos);
}

TEST(Rows, ImagesGoBackAsTheyWere) {
  const std::string answer = R"({"ids":["a\"","b"],"embeddings":[[1.5,-2.0],null],"documents":["x\u0000",null],"uris":[null,null],"metadatas":[{"k":1.0,"l":[1]},null]})";
  Page page;
  ASSERT_TRUE(ParsePage(answer, &page).ok());
  const std::string image = ImageOf(page, 0).ValueOrDie();
  EXPECT_EQ(BodyOfImages({image}).ValueOrDie(), R"({"ids":["a\""],"embeddings":[[1.5,-2.0]],"metadatas":[{"k":1.0,"l":[1]}],"documents":["x\u0000"],"uris":[null]})");
  EXPECT_TRUE(IsCategory(ImageOf(page, 1).status(), Category::unsupported));
  for (const char* text : {"", "{}", R"({"id":"a","embedding":"A"})", R"({"id":"a","embedding":[1]})"}) EXPECT_TRUE(IsCategory(BodyOfImages({text}).status(), Category::corrupt)) << text;
}

}  // namespace
}  // namespace vecferry::chroma_model
