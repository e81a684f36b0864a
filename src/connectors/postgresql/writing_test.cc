#include <gtest/gtest.h>

#include "connectors/postgresql/design.h"
#include "connectors/postgresql/field_splitter.h"
#include "connectors/postgresql/index_build.h"
#include "connectors/postgresql/index_plan.h"
#include "connectors/postgresql/jsonb_writer.h"
#include "connectors/postgresql/row_encoder.h"
#include "connectors/postgresql/table_shape.h"
#include "connectors/postgresql/vector_mark.h"
#include "connectors/postgresql/wire.h"

namespace vecferry::postgresql {
namespace {

std::string Jsonb(std::string_view json) {
  std::string out;
  JsonbWriter writer(&out);
  JsonReader reader;
  const Status status = reader.Visit(json, writer);
  return status.ok() ? out : FactsOf(status).code;
}

TEST(JsonbWriter, NumbersComeBackAsTheTypeThatTheyWere) {
  EXPECT_EQ(Jsonb(R"({"a":1,"b":1.0,"c":18446744073709551615})"), R"({"a":1,"b":1.0,"c":18446744073709551615})");
  EXPECT_EQ(Jsonb("[1e22]"), "[10000000000000000000000.0]");
  EXPECT_EQ(Jsonb("[1e-7,-2.5e-8]"), "[0.0000001,-0.000000025]");
  EXPECT_EQ(Jsonb("[-0.0,0.0]"), R"([{"$vf":"f64","v":"-0.0"},0.0])");
  EXPECT_EQ(Jsonb(R"({"a":{"$vf":"f64","v":"NaN"}})"), R"({"a":{"$vf":"f64","v":"NaN"}})");
  EXPECT_EQ(Jsonb(R"(["x\u0000"])"), "nul-character");
  EXPECT_EQ(Jsonb(R"({"x\u0000":1})"), "nul-character");
}

TEST(JsonbWriter, NegativeZeroIsReadAgain) {
  std::string out;
  JsonWriter writer(&out);
  JsonReader reader;
  ASSERT_TRUE(reader.Visit(R"({"a":{"$vf":"f64","v":"-0.0"}})", writer).ok());
  EXPECT_EQ(out, R"({"a":-0.0})");
}

TEST(JsonbWriter, TextThatStaysAsItIsIsKnown) {
  for (const char* plain : {"{}", R"({"a":1.5,"e":"me"})", R"({"a":-1.5})", R"({"a":"line\nbreak"})"}) EXPECT_TRUE(IsJsonbText(plain)) << plain;
  for (const char* not_plain : {R"({"a":1e5})", R"({"a":-0.0})", R"({"a":"\u0000"})"}) EXPECT_FALSE(IsJsonbText(not_plain)) << not_plain;
}

IndexedTable Table(std::string type, Metric metric, int32_t dims) {
  IndexedVector vector{"embedding", type, {"", VectorKind::dense, type == "halfvec" ? Element::f16 : type == "bit" ? Element::bit : Element::f32, dims, metric, ""}};
  if (type == "sparsevec") vector.spec.kind = VectorKind::sparse, vector.spec.dims = 0;
  return {"public", "items", "public", {vector}, "metadata", ""};
}
std::string BodyOf(const IndexedTable& table, const IndexWish& wish) {
  std::vector<Note> notes;
  const auto indexes = PlanIndexes(table, wish, &notes);
  EXPECT_EQ(indexes.empty(), !notes.empty());
  return indexes.empty() ? notes[0].code : indexes[0].body;
}

TEST(IndexPlan, OperatorClassesAndLimits) {
  IndexWish hnsw, ivfflat{.method = "ivfflat"};
  EXPECT_EQ(BodyOf(Table("vector", Metric::cosine, 2000), hnsw), R"(USING hnsw ("embedding" "public".vector_cosine_ops))");
  EXPECT_EQ(BodyOf(Table("halfvec", Metric::dot, 4000), hnsw), R"(USING hnsw ("embedding" "public".halfvec_ip_ops))");
  EXPECT_EQ(BodyOf(Table("bit", Metric::jaccard, 64), hnsw), R"(USING hnsw ("embedding" "public".bit_jaccard_ops))");
  EXPECT_EQ(BodyOf(Table("vector", Metric::l2, 3), ivfflat), R"(USING ivfflat ("embedding" "public".vector_l2_ops) WITH (lists = {lists}))");
  for (const auto& [table, wish] : {std::pair{Table("vector", Metric::cosine, 2001), hnsw}, {Table("halfvec", Metric::cosine, 4001), hnsw}, {Table("bit", Metric::jaccard, 64), ivfflat},
                                    {Table("vector", Metric::l1, 3), ivfflat}, {Table("vector", Metric::unknown, 3), hnsw}, {Table("sparsevec", Metric::dot, 0), hnsw}}) {
    EXPECT_EQ(BodyOf(table, wish), "no-index");
  }
  hnsw.halfvec = true;
  EXPECT_EQ(BodyOf(Table("vector", Metric::cosine, 2001), hnsw), R"(USING hnsw (("embedding"::"public".halfvec(2001)) "public".halfvec_cosine_ops))");
}

TEST(IndexPlan, ParametersOfTheSourceAndOfTheUser) {
  IndexedTable table = Table("vector", Metric::cosine, 3);
  TakeOverHnsw(R"({"vectors":{"size":3,"distance":"Cosine","hnsw_config":{"m":24}},"hnsw_config":{"m":8,"ef_construct":30}})", &table.vectors);
  EXPECT_EQ(table.vectors[0].m, 24);
  EXPECT_TRUE(BodyOf(table, {}).ends_with("WITH (m = 24, ef_construction = 48)")) << BodyOf(table, {});
  EXPECT_TRUE(BodyOf(table, {.m = 4, .ef_construction = 20}).ends_with("WITH (m = 4, ef_construction = 20)"));
  TakeOverHnsw("not json", &table.vectors);
  EXPECT_FALSE(IndexWishOf({{"m", "32"}, {"ef-construction", "40"}}).ok());
  EXPECT_FALSE(IndexWishOf({{"m", "1000"}}).ok());
  const IndexDefinition lists{"i", "USING ivfflat (x) WITH (lists = {lists})"};
  EXPECT_NE(CreateIndexSql(lists, "s", "t", 200000).find("lists = 200)"), std::string::npos);
  EXPECT_NE(CreateIndexSql(lists, "s", "t", 4000000).find("lists = 2000)"), std::string::npos);
}

TEST(IndexPlan, SettingsAreReadAgain) {
  std::string schema, table;
  std::vector<IndexDefinition> indexes;
  ASSERT_TRUE(ParseIndexSettings(IndexSettings("s", "t", {{"name", "body"}}), &schema, &table, &indexes).ok());
  EXPECT_EQ(schema + table + indexes.at(0).name + indexes[0].body, "stnamebody");
  for (const char* broken : {"", "[]", "{}", R"({"schema":1,"table":"t","indexes":[]})", R"({"schema":"s","table":"t","indexes":[{"name":"n"}]})"}) {
    EXPECT_TRUE(IsCategory(ParseIndexSettings(broken, &schema, &table, &indexes), Category::corrupt)) << broken;
  }
}

TEST(Design, ATableForRecords) {
  RecordSchema schema;
  schema.id_kind = IdKind::u64;
  schema.has_tenant = schema.has_document = true;
  schema.vectors = {{"", VectorKind::dense, Element::f32, 3, Metric::cosine, ""}, {"half \"x\"", VectorKind::dense, Element::f16, 4, Metric::l2, ""}, {"s", VectorKind::sparse, Element::f32, 0, Metric::dot, ""}};
  TableWish wish;
  wish.fields = {{"year", "integer"}};
  const auto design = DesignTable(schema, *DefaultTableLayout()->table, wish, "public", {"public", "t", true, true});
  ASSERT_TRUE(design.ok()) << design.status();
  const std::string sql = design->CreateSql({"public", "t", true, true}, "mark");
  for (const char* part : {R"("id" numeric(20,0) CHECK ("id" >= 0) NOT NULL)", R"("tenant" text COLLATE "C" NOT NULL DEFAULT '')", R"("document" text)", R"("metadata" jsonb)",
                           R"("embedding" "public".vector(3))", "\"half \"\"x\"\"\" \"public\".halfvec(4)", R"("s" "public".sparsevec(1000000000))", R"("year" integer)", R"(PRIMARY KEY ("tenant", "id"))",
                           "COMMENT ON TABLE"}) {
    EXPECT_NE(sql.find(part), std::string::npos) << part << " in " << sql;
  }
  schema.vectors.push_back({"embedding", VectorKind::dense, Element::f32, 3, Metric::cosine, ""});
  EXPECT_TRUE(IsCategory(DesignTable(schema, *DefaultTableLayout()->table, wish, "public", {"public", "t", true, true}).status(), Category::unsupported));
  schema.vectors = {{"", VectorKind::multi, Element::f32, 3, Metric::cosine, ""}};
  EXPECT_FALSE(DesignTable(schema, *DefaultTableLayout()->table, wish, "public", {"public", "t", true, true}).ok());
  EXPECT_FALSE(TableWishOf({{"fields", "a:integer; DROP TABLE x"}}).ok());
  EXPECT_FALSE(TableWishOf({{"fields", "a:text) ; --"}}).ok());
}

TEST(Design, ATableLikeTheSources) {
  const auto layout = LayoutOfSetting(R"x({"columns":[{"name":"item","type":"bigint","role":"id","not_null":true},{"name":"body","type":"text","role":"document"},
      {"name":"seen","type":"timestamp with time zone","role":"field","not_null":true},{"name":"mood","type":"feelings","role":"field"},{"name":"twice","type":"integer","role":"field","generated":true},
      {"name":"v","type":"vector(3)","role":"vector"}]})x");
  ASSERT_TRUE(layout);
  std::string text;
  for (const auto& column : layout->columns) text += column.name + " " + column.type + (column.not_null ? "!" : "") + ";";
  EXPECT_EQ(text, "item bigint!;body text;seen timestamp with time zone;mood text;v text;metadata jsonb;");
  EXPECT_FALSE(LayoutOfSetting("nonsense"));
  EXPECT_FALSE(LayoutOfSetting(R"({"columns":[{"name":"a","type":"text","role":"id"},{"name":"b","type":"text","role":"id"}]})"));
}

