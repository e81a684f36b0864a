#include <cstdlib>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "connectors/qdrant/client.h"
#include "connectors/qdrant/config.h"
#include "connectors/qdrant/dataset.h"
#include "qdrant_pb/collections.pb.h"
#include "qdrant_pb/points.pb.h"

namespace vecferry::qdrant {
namespace {

using Json = nlohmann::json;

// ---- where a server is ----

Result<Target> Parsed(const std::string& text) {
  ARROW_ASSIGN_OR_RAISE(Location location, ParseLocation(text));
  if (location.scheme == "http" || location.scheme == "https") {
    location.alias = location.scheme;
    location.scheme = kScheme;
  }
  return ParseTarget(location);
}

TEST(TargetOf, UnderstandsThePortOfRest) {
  EXPECT_EQ(Parsed("qdrant://h#c")->endpoint.port, 6334);
  EXPECT_EQ(Parsed("qdrant://h:7000#c")->endpoint.port, 7000);
  EXPECT_EQ(Parsed("http://h:6333#c")->endpoint.port, 6334);
  EXPECT_EQ(Parsed("https://h#c")->endpoint.port, 6334);
  EXPECT_TRUE(Parsed("https://h#c")->endpoint.tls);
  EXPECT_FALSE(Parsed("http://h#c")->endpoint.tls);
  EXPECT_EQ(Parsed("http://h:8000?grpc-port=8001#c")->endpoint.port, 8001);
  EXPECT_TRUE(IsCategory(Parsed("http://h:8000#c").status(), Category::usage));
  EXPECT_TRUE(Parsed("qdrant://h?tls=yes#c")->endpoint.tls);
}

TEST(TargetOf, TakesTheKeyFromWhereItIsTold) {
  setenv("QDRANT_API_KEY", "general", 1);
  setenv("VF_OTHER_KEY", "other", 1);
  EXPECT_EQ(Parsed("qdrant://h#c")->api_key, "general");
  EXPECT_EQ(Parsed("qdrant://h?api-key-env=VF_OTHER_KEY#c")->api_key, "other");
  EXPECT_EQ(Parsed("qdrant://h?api-key=inline#c")->api_key, "inline");
  EXPECT_EQ(Parsed("qdrant://:in%2Duser@h#c")->api_key, "in-user");
  EXPECT_TRUE(IsCategory(Parsed("qdrant://h?api-key-env=VF_NO_SUCH#c").status(), Category::usage));
  unsetenv("QDRANT_API_KEY");
  EXPECT_EQ(Parsed("qdrant://h#c")->api_key, "");
  const Status broken = Parsed("qdrant://h?api-key=a%20secret#c").status();
  EXPECT_TRUE(IsCategory(broken, Category::usage));
  EXPECT_THAT(broken.message(), testing::Not(testing::HasSubstr("secret")));
}

TEST(TargetOf, RefusesOptionsThatAreNone) {
  for (const char* text : {"qdrant://h?timeout=0#c", "qdrant://h?connections=0#c", "qdrant://h?grpc-port=99999#c", "qdrant://h?tsl=yes#c"}) {
    EXPECT_TRUE(IsCategory(Parsed(text).status(), Category::usage)) << text;
  }
}

// ---- failures ----

TEST(Classify, GoesByCodeAndRetryAfterAlone) {
  using namespace grpc_code;
  struct Case {
    int code;
    int retry_after;
    Act act;
    Category category;
    Retry retry;
  };
  for (const Case& c : {Case{kUnavailable, -1, Act::write, Category::transient, Retry::after_delay},
                        Case{kDeadlineExceeded, -1, Act::write, Category::transient, Retry::after_delay},
                        Case{kInternal, -1, Act::write, Category::transient, Retry::after_delay},
                        Case{kResourceExhausted, 36, Act::write, Category::transient, Retry::after_delay},
                        Case{kResourceExhausted, -1, Act::write, Category::too_large, Retry::never},
                        Case{kInvalidArgument, -1, Act::write, Category::bad_content, Retry::never},
                        Case{kInvalidArgument, -1, Act::read, Category::refused, Retry::never},
                        Case{kInvalidArgument, -1, Act::manage, Category::refused, Retry::never},
                        Case{kNotFound, -1, Act::write, Category::not_found, Retry::never},
                        Case{kAlreadyExists, -1, Act::manage, Category::refused, Retry::never},
                        Case{kUnauthenticated, -1, Act::look, Category::unauthorized, Retry::never},
                        Case{kPermissionDenied, -1, Act::write, Category::unauthorized, Retry::never},
                        Case{kUnimplemented, -1, Act::read, Category::unsupported, Retry::never},
                        Case{kCancelled, -1, Act::read, Category::cancelled, Retry::never},
                        Case{99, -1, Act::read, Category::refused, Retry::never}}) {
    GrpcReply reply;
    reply.code = c.code;
    reply.message = "words that mean nothing";
    if (c.retry_after >= 0) reply.retry_after = std::chrono::seconds(c.retry_after);
    const ErrorFacts facts = FactsOf(Classify(reply, c.act, "writing points"));
    EXPECT_EQ(facts.category, c.category) << c.code;
    EXPECT_EQ(facts.retry, c.retry) << c.code;
    if (c.retry_after >= 0) {
      EXPECT_EQ(facts.retry_after, std::chrono::seconds(c.retry_after));
    }
  }
  GrpcReply lost;
  lost.code = kUnavailable;
  EXPECT_EQ(FactsOf(Classify(lost, Act::write, "")).delivery, Delivery::unknown);
  EXPECT_EQ(FactsOf(Classify(lost, Act::read, "")).delivery, Delivery::not_applied);
}

TEST(CollectionName, IsCheckedBeforeAServerSeesIt) {
  for (const char* good : {"docs", "with space", "ünï", "a.b", "%2e", "#"}) EXPECT_TRUE(CheckCollectionName(good).ok()) << good;
  for (const std::string& bad : {std::string(), std::string("a/b"), std::string("."), std::string(".."), std::string("a\\b"), std::string("a:b"), std::string("a*"),
                                 std::string("a\0b", 3), std::string(256, 'x'), std::string("\xff")}) {
    EXPECT_TRUE(IsCategory(CheckCollectionName(bad), Category::usage)) << bad;
  }
}

// ---- parameters ----

/// Everything that a collection can be told, as the REST API spells it.
const char* const kFull = R"({
  "vectors": {"text": {"size": 384, "distance": "Cosine", "datatype": "float16", "on_disk": true,
                       "hnsw_config": {"m": 32, "ef_construct": 200, "payload_m": 16},
                       "quantization_config": {"scalar": {"type": "int8", "quantile": 0.5, "always_ram": true}}},
              "rows": {"size": 4, "distance": "Dot", "datatype": "float16", "multivector_config": {"comparator": "max_sim"}},
              "stemmer": {"size": 8, "distance": "Manhattan", "datatype": "float32"}},
  "sparse_vectors": {"words": {"index": {"full_scan_threshold": 5000, "on_disk": false, "datatype": "uint8"}, "modifier": "idf"}},
  "hnsw_config": {"m": 0, "full_scan_threshold": 12345},
  "wal_config": {"wal_capacity_mb": 64},
  "optimizers_config": {"indexing_threshold": 5000, "max_optimization_threads": 3, "deleted_threshold": 0.25},
  "quantization_config": {"binary": {"always_ram": true, "encoding": "two_bits", "query_encoding": "scalar8bits"}},
  "shard_number": 2, "replication_factor": 2, "write_consistency_factor": 1, "on_disk_payload": true, "sharding_method": "custom",
  "strict_mode_config": {"enabled": true, "upsert_max_batchsize": 500, "multivector_config": {"rows": {"max_vectors": 7}}},
  "metadata": {"owner": "12", "n": 12, "deep": {"list": [1, null, 2.5]}}
})";

