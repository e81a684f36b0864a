#include "transform/mapper.h"

#include "transform/test_support.h"
#include "transform/tree.h"

namespace vecferry {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

struct Outcome {
  std::string id, metadata, code;
  std::optional<std::string> document, tenant;
};

Outcome Mapped(const std::vector<std::string>& maps, const TestRow& row, bool has_tenant = false) {
  RecordSchema schema = TestSchema();
  schema.has_tenant = has_tenant;
  TransformSpec spec;
  spec.maps = maps;
  const auto batch = Applied(spec, TestBatch(schema, {row}));
  Outcome outcome;
  if (!batch.ok()) {
    outcome.code = batch.status().message();
  } else if (!batch->rejects.empty()) {
    outcome.code = batch->rejects[0].code;
    outcome.id = batch->rejects[0].id;
  } else {
    outcome = {std::string(batch->records.id(0)), std::string(*batch->records.metadata(0)), "", {}, {}};
    if (const auto text = batch->records.document(0)) outcome.document = *text;
    if (const auto text = batch->records.tenant(0)) outcome.tenant = *text;
  }
  return outcome;
}

std::string Metadata(const std::vector<std::string>& maps, const std::string& metadata) {
  const Outcome outcome = Mapped(maps, {"a", metadata, "text"});
  return outcome.code.empty() ? outcome.metadata : outcome.code;
}

TEST(Map, Renames) {
  EXPECT_EQ(Metadata({"title=name"}, R"({"x":1,"name":"n","y":2})"), R"({"x":1,"title":"n","y":2})");
  EXPECT_EQ(Metadata({"title=metadata.name"}, R"({})"), R"({})");
  EXPECT_EQ(Metadata({"a.b=c"}, R"({"c":[1,1.0,null]})"), R"({"a":{"b":[1,1.0,null]}})");
  EXPECT_EQ(Metadata({"c=a.b"}, R"({"a":{"b":1,"d":2}})"), R"({"a":{"d":2},"c":1})");
  EXPECT_EQ(Metadata({"\"a.b\"=c", "\"say \"\"x\"\"\"=d"}, R"({"c":1,"d":2})"), R"({"a.b":1,"say \"x\"":2})");
  EXPECT_EQ(Metadata({"title=name"}, R"({"title":1,"name":2})"), "map-occupied");
  EXPECT_EQ(Metadata({"a.b=c"}, R"({"a":1,"c":2})"), "map-conflict");
  EXPECT_EQ(Metadata({"metadata.id=x"}, R"({"x":5})"), R"({"id":5})");
  EXPECT_EQ(Metadata({"b=a", "c=b"}, R"({"a":1})"), R"({"c":1})");
}

TEST(Map, ValuesKeepTheirTypes) {
  const std::string odd = R"({"a":{"i":9007199254740993,"u":18446744073709551615,"r":1.0,"n":null,"nan":{"$vf":"f64","v":"NaN"},"o":{"$vf":"object","v":{"$vf":1}}}})";
  EXPECT_EQ(Metadata({"b=a", "a=b"}, odd), odd);
}

TEST(Map, ThereAndBackIsTheSame) {
  const std::vector<std::string> values = {R"({"x":1})", R"({"x":{"y":[{"z":1}]},"k":"v"})", R"({"x":null})", R"({})", R"({"k":1.0,"x":"\u0000"})"};
  for (const auto& value : values) {
    EXPECT_EQ(Metadata({"t=x", "x=t"}, value), value);
    std::string canonical, again;
    JsonReader reader;
    ASSERT_TRUE(reader.AppendCanonical(value, &canonical).ok());
    ASSERT_TRUE(reader.AppendCanonical(Metadata({"deep.down=x", "x=deep.down", "drop:deep"}, value), &again).ok());
    EXPECT_EQ(again, canonical);
  }
  const Outcome outcome = Mapped({"body=document", "document=body"}, {"a", R"({"x":1})", "the text"});
  EXPECT_EQ(outcome.document, "the text");
  EXPECT_EQ(outcome.metadata, R"({"x":1})");
}