TEST(VectorMark, IsReadAgain) {
  for (const VectorSpec& spec : {VectorSpec{"", VectorKind::dense, Element::f32, 3, Metric::cosine, ""}, {"a \"b\"", VectorKind::dense, Element::f32, 3, Metric::unknown, ""}, {"metric=l2", VectorKind::dense, Element::f32, 3, Metric::l1, ""}}) {
    const auto parts = ParseVectorMark(VectorMark(spec));
    ASSERT_TRUE(parts) << VectorMark(spec);
    EXPECT_EQ(parts->name, spec.name);
    EXPECT_EQ(parts->metric, spec.metric);
  }
  for (const char* other : {"", "our vector", "vecferry vector x", "vecferry vector \"a", "vecferry vector metric=nothing"}) EXPECT_FALSE(ParseVectorMark(other)) << other;
}

TargetColumn ColumnOf(std::string name, TargetColumn::Role role, Kind kind) {
  TargetColumn column;
  column.name = std::move(name);
  column.role = role;
  column.type.kind = kind;
  column.type.name = Name(kind);
  column.field = column.name;
  return column;
}

struct Rows {
  std::vector<std::string> parts;
  std::vector<std::string> codes;
};
Rows Encode(const TargetTable& table, const std::vector<std::string>& metadata) {
  RecordSchema schema;
  BatchBuilder builder(schema);
  for (size_t i = 0; i < metadata.size(); ++i) {
    builder.Id(std::to_string(i));
    builder.Metadata(metadata[i]);
    builder.EndRow();
  }
  RowEncoder encoder(table, schema);
  std::vector<RowReject> rejects;
  const auto parts = encoder.Encode(builder.Finish().ValueOrDie(), &rejects);
  Rows rows;
  for (const auto& part : **parts) rows.parts.push_back(std::to_string(part.columns.size()) + "x" + std::to_string(part.rows));
  for (const auto& reject : rejects) rows.codes.push_back(reject.code);
  return rows;
}