RecordSchema FullSchema() {
  RecordSchema schema;
  schema.vectors = {{"text", VectorKind::dense, Element::f16, 384, Metric::cosine, ""},
                    {"rows", VectorKind::multi, Element::f32, 4, Metric::dot, ""},
                    {"stemmer", VectorKind::dense, Element::f32, 8, Metric::l1, ""},
                    {"words", VectorKind::sparse, Element::f32, 0, Metric::dot, ""}};
  return schema;
}

/// The request, and what a server that was told it would tell of itself.
pb::CollectionInfo InfoOf(const pb::CreateCollection& request) {
  pb::CollectionInfo info;
  auto& config = *info.mutable_config();
  auto& params = *config.mutable_params();
  *config.mutable_hnsw_config() = request.hnsw_config();
  *config.mutable_wal_config() = request.wal_config();
  *config.mutable_optimizer_config() = request.optimizers_config();
  *config.mutable_quantization_config() = request.quantization_config();
  *config.mutable_strict_mode_config() = request.strict_mode_config();
  *config.mutable_metadata() = request.metadata();
  params.set_shard_number(request.shard_number());
  params.set_replication_factor(request.replication_factor());
  params.set_write_consistency_factor(request.write_consistency_factor());
  params.set_on_disk_payload(request.on_disk_payload());
  params.set_sharding_method(request.sharding_method());
  *params.mutable_vectors_config() = request.vectors_config();
  *params.mutable_sparse_vectors_config() = request.sparse_vectors_config();
  return info;
}

