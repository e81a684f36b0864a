#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "connectors/pinecone/client.h"
#include "connectors/pinecone/names.h"
#include "connectors/pinecone/records.h"
#include "connectors/pinecone/target.h"

namespace vecferry::pinecone {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

RecordForm FormFor(MetadataPolicy policy = {}, bool namespaces = true) {
  RecordForm form;
  form.schema.has_document = true;
  form.schema.vectors = {{"", VectorKind::dense, Element::f32, 2, Metric::dot, ""}, {"sparse", VectorKind::sparse, Element::f32, 0, Metric::dot, ""}};
  form.layout = RecordForm::LayoutFor(Layout{}, namespaces);
  form.namespaces = namespaces;
  form.metadata = policy;
  return form;
}

RecordView RowOf(const RecordForm& form, std::string_view id, std::string_view metadata, std::vector<float> dense = {1.5f, -2}) {
  BatchBuilder builder(form.schema);
  builder.Id(id);
  builder.Document("text");
  builder.Metadata(metadata);
  builder.Vector(0, {reinterpret_cast<const char*>(dense.data()), dense.size() * sizeof(float)});
  const uint32_t indices[] = {7, 4294967295u};
  const float values[] = {0.25f, -1};
  builder.Sparse(1, indices, values, 2);
  builder.EndRow();
  return *builder.Finish();
}

std::string Encoded(const RecordForm& form, std::string_view id, std::string_view metadata) {
  std::string out;
  const auto reject = RecordEncoder(form).Append(RowOf(form, id, metadata), 0, &out);
  return reject ? reject->code : out;
}

/// Through the text that is sent, and an answer that holds it.
std::string ThereAndBack(const RecordForm& form, std::string_view id, std::string_view metadata) {
  const std::string sent = Encoded(form, id, metadata);
  VectorsText answer;
  bool mapped = false;
  std::string key;
  AppendJsonString(VectorIdOf(form.layout, std::nullopt, id, &mapped), &key);
  const Status parsed = answer.ParseFetch("{\"vectors\":{" + key + ":" + sent + "},\"namespace\":\"\"}");
  if (!parsed.ok()) return parsed.message() + " of " + sent;
  BatchBuilder builder(form.schema);
  VectorFacts facts;
  if (const Fault fault = RecordDecoder(form).Append(answer.vectors().at(0), "", builder, &facts)) return fault.code;
  const RecordView view = *builder.Finish();
  EXPECT_EQ(view.id(0), id);
  EXPECT_EQ(view.document(0), "text");
  std::string canonical;
  EXPECT_TRUE(JsonReader().AppendCanonical(*view.metadata(0), &canonical).ok());
  return canonical;
}

TEST(PineconeRecords, AreWrittenAsTheServiceTakesThem) {
  EXPECT_EQ(Encoded(FormFor(), "a", R"({"x":1,"l":["p"]})"),
            R"({"id":"a","values":[1.5,-2],"sparseValues":{"indices":[7,4294967295],"values":[0.25,-1]},"metadata":{"document":"text","x":1,"l":["p"]}})");
}

TEST(PineconeRecords, ComeBackAsTheyWere) {
  for (const char* metadata : {R"({})", R"({"a":1,"b":1.0,"c":-0.0,"d":1e300,"e":0.1})", R"({"_reals":["x"],"\\_json":1,"\\\\_reals":2.0})", R"({"s":"é \" \\ \n","t":true,"l":[]})"}) {
    std::string wanted;
    ASSERT_TRUE(JsonReader().AppendCanonical(metadata, &wanted).ok());
    EXPECT_EQ(ThereAndBack(FormFor(), "a", metadata), wanted);
  }
}

