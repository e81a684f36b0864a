#include "chroma_model/parameters.h"

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

namespace vecferry::chroma_model {
namespace {

using Json = nlohmann::json;
using testing::HasSubstr;

/// As GET collections/NAME of 1.5.9 tells it.
std::string Schema(const std::string& space, const std::string& more = "") {
  return R"({"defaults":{"string":{"fts_index":{"enabled":false,"config":{}},"string_inverted_index":{"enabled":true,"config":{}}},"float_list":{"vector_index":{"enabled":false,"config":{"space":")" +
         space + R"("}}},"int":{"int_inverted_index":{"enabled":true,"config":{}}}},"keys":{"#document":{"string":{"fts_index":{"enabled":true,"config":{}},"string_inverted_index":{"enabled":false,"config":{}}}},)" +
         more + R"("#embedding":{"float_list":{"vector_index":{"enabled":true,"config":{"space":")" + space +
         R"(","source_key":"#document","hnsw":{"ef_construction":55,"max_neighbors":20,"ef_search":44,"num_threads":1,"batch_size":10,"sync_threshold":500,"resize_factor":1.5}}}}}}})";
}

Parameters Understood(const Kept& kept) { return ParametersOf(kept).ValueOrDie(); }
Metric MetricOf(const std::string& configuration, const std::string& schema, const std::string& metadata) { return Understood({configuration, schema, metadata}).metric; }

TEST(Parameters, TheMetricStandsInOneOfFourPlaces) {
  EXPECT_EQ(MetricOf("", "", ""), Metric::l2);
  EXPECT_EQ(MetricOf("null", "null", "null"), Metric::l2);
  EXPECT_EQ(MetricOf(R"({"hnsw":{"space":"ip"}})", "", ""), Metric::dot);
  EXPECT_EQ(MetricOf(R"({"spann":{"space":"cosine"},"hnsw":null})", "", ""), Metric::cosine);
  EXPECT_EQ(MetricOf("", "", R"({"hnsw:space":"cosine"})"), Metric::cosine);
  EXPECT_EQ(MetricOf("{}", Schema("cosine"), ""), Metric::cosine);
}

TEST(Parameters, WhereTheyDisagreeTheIndexIsRight) {
  // What the server made of both: configuration ip, metadata cosine.
  EXPECT_EQ(MetricOf(R"({"hnsw":{"space":"ip"}})", Schema("ip"), R"({"hnsw:space":"cosine"})"), Metric::dot);
  EXPECT_EQ(MetricOf(R"({"hnsw":{"space":"ip"}})", "", R"({"hnsw:space":"cosine"})"), Metric::dot);
  // A default gives way to the metadata, and 0.5 says l2 whatever it is.
  EXPECT_EQ(MetricOf(R"({"hnsw":{"space":"l2"}})", "", R"({"hnsw:space":"cosine"})"), Metric::cosine);
  EXPECT_EQ(MetricOf(R"({"hnsw_configuration":{"space":"l2"}})", "", R"({"hnsw:space":"cosine"})"), Metric::cosine);
  EXPECT_EQ(MetricOf(R"({"hnsw_configuration":{"space":"ip"}})", "", ""), Metric::dot);
}

