#include <gtest/gtest.h>
#include <google/protobuf/struct.pb.h>
#include <nlohmann/json.hpp>

#include "connectors/weaviate/class_schema.h"
#include "connectors/weaviate/errors.h"
#include "connectors/weaviate/property_table.h"
#include "connectors/weaviate/property_writer.h"

namespace vecferry::weaviate {
namespace {

ClassSchema Made(const char* properties) {
  return *ParseClass(std::string(R"({"class":"Docs","vectorIndexType":"hnsw","vectorIndexConfig":{"distance":"dot"},"properties":)") + properties + "}");
}

struct Written {
  std::vector<std::string> rest;
  google::protobuf::Struct properties;
  bool unknown = false;
};

Written Write(const ClassSchema& schema, std::string_view json) {
  const PropertyTable table(schema);
  PropertyWriter writer(table);
  Written out;
  writer.Begin(&out.properties);
  JsonReader reader;
  EXPECT_TRUE(reader.Visit(json, writer).ok());
  out.rest = writer.rest();
  out.unknown = writer.met_unknown();
  return out;
}

TEST(PropertyWriter, IntegersBeyondTwoToThe53AreNeverSent) {
  const ClassSchema schema = Made(R"([{"name":"n","dataType":["int"]},{"name":"ns","dataType":["int[]"]}])");
  EXPECT_TRUE(Write(schema, R"({"n":9007199254740992})").rest.empty());
  for (const char* json : {R"({"n":9007199254740993})", R"({"n":-9007199254740993})", R"({"n":18446744073709551615})"}) {
    const Written written = Write(schema, json);
    EXPECT_EQ(written.rest, std::vector<std::string>{"n"}) << json;
    EXPECT_FALSE(written.properties.fields().contains("n")) << json;
  }
  const Written list = Write(schema, R"({"ns":[1,9007199254740993]})");
  EXPECT_EQ(list.rest, std::vector<std::string>{"ns"});
  EXPECT_FALSE(list.properties.fields().contains("ns"));
}

TEST(PropertyWriter, ANumberOfTheOtherKindIsSentAndKept) {
  const ClassSchema schema = Made(R"([{"name":"n","dataType":["int"]},{"name":"x","dataType":["number"]}])");
  const Written written = Write(schema, R"({"n":2.0,"x":3})");
  EXPECT_EQ(written.rest, (std::vector<std::string>{"n", "x"}));
  EXPECT_EQ(written.properties.fields().at("n").number_value(), 2);
  EXPECT_EQ(written.properties.fields().at("x").number_value(), 3);
  EXPECT_FALSE(Write(schema, R"({"n":2.5})").properties.fields().contains("n"));
}

TEST(PropertyWriter, WhatAPropertyCannotHoldIsNotSent) {
  const ClassSchema schema = Made(R"([{"name":"t","dataType":["text"]},{"name":"u","dataType":["uuid"]},{"name":"o","dataType":["object"],"nestedProperties":[{"name":"a","dataType":["int"]}]},
    {"name":"ts","dataType":["text[]"]},{"name":"ref","dataType":["Other"]},{"name":"d","dataType":["date"]}])");
  for (const char* json : {R"({"t":null})", R"({"t":5})", R"({"t":["x"]})", R"({"u":"C5F5B2A8-1111-4222-8333-444455556666"})", R"({"o":{"b":1}})", R"({"o":{"a":{"c":1}}})", R"({"ts":[["x"]]})",
                           R"({"ts":["x",null]})", R"({"ref":["weaviate://localhost/Other/x"]})", R"({"o":[{"a":1}]})", R"({"d":"yesterday"})"}) {
    const Written written = Write(schema, json);
    EXPECT_EQ(written.rest.size(), 1u) << json;
    EXPECT_EQ(written.properties.fields_size(), 0) << json;
  }
  EXPECT_TRUE(Write(schema, R"({"t":"x","u":"c5f5b2a8-1111-4222-8333-444455556666","o":{"a":1},"ts":[],"d":{"$vf":"datetime","v":"2024-05-06T07:08:09.5Z"}})").rest.empty());
}

TEST(PropertyWriter, APhoneNumberIsItsInput) {
  const ClassSchema schema = Made(R"([{"name":"p","dataType":["phoneNumber"]}])");
  const Written written = Write(schema, R"({"p":{"input":"+49 1","internationalFormatted":"+49 1","nationalFormatted":"01","national":1,"countryCode":49,"valid":true}})");
  EXPECT_TRUE(written.rest.empty());
  EXPECT_EQ(Write(schema, R"({"p":{"input":"+49 1"}})").rest.size(), 1u);  // it would read back with what the server makes
  EXPECT_EQ(written.properties.fields().at("p").struct_value().fields_size(), 1);
  EXPECT_EQ(Write(schema, R"({"p":{"input":"+49 1","countryCode":{"x":[1]},"valid":true}})").rest.size(), 1u);
}

TEST(PropertyWriter, DatesThatComeBackAsTheyAre) {
  for (const char* text : {"2024-05-06T07:08:09Z", "2024-02-29T00:00:00.123456789Z", "2024-05-06T07:08:09+02:00", "0001-01-01T00:00:00Z"}) EXPECT_TRUE(IsExactDate(text)) << text;
  for (const char* text : {"2024-05-06", "2024-05-06 07:08:09Z", "2024-05-06T07:08:09.10Z", "2024-05-06T07:08:09+00:00", "2023-02-29T00:00:00Z", "2024-05-06T24:00:00Z", "2024-05-06T07:08:60Z",
                           "2024-05-06T07:08:09.1234567891Z", "2024-05-06T07:08:09", "2024-05-06t07:08:09z", ""}) {
    EXPECT_FALSE(IsExactDate(text)) << text;
  }
}

std::map<std::string, std::string> Scouted(std::initializer_list<const char*> records) {
  const ClassSchema schema = Made("[]");
  const PropertyTable table(schema);
  TypeScout scout(table);
  JsonReader reader;
  for (const char* json : records) EXPECT_TRUE(reader.Visit(json, scout).ok());
  std::map<std::string, std::string> names;
  for (const auto& [key, type] : scout.Types()) names[key] = type.Name();
  return names;
}

TEST(TypeScout, TheFirstValueDecides) {
  using Types = std::map<std::string, std::string>;
  EXPECT_EQ(Scouted({R"({"a":null,"b":[],"c":{},"d":[[1]]})", R"({"a":"x","b":["y"],"c":{"k":true}})"}), (Types{{"a", "text"}, {"b", "text[]"}, {"c", "object"}}));
  EXPECT_EQ(Scouted({R"({"a":1,"b":1.5,"c":"x"})", R"({"a":2.5,"b":2,"c":3})"}), (Types{{"a", "number"}, {"b", "number"}, {"c", "text"}}));
  EXPECT_EQ(Scouted({R"({"o":{"bad key":1},"l":[{"a":1},{"b":"x"}],"t":{"$vf":"datetime","v":"2024-05-06T07:08:09Z"},"y":{"$vf":"bytes","v":"AAEC"}})"}),
            (Types{{"l", "object[]"}, {"t", "date"}, {"y", "blob"}}));
}

TEST(PropertyTable, NamesThatDifferInCaseAloneDoNotMeet) {
  PropertyTable table(Made(R"([{"name":"createdAt","dataType":["text"]},{"name":"vf_a_2db","dataType":["int"]}])"));
  EXPECT_EQ(table.Find("createdAt")->name, "createdAt");
  EXPECT_EQ(table.Find("a-b")->name, "vf_a_2db");
  EXPECT_EQ(*table.NameFor("createdat"), "vf_createdat");
  EXPECT_EQ(*table.NameFor("other"), "other");
  EXPECT_EQ(*table.NameFor("_id"), "_vecferry_id");
}

TEST(ClassSchema, ReadsVectorsOfEveryKind) {
  const auto named = ParseClass(R"({"class":"A","multiTenancyConfig":{"enabled":true},"vectorConfig":{"x":{"vectorizer":{"none":{}},"vectorIndexType":"hnsw","vectorIndexConfig":{"distance":"l2-squared"}},
    "m":{"vectorizer":{"none":{}},"vectorIndexType":"hnsw","vectorIndexConfig":{"distance":"cosine","multivector":{"enabled":true}}}},"properties":null})");
  ASSERT_TRUE(named.ok());
  EXPECT_TRUE(named->multi_tenant);
  ASSERT_EQ(named->vectors.size(), 2u);
  EXPECT_TRUE(named->FindVector("m")->multi);
  EXPECT_EQ(named->FindVector("x")->metric, Metric::l2);
  EXPECT_EQ(Made("[]").FindVector("")->metric, Metric::dot);
}