TEST(PineconeRecords, JsonTextKeepsWhatTheServiceDoesNot) {
  const MetadataPolicy encode{.encode = true};
  for (const char* metadata : {R"({"n":null,"o":{"a":[1,{"b":2.0}]},"l":[1,2],"i":9007199254740993,"$x":1,"\\$x":2})",
                               R"({"$vf":"object","v":{"$vf":"mine","_json":["n"]}})", R"({"d":{"$vf":"datetime","v":"2024-05-06T07:08:09Z"},"f":{"$vf":"f64","v":"NaN"}})"}) {
    std::string wanted;
    ASSERT_TRUE(JsonReader().AppendCanonical(metadata, &wanted).ok());
    EXPECT_EQ(ThereAndBack(FormFor(encode), "a", metadata), wanted);
  }
}

TEST(PineconeRecords, WhatIsNotHeldIsRefusedByItsKind) {
  const RecordForm form = FormFor();
  EXPECT_EQ(Encoded(form, "a", R"({"n":null})"), "metadata-null");
  EXPECT_EQ(Encoded(form, "a", R"({"n":{"a":1}})"), "metadata-nested_object");
  EXPECT_EQ(Encoded(form, "a", R"({"n":[1]})"), "metadata-list");
  EXPECT_EQ(Encoded(form, "a", R"({"n":9007199254740993})"), "metadata-int64");
  EXPECT_EQ(Encoded(form, "a", R"({"$n":1})"), "metadata-key");
  EXPECT_EQ(Encoded(form, "a", "{\"n\":\"" + std::string(kMostMetadata, 'x') + "\"}"), "metadata-too-large");
  EXPECT_EQ(Encoded(FormFor({.mark_reals = false}), "a", R"({"n":1.0})"), "metadata-real");
  std::string out = "before";
  EXPECT_EQ(RecordEncoder(form).Append(RowOf(form, "a", "{}", {0, -0.0f}), 0, &out)->code, "zero-vector");
  EXPECT_EQ(RecordEncoder(form).Append(RowOf(form, "a", "{}", {1, INFINITY}), 0, &out)->code, "non-finite-vector");
  EXPECT_EQ(out, "before");
}