TEST(Map, CopyDropSetDefault) {
  EXPECT_EQ(Metadata({"copy:b=a"}, R"({"a":[1,{"c":2}]})"), R"({"a":[1,{"c":2}],"b":[1,{"c":2}]})");
  EXPECT_EQ(Metadata({"drop:a", "drop:x.y", "drop:nosuch"}, R"({"a":1,"x":{"y":1,"z":2}})"), R"({"x":{"z":2}})");
  EXPECT_EQ(Metadata({"set:a=5", "set:b=[1,\"x\"]", "set:c=plain text", "set:d=\"quoted\"", "set:e=true"}, R"({"a":1})"),
            R"({"a":5,"b":[1,"x"],"c":"plain text","d":"quoted","e":true})");
  EXPECT_EQ(Metadata({"default:a=0", "default:b=0", "default:c=0"}, R"({"a":1,"b":null})"), R"({"a":1,"b":0,"c":0})");
  EXPECT_EQ(Metadata({"set:big=9007199254740993", "set:when={\"$vf\":\"datetime\",\"v\":\"x\"}"}, "{}"), R"({"big":9007199254740993,"when":{"$vf":"datetime","v":"x"}})");
}

TEST(Map, Templates) {
  EXPECT_EQ(Metadata({"set:at=${run.started_at}", "set:from=${source.store}:${source.dataset}", "set:by=${run.id}"}, "{}"),
            R"({"at":"2026-01-02T03:04:05Z","from":"memory:docs","by":"run-1"})");
  EXPECT_EQ(Metadata({"set:t=${a.b}/${n}/$${x}"}, R"({"a":{"b":"x"},"n":1.0})"), R"({"a":{"b":"x"},"n":1.0,"t":"x/1.0/${x}"})");
  EXPECT_EQ(Metadata({"set:t=${nosuch}"}, "{}"), "map-missing");
  EXPECT_THAT(Metadata({"set:t=${run.begun}"}, "{}"), HasSubstr("there is no ${run.begun}"));
  EXPECT_THAT(Metadata({"set:t=${a"}, "{}"), HasSubstr("not closed"));
  EXPECT_EQ(Mapped({"set:id=${tenant}/${id}"}, {"7", "{}", std::nullopt, "acme"}, true).id, "acme/7");
}

TEST(Map, BetweenTheParts) {
  Outcome outcome = Mapped({"drop:document", "document=body", "tenant=user", "id=slug"}, {"1", R"({"body":"b","user":7,"slug":"s","x":1})", "old"});
  EXPECT_EQ(outcome.document, "b");
  EXPECT_EQ(outcome.tenant, "7");
  EXPECT_EQ(outcome.id, "s");
  EXPECT_EQ(outcome.metadata, R"({"x":1})");
  EXPECT_EQ(Mapped({"document=body"}, {"1", R"({"body":"b"})", "old"}).code, "map-occupied");
  EXPECT_EQ(Mapped({"id=slug"}, {"1", R"({})", "old"}).code, "map-missing");
  EXPECT_EQ(Mapped({"id=slug"}, {"1", R"({"slug":true})", "old"}).code, "map-type");
  EXPECT_EQ(Mapped({"id=slug"}, {"1", R"({"slug":""})", "old"}).id, "1");
  outcome = Mapped({"who=tenant", "copy:orig=id", "text=document"}, {"1", "{}", "old", "acme"}, true);
  EXPECT_EQ(outcome.metadata, R"({"who":"acme","orig":"1","text":"old"})");
  EXPECT_EQ(outcome.tenant, std::nullopt);
  EXPECT_EQ(outcome.document, std::nullopt);
}