TEST(Parameters, WhatIsNotKnownIsNotGuessed) {
  EXPECT_TRUE(IsCategory(ParametersOf({R"({"hnsw":{"space":"hamming"}})", "", ""}).status(), Category::unsupported));
  EXPECT_TRUE(IsCategory(ParametersOf({"{", "", ""}).status(), Category::corrupt));
  EXPECT_TRUE(IsCategory(ParametersOf({"", "[]", ""}).status(), Category::corrupt));
  const std::string deep = "{\"keys\":" + std::string(200'000, '[') + std::string(200'000, ']') + "}";
  EXPECT_TRUE(IsCategory(ParametersOf({"", deep, ""}).status(), Category::corrupt));
}

TEST(Parameters, TheGraphsSettingsComeFromWhereverTheyStand) {
  const Json wanted = {{"space", "ip"}, {"ef_construction", 55}, {"ef_search", 44}, {"max_neighbors", 20}, {"resize_factor", 1.5}, {"sync_threshold", 500}, {"batch_size", 10}};
  EXPECT_EQ(Json::parse(Understood({"{}", Schema("ip"), ""}).configuration)["hnsw"], wanted);
  EXPECT_EQ(Json::parse(Understood({R"({"hnsw_configuration":{"space":"ip","ef_construction":55,"ef_search":44,"M":20,"resize_factor":1.5,"sync_threshold":500,"batch_size":10,"num_threads":3}})", "", ""}).configuration)["hnsw"], wanted);
  EXPECT_EQ(Json::parse(Understood({"", "", R"({"hnsw:space":"ip","hnsw:construction_ef":55,"hnsw:search_ef":44,"hnsw:M":20,"hnsw:resize_factor":1.5,"hnsw:sync_threshold":500,"hnsw:batch_size":10,"hnsw:num_threads":3})"}).configuration)["hnsw"], wanted);
}

TEST(Parameters, TheEmbeddingFunctionIsToldAndCarried) {
  const Parameters p = Understood({R"({"hnsw":{"space":"cosine"},"embedding_function":{"type":"known","name":"openai","config":{"model_name":"text-embedding-3-small"}}})", "", ""});
  EXPECT_EQ(p.function, "openai");
  EXPECT_EQ(p.model, "text-embedding-3-small");
  EXPECT_EQ(SchemaOf(p, 8).vectors[0].model, "text-embedding-3-small");
  EXPECT_THAT(p.configuration, HasSubstr("text-embedding-3-small"));
  EXPECT_TRUE(SchemaOf(p, 0).vectors.empty());
}

RecordSchema Of(Metric metric) {
  RecordSchema schema;
  schema.vectors = {{"", VectorKind::dense, Element::f32, 4, metric, ""}};
  return schema;
}

TEST(Creation, TakesOverWhatTheSourceSaysButForItsMetric) {
  const auto settings = SettingsOf(Understood({R"({"hnsw":{"space":"ip","ef_construction":55}})", "", R"({"hnsw:space":"ip","owner":"me","list":[1]})"}));
  const Creation same = CreationOf("docs", Of(Metric::dot), settings).ValueOrDie();
  EXPECT_EQ(Json::parse(same.body), Json::parse(R"({"name":"docs","configuration":{"hnsw":{"space":"ip","ef_construction":55}},"metadata":{"hnsw:space":"ip","owner":"me"}})"));
  const Creation other = CreationOf("docs", Of(Metric::cosine), settings).ValueOrDie();
  EXPECT_EQ(Json::parse(other.body)["configuration"]["hnsw"]["space"], "cosine");
  EXPECT_EQ(Json::parse(other.body)["metadata"]["hnsw:space"], "cosine");
  EXPECT_EQ(Json::parse(CreationOf("docs", Of(Metric::l2), {})->body), Json::parse(R"({"name":"docs","configuration":{"hnsw":{"space":"l2"}}})"));
  EXPECT_TRUE(IsCategory(CreationOf("docs", Of(Metric::l1), {}).status(), Category::unsupported));
}

TEST(Creation, ASchemaThatSomebodyChoseIsKeptAndTheMetadataFollows) {
  EXPECT_FALSE(SettingsOf(Understood({"{}", Schema("ip"), ""})).contains(kSchemaSetting));
  const std::string chosen = Schema("ip", R"("title":{"string":{"string_inverted_index":{"enabled":false,"config":{}}}},)");
  const auto settings = SettingsOf(Understood({"{}", chosen, R"({"hnsw:space":"ip"})"}));
  const Creation creation = CreationOf("docs", Of(Metric::cosine), settings).ValueOrDie();
  const Json body = Json::parse(creation.body);
  EXPECT_FALSE(body.contains("configuration") || body.contains("metadata"));
  EXPECT_EQ(body["schema"]["keys"]["#embedding"]["float_list"]["vector_index"]["config"]["space"], "cosine");
  EXPECT_TRUE(body["schema"]["keys"].contains("title"));
  EXPECT_EQ(Json::parse(creation.put_metadata)["hnsw:space"], "cosine");
}

TEST(Names, AreTheServersOwnRule) {
  for (const std::string name : {"abc", "a.b", "A-b_c9", "1.2.3.4.5", "256.1.1.1", "127.0.0.1a"}) EXPECT_TRUE(CheckCollectionName(name).ok()) << name;
  EXPECT_TRUE(CheckCollectionName(std::string(512, 'x')).ok());
  for (const std::string name : {"", "ab", "a b", "_abc", "abc-", "a..b", "127.0.0.1", "a/b", "\xc3\xa9\xc3\xa9", "a%2Fb"}) {
    EXPECT_TRUE(IsCategory(CheckCollectionName(name), Category::usage)) << name;
  }
  EXPECT_FALSE(CheckCollectionName(std::string(513, 'x')).ok());
}

TEST(Fits, IsOfMetricAndDimension) {
  EXPECT_TRUE(CheckFits(Of(Metric::l2), Of(Metric::l2)).ok());
  EXPECT_TRUE(CheckFits(RecordSchema(), Of(Metric::l2)).ok());
  EXPECT_TRUE(IsCategory(CheckFits(Of(Metric::l2), Of(Metric::cosine)), Category::refused));
  RecordSchema longer = Of(Metric::l2);
  longer.vectors[0].dims = 5;
  EXPECT_TRUE(IsCategory(CheckFits(Of(Metric::l2), longer), Category::refused));
}

}  // namespace
}  // namespace vecferry::chroma_model