TEST(ClassSchema, WhatIsNoClassIsNotUnderstood) {
  for (const char* json : {"", "[]", "{}", R"({"class":5})", R"({"class":"A","properties":{}})", R"({"class":"A","properties":[{"name":"x"}]})", R"({"class":"A","properties":[{"name":"x","dataType":[1]}]})"}) {
    EXPECT_TRUE(IsCategory(ParseClass(json).status(), Category::transient)) << json;
  }
}

TEST(ClassSchema, APlanTakesOverWhatWasThere) {
  RecordSchema schema;
  schema.vectors = {{.name = "x", .dims = 3, .metric = Metric::l2}, {.name = "with space", .dims = 3, .metric = Metric::cosine}};
  const char* like = R"({"class":"Old","description":"mine","vectorConfig":{"x":{"vectorIndexType":"flat","vectorIndexConfig":{"distance":"l2-squared","bq":{"enabled":true}}}},
    "properties":[{"name":"t","dataType":["text"],"tokenization":"field"},{"name":"ref","dataType":["Other"]}]})";
  const auto plan = PlanClass("New", schema, true, true, like);
  ASSERT_TRUE(plan.ok());
  const auto body = nlohmann::json::parse(plan->create);
  EXPECT_EQ(body["class"], "New");
  EXPECT_EQ(body["description"], "mine");
  EXPECT_EQ(body["vectorConfig"]["x"]["vectorIndexType"], "flat");
  EXPECT_EQ(body["vectorConfig"]["x"]["vectorIndexConfig"]["bq"]["enabled"], true);
  EXPECT_TRUE(body["vectorConfig"].contains("vf_with_20space"));
  EXPECT_EQ(body["properties"][0]["tokenization"], "field");
  EXPECT_EQ(body["properties"][1]["dataType"][0], "text[]");
  EXPECT_EQ(body["multiTenancyConfig"]["enabled"], true);
  schema.vectors[1].name = "";
  const auto both = PlanClass("New", schema, false, false, "");
  ASSERT_TRUE(both.ok());
  EXPECT_FALSE(both->add_vectors.empty());
  EXPECT_EQ(nlohmann::json::parse(both->create)["vectorIndexConfig"]["skip"], true);
}