TEST(Map, Casts) {
  EXPECT_EQ(Metadata({"int:x"}, R"({"x":"9007199254740993"})"), R"({"x":9007199254740993})");
  EXPECT_EQ(Metadata({"int:x"}, R"({"x":"18446744073709551615"})"), R"({"x":18446744073709551615})");
  EXPECT_EQ(Metadata({"int:x"}, R"({"x":3.0})"), R"({"x":3})");
  for (const char* bad : {R"({"x":3.5})", R"({"x":"3.5"})", R"({"x":" 3"})", R"({"x":""})", R"({"x":1e300})", R"({"x":[1]})", R"({"x":"18446744073709551616"})"}) {
    EXPECT_EQ(Metadata({"int:x"}, bad), "map-cast") << bad;
  }
  EXPECT_EQ(Metadata({"digits:x", "digits:y", "digits:z"}, R"({"x":0.14285714285714285,"y":3,"z":"a"})"), R"({"x":0.142857142857143,"y":3,"z":"a"})");
  EXPECT_EQ(Metadata({"round:x", "trunc:y"}, R"({"x":"3.5","y":-3.9})"), R"({"x":4,"y":-3})");
  EXPECT_EQ(Metadata({"real:x", "real:y"}, R"({"x":"1e3","y":9007199254740992})"), R"({"x":1000.0,"y":9007199254740992.0})");
  EXPECT_EQ(Metadata({"real:x"}, R"({"x":9007199254740993})"), "map-cast");
  EXPECT_EQ(Metadata({"bool:x", "bool:y", "bool:z"}, R"({"x":"Yes","y":0,"z":true})"), R"({"x":true,"y":false,"z":true})");
  EXPECT_EQ(Metadata({"bool:x"}, R"({"x":2})"), "map-cast");
  EXPECT_EQ(Metadata({"text:x", "text:y", "text:z"}, R"({"x":1.0,"y":[1],"z":true})"), R"({"x":"1.0","y":"[1]","z":"true"})");
  EXPECT_EQ(Metadata({"int:x", "int:nosuch"}, R"({"x":null})"), R"({"x":null})");
  EXPECT_EQ(Metadata({"int:year=date"}, R"({"date":"2024"})"), R"({"year":2024})");
}

TEST(Map, Times) {
  EXPECT_EQ(Metadata({"iso:a", "iso_ms:b", "iso:c"}, R"({"a":1714557600,"b":1714557600123,"c":-0.5})"),
            R"({"a":"2024-05-01T10:00:00Z","b":"2024-05-01T10:00:00.123Z","c":"1969-12-31T23:59:59.5Z"})");
  EXPECT_EQ(Metadata({"epoch:a", "epoch_ms:b", "epoch:c"}, R"({"a":"2024-05-01T12:00:00+02:00","b":"2024-05-01T10:00:00.123Z","c":{"$vf":"datetime","v":"2024-05-01T10:00:00.5Z"}})"),
            R"({"a":1714557600,"b":1714557600123,"c":1714557600.5})");
  EXPECT_EQ(Metadata({"iso:a", "epoch:a"}, R"({"a":1714557600})"), R"({"a":1714557600})");
  EXPECT_EQ(Metadata({"iso:a"}, R"({"a":9223372036854775807})"), "map-cast");
  EXPECT_EQ(Metadata({"epoch:a"}, R"({"a":"yesterday"})"), "map-cast");
}

TEST(Map, WhatIsRefused) {
  for (const char* bad : {"", "a", "=", "a=", "=b", "drop:id", "x=id", "metadata=a", "a=metadata", "drop:", "drop:a=b", "vector=a", "a=vector", "copy:vector:b=vector", "sparse:b=vector",
                          "set:a", "a..b=c", "\"a=b", "a b=c", "a=a.b.", "a.b=a", "renmae:a=b=c:d", "set:vector=1", "int:vector", "drop:vector:nosuch", "b=tenant"}) {
    EXPECT_NE(Mapped({bad}, {"1", "{}", "d"}).code, "") << bad;
    TransformSpec spec;
    spec.maps = {bad};
    EXPECT_TRUE(IsCategory(Applied(spec, TestBatch(TestSchema(), {})).status(), Category::usage)) << bad;
  }
}

TEST(Map, Vectors) {
  RecordSchema schema = TestSchema();
  schema.vectors = {{"a", VectorKind::dense, Element::f32, 4, Metric::dot, ""}, {"b", VectorKind::dense, Element::f32, 4, Metric::l2, ""}};
  BatchBuilder builder(schema);
  const float one[4] = {1, 0, 0, 0}, two[4] = {0, 2, 0, 0};
  builder.Id("x");
  builder.Vector(0, {reinterpret_cast<const char*>(one), sizeof one});
  builder.Vector(1, {reinterpret_cast<const char*>(two), sizeof two});
  builder.EndRow();
  TransformSpec spec;
  spec.maps = {"drop:vector:a", "vector=vector:b"};
  const auto view = *builder.Finish();
  const auto batch = Applied(spec, view);
  ASSERT_TRUE(batch.ok()) << batch.status();
  ASSERT_EQ(batch->records.vectors().size(), 1u);
  EXPECT_EQ(batch->records.vectors()[0].spec.column(), "vector");
  EXPECT_EQ(batch->records.vectors()[0].spec.metric, Metric::l2);
  EXPECT_THAT(FloatsOf(batch->records, 0), ElementsAre(0, 2, 0, 0));
  spec.maps = {"vector:b=vector:a"};
  EXPECT_THAT(Applied(spec, view).status().message(), HasSubstr("there is a vector:b already"));
}