TEST(Config, GoesThereAndBackWhole) {
  const auto request = CreateRequest("docs", FullSchema(), kFull);
  ASSERT_TRUE(request.ok()) << request.status().ToString();
  EXPECT_EQ(request->collection_name(), "docs");
  EXPECT_EQ(request->vectors_config().params_map().map().at("text").datatype(), pb::Datatype::float16);
  EXPECT_EQ(request->vectors_config().params_map().map().at("text").hnsw_config().m(), 32u);
  EXPECT_TRUE(request->hnsw_config().has_m());
  EXPECT_EQ(request->optimizers_config().max_optimization_threads().value(), 3u);
  EXPECT_EQ(request->strict_mode_config().multivector_config().multivector_config().at("rows").max_vectors(), 7u);
  const auto back = ConfigJsonOf(InfoOf(*request));
  ASSERT_TRUE(back.ok()) << back.status().ToString();
  EXPECT_EQ(Json::parse(*back), Json::parse(kFull));
  const auto schema = SchemaOf(InfoOf(*request));
  ASSERT_TRUE(schema.ok()) << schema.status().ToString();
  EXPECT_EQ(schema->vectors.size(), 4u);
}

TEST(Config, ThreadsAreToldInTheFieldThatOldServersKnow) {
  const auto request = CreateRequest("docs", FullSchema(), kFull);
  ASSERT_TRUE(request.ok()) << request.status().ToString();
  EXPECT_EQ(request->optimizers_config().deprecated_max_optimization_threads(), 3u);
  pb::CollectionInfo old = InfoOf(*request);
  old.mutable_config()->mutable_optimizer_config()->clear_max_optimization_threads();
  const auto back = ConfigJsonOf(old);
  ASSERT_TRUE(back.ok()) << back.status().ToString();
  EXPECT_EQ(Json::parse(*back), Json::parse(kFull));
}

TEST(Config, TheSchemaSaysMoreThanTheSettings) {
  RecordSchema schema;
  schema.vectors = {{"", VectorKind::dense, Element::f32, 3, Metric::dot, ""}};
  const auto request = CreateRequest("docs", schema, R"({"vectors": {"size": 9, "distance": "Cosine", "on_disk": true}, "shard_number": 3})");
  ASSERT_TRUE(request.ok()) << request.status().ToString();
  EXPECT_EQ(request->vectors_config().params().size(), 3u);
  EXPECT_EQ(request->vectors_config().params().distance(), pb::Distance::Dot);
  EXPECT_TRUE(request->vectors_config().params().on_disk());
  EXPECT_EQ(request->shard_number(), 3u);
}