TEST(RowEncoder, ValuesThatDoNotFitAreRejectsAndDefaultsAreLeftToTheServer) {
  TargetTable table;
  table.columns = {ColumnOf("id", TargetColumn::Role::id, Kind::text), ColumnOf("n", TargetColumn::Role::field, Kind::int2), ColumnOf("metadata", TargetColumn::Role::metadata, Kind::jsonb)};
  table.columns[1].has_default = true;
  Rows rows = Encode(table, {R"({"n":1})", "{}", R"({"n":70000})", R"({"n":"x"})", R"({"n":null})", R"({"other":"\u0000"})", R"({"n":2,"x":1.5})"});
  EXPECT_EQ(rows.parts, (std::vector<std::string>{"3x2", "2x2"}));
  EXPECT_EQ(rows.codes, (std::vector<std::string>{"value-out-of-range", "value-type", "nul-character"}));
  table.columns[1].has_default = false;
  table.columns[1].not_null = true;
  EXPECT_EQ(Encode(table, {"{}"}).codes, std::vector<std::string>{"missing-value"});
  table.columns.pop_back();
  EXPECT_EQ(Encode(table, {R"({"n":1,"x":2})"}).codes, std::vector<std::string>{"no-column"});
}

TEST(RowEncoder, IdsKeepTheirSpelling) {
  const TargetColumn number = ColumnOf("id", TargetColumn::Role::id, Kind::int8), uuid = ColumnOf("id", TargetColumn::Role::id, Kind::uuid), text = ColumnOf("id", TargetColumn::Role::id, Kind::text);
  EXPECT_EQ(SpellId(number, "-5"), "-5");
  for (const char* other : {"05", "+5", "5 ", "x", "", "9223372036854775808"}) EXPECT_FALSE(SpellId(number, other)) << other;
  EXPECT_TRUE(SpellId(uuid, "c5f5b2a8-1111-4222-8333-444455556666"));
  EXPECT_FALSE(SpellId(uuid, "C5F5B2A8-1111-4222-8333-444455556666"));
  EXPECT_EQ(SpellId(text, " 05 "), " 05 ");
  EXPECT_FALSE(SpellId(text, std::string_view("a\0b", 3)));
}