TEST(Map, NothingNestsTooDeep) {
  std::vector<std::string> maps = {"a0=x"};
  for (int i = 0; i < 40; ++i) {
    std::string target = "a" + std::to_string(i + 1);
    for (int k = 0; k < 30; ++k) target += ".n";
    maps.push_back(target + "=a" + std::to_string(i));
  }
  EXPECT_EQ(Metadata(maps, R"({"x":1})"), "map-conflict");
}

TEST(Map, FieldTypesFollow) {
  RecordSchema schema = TestSchema();
  schema.field_types = {{"n", "int4"}, {"when", "timestamptz"}};
  TransformSpec spec;
  spec.maps = {"number=n", "text:when"};
  const auto batch = Applied(spec, TestBatch(schema, {{"a", R"({"n":1})", "d"}}));
  ASSERT_TRUE(batch.ok()) << batch.status();
  EXPECT_THAT(batch->records.schema().field_types, ElementsAre(std::pair<const std::string, std::string>("number", "int4")));
}

TEST(Map, RejectsLeaveTheOthersAlone) {
  TransformSpec spec;
  spec.maps = {"int:n", "title=name"};
  const auto batch = Applied(spec, TestBatch(TestSchema(), {{"a", R"({"n":"1","name":"x"})", "d"}, {"b", R"({"n":"one"})", "d"}, {"c", "{bad", "d"}, {"d", "", "d"}}));
  ASSERT_TRUE(batch.ok()) << batch.status();
  EXPECT_THAT(IdsOf(batch->records), ElementsAre("a", "d"));
  EXPECT_EQ(*batch->records.metadata(0), R"({"n":1,"title":"x"})");
  ASSERT_EQ(batch->rejects.size(), 2u);
  EXPECT_EQ(batch->rejects[0].code, "map-cast");
  EXPECT_EQ(batch->rejects[0].id, "b");
  EXPECT_THAT(batch->rejects[0].record, HasSubstr("\"one\""));
  EXPECT_EQ(batch->rejects[1].code, "bad-metadata");
  EXPECT_EQ(batch->next, "cursor");
}

TEST(Map, KeysOfTheSourceAreTold) {
  TransformSpec spec;
  spec.maps = {"id=slug"};
  const auto batch = Applied(spec, TestBatch(TestSchema(), {{"a", R"({"slug":"x"})", "d"}}));
  ASSERT_TRUE(batch.ok());
  EXPECT_EQ(batch->records.schema().id_kind, IdKind::string);
  EXPECT_THAT(batch->source_keys, ElementsAre(RecordHasher::Key(std::nullopt, "a").low));
}

TEST(Spec, ThereAndBack) {
  ResolvedTransforms resolved;
  resolved.spec.filters = {"a = 'é'"};
  resolved.spec.maps = {"a=b"};
  resolved.spec.has_ids = true;
  resolved.spec.ids = {"x"};
  resolved.spec.sample = "5%";
  resolved.spec.reductions = {"2:pca"};
  resolved.spec.normalise = true;
  resolved.facts = {"r", "t", "d", "s"};
  resolved.sample_below = 12345678901234567890ull;
  resolved.projections["vector"] = {2, 1, {1.5f, 2.5f}, {0.1f, -0.2f}, 9, 0.5};
  resolved.limit = 7;
  const auto again = ResolvedTransforms::FromJson(resolved.ToJson());
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(again->spec, resolved.spec);
  EXPECT_EQ(again->sample_below, resolved.sample_below);
  EXPECT_EQ(again->projections.at("vector").components, resolved.projections["vector"].components);
  EXPECT_EQ(again->ToJson(), resolved.ToJson());
  for (const char* bad : {"", "{}", "[]", R"({"spec":{}})"}) EXPECT_TRUE(IsCategory(ResolvedTransforms::FromJson(bad).status(), Category::corrupt)) << bad;
}

}  // namespace
}  // namespace vecferry