TEST(PineconeRecords, NumbersAreFloat64HoweverTheyAreWritten) {
  const auto read = [](std::string_view metadata, bool floats) -> std::string {
    RecordForm form = FormFor({.as_floats = floats});
    VectorsText answer;
    EXPECT_TRUE(answer.ParseFetch(R"({"vectors":{"a":{"id":"a","values":[1,2],"metadata":)" + std::string(metadata) + "}}}").ok());
    BatchBuilder builder(form.schema);
    VectorFacts facts;
    if (const Fault fault = RecordDecoder(form).Append(answer.vectors()[0], "", builder, &facts)) return fault.code;
    return std::string(*builder.Finish()->metadata(0));
  };
  EXPECT_EQ(read(R"({"a":1,"b":1.0,"c":1.5})", false), R"({"a":1,"b":1,"c":1.5})");
  EXPECT_EQ(read(R"({"a":1,"b":1.0,"c":1.5})", true), R"({"a":1.0,"b":1.0,"c":1.5})");
  EXPECT_EQ(read(R"({"a":1,"b":1,"_reals":["b"]})", false), R"({"a":1,"b":1.0})");
  EXPECT_EQ(read(R"({"a":9007199254740994,"b":123456789012345678901234567890})", false), R"({"a":9007199254740994.0,"b":1.2345678901234568e+29})");
  EXPECT_EQ(read(R"({"_reals":"b"})", false), "metadata-marks");
  EXPECT_EQ(read(R"({"a":"{","_json":["a"]})", false), "metadata-marks");
}

TEST(PineconeRecords, OddVectorsAreFaults) {
  const RecordForm form = FormFor();
  const auto fault = [&](std::string_view parts) {
    VectorsText answer;
    EXPECT_TRUE(answer.ParseFetch(R"({"vectors":{"a":{"id":"a",)" + std::string(parts) + "}}}").ok()) << parts;
    BatchBuilder builder(form.schema);
    VectorFacts facts;
    return RecordDecoder(form).Append(answer.vectors()[0], "", builder, &facts).code;
  };
  EXPECT_EQ(fault(R"("values":[1,2])"), "");
  EXPECT_EQ(fault(R"("values":[1,2,3])"), "wrong-dimensions");
  EXPECT_EQ(fault(R"("values":[1,"x"])"), "bad-vector");
  EXPECT_EQ(fault(R"("values":[1,2],"sparseValues":{"indices":[1],"values":[]})"), "bad-vector");
  EXPECT_EQ(fault(R"("values":[1,2],"sparseValues":{"indices":[-1],"values":[1]})"), "bad-vector");
  EXPECT_EQ(fault(R"("values":[1,2],"metadata":{"a":1,"a":2})").empty(), false);
}

TEST(PineconeAnswers, OfAnotherShapeAreNone) {
  for (const char* text : {"", "{", "[]", "7", "{}", R"({"vectors":7})", R"({"vectors":{"a":{"id":"b"}}})", R"({"vectors":{"a":7}})", R"({"vectors":{"a":{"id":"a","values":{}}}})",
                           R"({"vectors":{"a":{"id":"a"}})", R"({"vectors":{}}x)", R"({"vectors":{},"vectors":{}})"}) {
    VectorsText answer;
    EXPECT_FALSE(answer.ParseFetch(text).ok()) << text;
  }
  for (const char* text : {"", "[]", "{}", R"({"vectors":{}})", R"({"vectors":[{"id":1}]})", R"({"vectors":[7]})", R"({"vectors":[],"pagination":7})"}) EXPECT_FALSE(ParseIdPage(text).ok()) << text;
  for (const char* text : {"", "[]", "{}", R"({"namespaces":[]})", R"({"namespaces":{"a":7}})", R"({"namespaces":{"a":{"vectorCount":-1}}})", R"({"namespaces":{},"dimension":-4})"}) EXPECT_FALSE(ParseStats(text).ok()) << text;
  for (const char* text : {"[]", "{}", R"({"indexes":[{}]})", R"({"indexes":[{"name":"a","metric":"angular"}]})"}) EXPECT_FALSE(ParseIndexes(text).ok()) << text;
  EXPECT_FALSE(ParseStats(std::string(1000, '[')).ok());
}

TEST(PineconeAnswers, AreTakenApart) {
  const auto page = ParseIdPage(R"({"vectors":[{"id":"a"},{"id":"b"}],"pagination":{"next":"T=="},"namespace":"n"})");
  EXPECT_THAT(page->ids, ElementsAre("a", "b"));
  EXPECT_EQ(page->next, "T==");
  const auto stats = ParseStats(R"({"namespaces":{"__default__":{"vectorCount":2},"n":{"vectorCount":"3"},"gone":{"vectorCount":0}},"dimension":4,"metric":"euclidean","vectorType":"dense"})");
  EXPECT_EQ(stats->total, 5);
  EXPECT_EQ(stats->namespaces.at(""), 2);
  EXPECT_EQ(stats->metric, Metric::l2);
  EXPECT_EQ(ParseError(R"({"error":{"code":"RESOURCE_EXHAUSTED","message":"m"},"status":429})").code, 8);
  EXPECT_EQ(ParseError("Invalid API Key").message, "Invalid API Key");
  EXPECT_EQ(ParseError("<html>").message, "");
}

HttpReply ReplyOf(int status, std::string body) {
  HttpReply reply;
  reply.status = status;
  reply.body = std::move(body);
  return reply;
}

TEST(PineconeFailures, AreToldByTheServicesCodes) {
  const auto category = [](int status, std::string body, HttpAct act) { return FactsOf(FailureOf(ReplyOf(status, std::move(body)), act, "x")).category; };
  EXPECT_EQ(category(400, R"({"code":11,"message":"Request size 3MB"})", HttpAct::write), Category::too_large);
  EXPECT_EQ(category(400, R"({"code":3,"message":"dimension"})", HttpAct::write), Category::bad_content);
  EXPECT_EQ(category(400, R"({"code":3,"message":"dimension"})", HttpAct::read), Category::refused);
  EXPECT_EQ(category(413, "", HttpAct::write), Category::too_large);
  EXPECT_EQ(category(414, "<html>", HttpAct::read), Category::too_large);
  EXPECT_EQ(category(401, "Invalid API Key", HttpAct::read), Category::unauthorized);
  EXPECT_EQ(category(429, R"({"error":{"code":"RESOURCE_EXHAUSTED"}})", HttpAct::write), Category::transient);
  EXPECT_EQ(category(503, "", HttpAct::write), Category::transient);
  EXPECT_EQ(category(501, R"({"code":12})", HttpAct::read), Category::unsupported);
}

TEST(PineconeNames, AreMappedOnlyWhereTheyMustBe) {
  bool mapped = false;
  EXPECT_EQ(VectorIdOf(Layout{}, {}, "a b#c", &mapped), "a b#c");
  EXPECT_FALSE(mapped);
  for (const std::string& id : {std::string("é"), std::string(513, 'k'), std::string("a\0b", 3)}) {
    EXPECT_TRUE(MayBeMapped(VectorIdOf(Layout{}, {}, id, &mapped))) << id;
    EXPECT_TRUE(mapped);
  }
  EXPECT_FALSE(MayBeMapped("c5f5b2a8-1111-4222-8333-444455556666"));
  for (const std::string& tenant : {std::string("acme"), std::string("ü-\"日本\""), std::string("50%"), std::string("%C3%BC"), std::string("%25"), std::string("%2525"), std::string("a\0b", 3)}) {
    EXPECT_EQ(TenantOf(*NamespaceOf(tenant)), tenant) << *NamespaceOf(tenant);
  }
  EXPECT_EQ(*NamespaceOf("ü"), "%C3%BC");
  EXPECT_FALSE(NamespaceOf("__default__").ok());
  EXPECT_FALSE(NamespaceOf(std::string(513, 'n')).ok());
  EXPECT_EQ(FromTag(TagOf("with space & \"ü\"")), "with space & \"ü\"");
  EXPECT_TRUE(CheckIndexName("docs-2").ok());
  for (const char* name : {"", "Docs", "-docs", "docs_2"}) EXPECT_FALSE(CheckIndexName(name).ok()) << name;
}

TEST(PineconeTargets, AreUnderstoodAsPeopleWriteThem) {
  const auto target = [](const char* text) { return ParseTarget(*ParseLocation(text)); };
  const auto by_name = target("pinecone:docs#ns");
  EXPECT_EQ(by_name->index, "docs");
  EXPECT_EQ(by_name->name_space, "ns");
  EXPECT_TRUE(by_name->control.endpoint.tls);
  const auto by_host = target("pinecone://docs-x.svc.pinecone.io");
  EXPECT_EQ(by_host->data.endpoint.Display(), "docs-x.svc.pinecone.io:443");
  EXPECT_FALSE(by_host->one_namespace);
  EXPECT_FALSE(target("pinecone://127.0.0.1:5080")->data.endpoint.tls);
  EXPECT_FALSE(target("pinecone://127.0.0.1:5080")->ask_control);
  EXPECT_TRUE(target("pinecone:docs#__default__")->one_namespace);
  for (const char* text : {"pinecone:Docs", "pinecone://", "pinecone:docs?nope=1", "pinecone:docs?control=http%3A%2F%2Fapi.example.com"}) EXPECT_FALSE(target(text).ok()) << text;
}

TEST(PineconeRequests, StayWithinTheLengthOfAUrl) {
  const std::string id(500, '/');
  const std::vector<std::string_view> ids(20, id);
  size_t end = 0;
  EXPECT_LE(FetchTarget("n", ids, 0, kLongestTarget, &end).size(), kLongestTarget);
  EXPECT_GT(end, 1u);
  FetchTarget("n", ids, 3, 10, &end);
  EXPECT_EQ(end, 4u);
  const std::vector<std::string_view> many(250, "a");
  FetchTarget("n", many, 0, kLongestTarget, &end);
  EXPECT_EQ(end, kMostFetched);
}

}  // namespace
}  // namespace vecferry::pinecone