TEST(Errors, AreToldByCode) {
  const auto of = [](int code, HttpAct act) {
    GrpcReply reply;
    reply.code = code;
    return FactsOf(Classify(reply, act, "x")).category;
  };
  EXPECT_EQ(of(grpc_code::kUnavailable, HttpAct::read), Category::transient);
  EXPECT_EQ(of(grpc_code::kUnknown, HttpAct::write), Category::transient);
  EXPECT_EQ(of(grpc_code::kUnauthenticated, HttpAct::read), Category::unauthorized);
  EXPECT_EQ(of(grpc_code::kPermissionDenied, HttpAct::read), Category::unauthorized);
  EXPECT_EQ(of(grpc_code::kResourceExhausted, HttpAct::write), Category::too_large);
  EXPECT_EQ(of(grpc_code::kInvalidArgument, HttpAct::write), Category::bad_content);
  EXPECT_EQ(of(grpc_code::kInvalidArgument, HttpAct::read), Category::refused);
  EXPECT_EQ(of(grpc_code::kUnimplemented, HttpAct::look), Category::unsupported);
  EXPECT_EQ(of(grpc_code::kCancelled, HttpAct::look), Category::cancelled);
  GrpcReply wait;
  wait.code = grpc_code::kResourceExhausted;
  wait.retry_after = std::chrono::seconds(3);
  EXPECT_EQ(FactsOf(Classify(wait, HttpAct::write, "x")).retry_after, std::chrono::seconds(3));
}

}  // namespace
}  // namespace vecferry::weaviate