TEST(FieldSplitter, MomentsAndKeysOfColumns) {
  Type moment;
  moment.kind = Kind::timestamptz;
  FieldSplitter splitter({{"at", moment, true}}, FieldSplitter::Rest::jsonb, "metadata");
  JsonReader reader;
  std::string first;
  for (const char* same : {R"({"at":"2024-05-06T07:08:09Z"})", R"({"at":1714979289})", R"({"at":1714979289.0})", R"({"at":{"$vf":"datetime","v":"2024-05-06T07:08:09Z"}})", R"({"at":"2024-05-06 09:08:09+02:00"})"}) {
    std::string rest;
    splitter.Begin(&rest);
    ASSERT_TRUE(reader.Visit(same, splitter).ok()) << same;
    EXPECT_EQ(rest, "{}");
    if (first.empty()) first = splitter.fields()[0];
    EXPECT_EQ(splitter.fields()[0], first) << same;
  }
  std::string rest;
  splitter.Begin(&rest);
  ASSERT_TRUE(reader.Visit(R"({"at":null,"metadata":1,"\\at":2,"x":3})", splitter).ok());
  EXPECT_EQ(rest, R"({"\\at":null,"\\metadata":1,"\\\\at":2,"x":3})");
}

}  // namespace
}  // namespace vecferry::postgresql
