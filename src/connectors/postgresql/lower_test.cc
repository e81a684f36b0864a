#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "connectors/postgresql/errors.h"
#include "connectors/postgresql/mapping.h"
#include "connectors/postgresql/names.h"
#include "connectors/postgresql/options.h"
#include "connectors/postgresql/splits.h"
#include "layouts/layouts.h"

namespace vecferry::postgresql {
namespace {

TEST(Names, AsPeopleWriteThem) {
  const auto name = *ParseRelationName(R"("My ""Schema""".items)");
  EXPECT_EQ(name.schema, R"(My "Schema")");
  EXPECT_EQ(name.table, "items");
  EXPECT_EQ(name.Sql(), R"("My ""Schema"""."items")");
  EXPECT_EQ(name.Display(), R"("My ""Schema""".items)");
  EXPECT_EQ(ParseRelationName(R"("na.me")")->table, "na.me");
  for (const char* bad : {"", ".", "a.", "a.b.c", "\"a", "\"a\"b", "a\"b", "\"\""}) EXPECT_TRUE(IsCategory(ParseRelationName(bad).status(), Category::usage)) << bad;
  EXPECT_EQ(QuoteText("it's \\ x"), R"(E'it''s \\ x')");
  EXPECT_THAT(*ParseNameList(R"(a, "b,c" ,d)"), testing::ElementsAre("a", "b,c", "d"));
  EXPECT_FALSE(ParseNameList("a,a").ok());
  EXPECT_TRUE(IsQuery("SELECT 1") && IsQuery("(select * from x)") && IsQuery("with a as (select 1) table a"));
  EXPECT_FALSE(IsQuery("selected") || IsQuery("public.select") || IsQuery("SELECT"));
}

struct StateCase {
  const char* state;
  Category category;
  Retry retry;
};

TEST(Errors, ByStateAlone) {
  for (const auto& [state, category, retry] : {StateCase{"08006", Category::transient, Retry::after_delay}, {"57P01", Category::transient, Retry::after_delay},
                                               {"57P03", Category::transient, Retry::after_delay}, {"57014", Category::transient, Retry::never},
                                               {"55P03", Category::transient, Retry::after_delay}, {"53300", Category::transient, Retry::after_delay},
                                               {"53100", Category::no_space, Retry::never}, {"40001", Category::transient, Retry::now}, {"40P01", Category::transient, Retry::now},
                                               {"42P01", Category::not_found, Retry::never}, {"42703", Category::not_found, Retry::never}, {"3D000", Category::not_found, Retry::never},
                                               {"42501", Category::unauthorized, Retry::never}, {"28P01", Category::unauthorized, Retry::never},
                                               {"25006", Category::refused, Retry::never}, {"42601", Category::usage, Retry::never}, {"XX001", Category::corrupt, Retry::never}}) {
    const ErrorFacts facts = FactsOfState(state, false, Act::read);
    EXPECT_EQ(facts.category, category) << state;
    EXPECT_EQ(facts.retry, retry) << state;
    EXPECT_FALSE(facts.next_step.empty()) << state;
  }
}

TEST(Errors, ARowIsAtFaultOnlyWhereRowsAreWritten) {
  for (const auto& [state, code] : {std::pair<const char*, const char*>{"22003", "value-out-of-range"}, {"23505", "duplicate-key"}, {"23502", "not-null"}, {"23514", "check-constraint"}}) {
    EXPECT_EQ(FactsOfState(state, false, Act::write).category, Category::bad_content) << state;
    EXPECT_EQ(FactsOfState(state, false, Act::write).code, code) << state;
    EXPECT_EQ(FactsOfState(state, false, Act::read).category, Category::refused) << state;
  }
}

TEST(Errors, OnlyACommitWithoutAnAnswerIsUnknown) {
  EXPECT_EQ(FactsOfState("", true, Act::commit).delivery, Delivery::unknown);
  EXPECT_EQ(FactsOfState("57P01", true, Act::commit).delivery, Delivery::unknown);
  EXPECT_EQ(FactsOfState("40001", false, Act::commit).delivery, Delivery::not_applied);
  EXPECT_EQ(FactsOfState("", true, Act::write).delivery, Delivery::not_applied);
  EXPECT_EQ(SqlStateOf(MakeFailure({.sqlstate = "23505", .message = "m"}, Act::write, "writing")), "23505");
  EXPECT_EQ(SqlStateOf(MakeFailure({.lost = true}, Act::write, "writing")), "");
}

Options OptionsOf(std::string_view uri) { return *ParseOptions(*ParseLocation(uri)); }

TEST(Options, LibpqsAreLibpqs) {
  const Options options = OptionsOf("postgresql://me:p%40ss@[::1]:5433,other/db?sslmode=require&id=doc_id&connect_timeout=3#\"S\".t");
  EXPECT_THAT(options.connection, testing::UnorderedElementsAre(testing::Pair("user", "me"), testing::Pair("password", "p@ss"), testing::Pair("host", "::1,other"),
                                                                testing::Pair("port", "5433,"), testing::Pair("dbname", "db"), testing::Pair("sslmode", "require"),
                                                                testing::Pair("connect_timeout", "3")));
  EXPECT_THAT(options.id, testing::ElementsAre("doc_id"));
  EXPECT_EQ(options.table->schema, "S");
  EXPECT_TRUE(OptionsOf("postgresql://?service=x#t").connection.contains("service"));
  EXPECT_EQ(OptionsOf("postgresql:///db#SELECT 1 AS id").query, "SELECT 1 AS id");
  const Status unknown = ParseOptions(*ParseLocation("postgresql://h/db?sslmod=x#t")).status();
  EXPECT_TRUE(IsCategory(unknown, Category::usage));
  EXPECT_NE(unknown.message().find("sslmode"), std::string::npos);
  for (const char* bad : {"postgresql:db", "postgresql://h/db?query=SELECT 1#t", "postgresql://h/db?document=a,b#t", "postgresql://h/db?dims=0#t"}) {
    EXPECT_TRUE(IsCategory(ParseOptions(*ParseLocation(bad)).status(), Category::usage)) << bad;
  }
}

Column MakeColumn(std::string name, Kind kind, int32_t typmod = -1, bool not_null = false) {
  Column column;
  column.name = std::move(name);
  column.type.kind = kind;
  column.type.typmod = typmod;
  column.type.name = column.type.short_name = Name(kind);
  column.not_null = not_null;
  return column;
}

Relation Table(std::vector<Column> columns, std::vector<int> key, std::string name = "items") {
  Relation relation;
  relation.name = {"public", std::move(name), true, true};
  relation.columns = std::move(columns);
  relation.primary_key = key;
  for (const int column : key) relation.columns[static_cast<size_t>(column)].not_null = true;
  relation.parts = {Part{1, relation.name, 10}};
  return relation;
}

TEST(Mapping, OfAPlainTable) {
  Relation relation = Table({MakeColumn("doc", Kind::int8), MakeColumn("title", Kind::text), MakeColumn("seen", Kind::timestamptz), MakeColumn("v", Kind::vector, 3),
                             MakeColumn("flags", Kind::bit, 3), MakeColumn("tsv", Kind::other)}, {0});
  relation.columns[5].generated = true;
  Index index;
  index.method = "hnsw";
  index.keys = {{.text = "v", .column = 3, .opclass = "vector_ip_ops"}};
  relation.indexes = {index};
  const auto mapping = *MakeMapping(relation, {}, DefaultLayout());
  EXPECT_EQ(mapping.schema.id_kind, IdKind::i64);
  EXPECT_TRUE(mapping.unique_ids && mapping.unique_key);
  EXPECT_THAT(mapping.fields, testing::ElementsAre(1, 2, 4));
  ASSERT_EQ(mapping.schema.vectors.size(), 1u);
  EXPECT_EQ(mapping.schema.vectors[0].metric, Metric::dot);
  EXPECT_EQ(mapping.schema.vectors[0].name, "");
  EXPECT_EQ(mapping.schema.field_types.at("seen"), "timestamptz");
}

TEST(Mapping, DetectsApplications) {
  const Relation items = Table({MakeColumn("id", Kind::uuid), MakeColumn("game_id", Kind::text), MakeColumn("user_id", Kind::text), MakeColumn("content", Kind::text),
                                MakeColumn("embedding", Kind::vector, 3), MakeColumn("metadata", Kind::jsonb), MakeColumn("created_at", Kind::timestamptz)}, {0}, "context_items");
  const auto mapping = *MakeMapping(items, {}, DefaultLayout());
  EXPECT_EQ(mapping.layout, "context-items");
  EXPECT_EQ(mapping.document, 3);
  EXPECT_EQ(mapping.metadata, 5);
  EXPECT_THAT(mapping.fields, testing::ElementsAre(1, 2, 6));
  const Relation llama = Table({MakeColumn("id", Kind::int8), MakeColumn("text", Kind::text), MakeColumn("metadata_", Kind::json), MakeColumn("node_id", Kind::text),
                                MakeColumn("embedding", Kind::vector, 3)}, {0}, "data_docs");
  const auto nodes = *MakeMapping(llama, {}, DefaultLayout());
  EXPECT_EQ(nodes.layout, "llama-index");
  EXPECT_THAT(nodes.id, testing::ElementsAre(3));
  EXPECT_THAT(nodes.key, testing::ElementsAre(0));
  EXPECT_FALSE(nodes.unique_ids);
  EXPECT_TRUE(nodes.fields.empty());
  EXPECT_TRUE(IsCategory(MakeMapping(llama, {}, LangChainStoreLayout()).status(), Category::usage));
}

TEST(Mapping, WithoutAKey) {
  Relation relation = Table({MakeColumn("body", Kind::text), MakeColumn("v", Kind::vector, 3)}, {});
  EXPECT_TRUE(MakeMapping(relation, {}, DefaultLayout())->id_is_place);
  relation.parts.clear();
  relation.kind = 'v';
  EXPECT_TRUE(IsCategory(MakeMapping(relation, {}, DefaultLayout()).status(), Category::usage));
  Options options;
  options.id = {"body"};
  const auto mapping = *MakeMapping(relation, options, DefaultLayout());
  EXPECT_THAT(mapping.key, testing::ElementsAre(0));
  EXPECT_FALSE(mapping.unique_key || mapping.unique_ids);
}

TEST(Splits, RangesReadBack) {
  Range range;
  range.key = {"a", "b"};
  range.lo = {{"1", "x'y"}};
  const Range back = *Range::Parse(range.ToText());
  EXPECT_EQ(back.key, range.key);
  EXPECT_EQ(back.lo, range.lo);
  EXPECT_FALSE(back.hi);
  range.kind = Range::Kind::place;
  range.schema = "s", range.table = "t", range.first_page = 5, range.end_page = 9;
  EXPECT_EQ(Range::Parse(range.ToText())->end_page, 9);
  for (const char* bad : {"", "[]", "{}", "{\"key\":[]}", "{\"key\":[1]}", "{\"key\":[\"a\"],\"to\":[\"1\",\"2\"]}", "{\"pages\":[1]}"}) {
    EXPECT_TRUE(IsCategory(Range::Parse(bad).status(), Category::corrupt)) << bad;
  }
  EXPECT_TRUE(IsCategory(Position::Parse("{\"key\":1}").status(), Category::corrupt));
}

TEST(Splits, SqlOfARange) {
  const TableShape shape{Table({MakeColumn("a", Kind::int4), MakeColumn("b", Kind::text), MakeColumn("v", Kind::vector, 3)}, {0, 1}), {}};
  TableShape whole = shape;
  whole.mapping = *MakeMapping(shape.relation, {}, DefaultLayout());
  const RowSelect select = MakeSelect(whole, true);
  Range range;
  range.key = {"a", "b"};
  range.lo = {{"1", "x"}}, range.hi = {{"5", "it's"}};
  EXPECT_EQ(RangeSql(whole, select, range, {}), R"(SELECT t."a", t."b" FROM "public"."items" AS t WHERE (t."a", t."b") > ('1'::int4, 'x'::text) AND (t."a", t."b") <= ('5'::int4, 'it''s'::text) ORDER BY t."a", t."b")");
  Position position;
  position.key = {"2", "y"};
  EXPECT_NE(RangeSql(whole, select, range, position).find("> ('2'::int4, 'y'::text)"), std::string::npos);
}

}  // namespace
}  // namespace vecferry::postgresql