TEST(Config, ACollectionWithoutVectorsSaysSo) {
  const auto request = CreateRequest("docs", RecordSchema(), "");
  ASSERT_TRUE(request.ok()) << request.status().ToString();
  EXPECT_TRUE(request->has_vectors_config());
}

TEST(Indexes, GoThereAndBackWithTheirParameters) {
  const std::string text = R"({"a": {"type": "keyword", "is_tenant": true, "on_disk": false, "params": true},
    "b": {"type": "integer", "lookup": true, "range": false, "params": true}, "c": {"type": "float"}, "d": {"type": "geo"}, "e": {"type": "bool"},
    "f": {"type": "datetime", "is_principal": true, "params": true}, "g": {"type": "uuid"},
    "h": {"type": "text", "tokenizer": "word", "lowercase": true, "min_token_len": 2, "stopwords": {"custom": ["12", "and"]},
          "stemmer": {"type": "snowball", "language": "english"}, "params": true}})";
  const auto requests = IndexRequests("docs", text);
  ASSERT_TRUE(requests.ok()) << requests.status().ToString();
  ASSERT_EQ(requests->size(), 8u);
  pb::CollectionInfo info;
  for (const auto& request : *requests) {
    EXPECT_TRUE(request.has_field_type()) << request.field_name();
    auto& schema = (*info.mutable_payload_schema())[request.field_name()];
    schema.set_data_type(static_cast<pb::PayloadSchemaInfo::Type>(request.field_type() + 1));
    if (request.has_field_index_params()) *schema.mutable_params() = request.field_index_params();
  }
  const auto back = IndexesJsonOf(info);
  ASSERT_TRUE(back.ok()) << back.status().ToString();
  EXPECT_EQ(Json::parse(*back), Json::parse(text));
}

TEST(Indexes, ATextThatIsNoneIsRefused) {
  EXPECT_FALSE(IndexRequests("docs", "[]").ok());
  EXPECT_FALSE(IndexRequests("docs", R"({"a": {"type": "integer", "lookup": "maybe"}})").ok());
  EXPECT_EQ(IndexRequests("docs", R"({"a": {"type": "of tomorrow"}, "b": 5})")->size(), 0u);
}

TEST(ShardKeys, DigitsAreANumberAndTextIsText) {
  EXPECT_EQ(ShardKeyOf("12").number(), 12u);
  EXPECT_EQ(ShardKeyOf("012").keyword(), "012");
  EXPECT_EQ(ShardKeyOf("acme").keyword(), "acme");
  for (const char* text : {"12", "012", "acme", "-1", "99999999999999999999999"}) EXPECT_EQ(TextOf(ShardKeyOf(text)), text);
}

TEST(Ranges, GoThereAndBackAsText) {
  const Range range{"a \"b\"", "12", PointId::Of(UINT64_MAX), PointId{true, 0, "0045e30d-aac7-db31-42b5-5b8f9feb6266"}};
  const auto back = Range::Parse(range.Text());
  ASSERT_TRUE(back.ok()) << back.status().ToString();
  EXPECT_EQ(back->collection, range.collection);
  EXPECT_EQ(back->shard, range.shard);
  EXPECT_EQ(back->from, range.from);
  EXPECT_EQ(back->to, range.to);
  for (const char* text : {"", "[]", "{}", R"({"collection": 1})", R"({"collection": "a", "from": "x"})", R"({"collection": "a", "to": "18446744073709551616"})"}) {
    EXPECT_TRUE(IsCategory(Range::Parse(text).status(), Category::corrupt)) << text;
  }
}

}  // namespace
}  // namespace vecferry::qdrant
