#include "transform/filter.h"

#include "base/iso_time.h"
#include "transform/regex.h"
#include "transform/test_support.h"

namespace vecferry {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

RecordView Books() {
  RecordSchema schema = TestSchema();
  schema.has_tenant = true;
  return TestBatch(schema, {{"a", R"({"year":2019,"lang":"de","tags":["x","y"],"address":{"city":"Rome"},"n":9007199254740993})", "one", "t1"},
                            {"b", R"({"year":2021,"lang":"en","tags":[],"address":{"city":"Bonn"},"n":9007199254740992,"ok":true})", "two", "t2"},
                            {"c", R"({"year":2021.5,"lang":null,"when":{"$vf":"datetime","v":"2024-05-01T10:00:00+02:00"},"a.b":1,"n":18446744073709551615})", std::nullopt, "t2"},
                            {"d", R"({"when":"2024-05-01T09:00:00Z","ok":false,"year":"2021","odd \"key\"":"yes","Year":1})", "four", std::nullopt, std::nullopt},
                            {"e", R"({"when":1714557600,"tags":"xyz"})", "five", std::nullopt}});
}

std::vector<std::string> Kept(const std::string& condition) {
  TransformSpec spec;
  spec.filters = {condition};
  auto batch = Applied(spec, Books());
  if (!batch.ok()) return {batch.status().message()};
  EXPECT_THAT(batch->rejects, IsEmpty()) << condition << ": " << batch->rejects[0].message;
  return IdsOf(batch->records);
}

TEST(Filter, Comparisons) {
  EXPECT_THAT(Kept("year = 2021"), ElementsAre("b"));
  EXPECT_THAT(Kept("year == 2021 OR id = 'a'"), ElementsAre("a", "b"));
  EXPECT_THAT(Kept("year > 2020 AND year < 2022"), ElementsAre("b", "c"));
  EXPECT_THAT(Kept("year BETWEEN 2019 AND 2021"), ElementsAre("a", "b"));
  EXPECT_THAT(Kept("lang != 'de'"), ElementsAre("b"));
  EXPECT_THAT(Kept("lang IN ('de', 'fr')"), ElementsAre("a"));
  EXPECT_THAT(Kept("NOT (lang = 'de') AND lang IS NOT NULL"), ElementsAre("b"));
  EXPECT_THAT(Kept("ok"), ElementsAre("b"));
  EXPECT_THAT(Kept("NOT ok"), ElementsAre("d"));
  EXPECT_THAT(Kept("1"), ElementsAre("a", "b", "c", "d", "e"));
}

TEST(Filter, TextIsNoNumber) {
  EXPECT_THAT(Kept("year = '2021'"), ElementsAre("d"));
  EXPECT_THAT(Kept("type_of('year') = 'string'"), ElementsAre("d"));
}

TEST(Filter, IntegersCompareExactly) {
  EXPECT_THAT(Kept("n = 9007199254740993"), ElementsAre("a"));
  EXPECT_THAT(Kept("n = 9007199254740992"), ElementsAre("b"));
  EXPECT_THAT(Kept("n > 9223372036854775807"), ElementsAre("c"));
}

TEST(Filter, NullAndMissing) {
  EXPECT_THAT(Kept("lang IS NULL"), ElementsAre("c", "d", "e"));
  EXPECT_THAT(Kept("has('lang')"), ElementsAre("a", "b", "c"));
  EXPECT_THAT(Kept("has('lang') AND lang IS NULL"), ElementsAre("c"));
  EXPECT_THAT(Kept("type_of('lang') = 'null'"), ElementsAre("c"));
  EXPECT_THAT(Kept("nosuch = 1"), IsEmpty());
}

TEST(Filter, NestedAndOddNames) {
  EXPECT_THAT(Kept("address.city = 'Rome'"), ElementsAre("a"));
  EXPECT_THAT(Kept("metadata.address.city = 'Bonn'"), ElementsAre("b"));
  EXPECT_THAT(Kept("\"address\".\"city\" LIKE 'ro%'"), ElementsAre("a"));
  EXPECT_THAT(Kept("\"a.b\" = 1"), ElementsAre("c"));
  EXPECT_THAT(Kept("\"odd \"\"key\"\"\" = 'yes'"), ElementsAre("d"));
  EXPECT_THAT(Kept("field('\"a.b\"') = 1"), ElementsAre("c"));
  EXPECT_THAT(Kept("metadata.Year = 1 AND metadata.year = '2021'"), ElementsAre("d"));
  EXPECT_THAT(Kept("Year = 1 AND year = '2021'").at(0), HasSubstr("several spellings"));
}

TEST(Filter, PartsOfTheRecord) {
  EXPECT_THAT(Kept("tenant = 't2'"), ElementsAre("b", "c"));
  EXPECT_THAT(Kept("tenant IS NULL"), ElementsAre("d", "e"));
  EXPECT_THAT(Kept("document GLOB 'f*'"), ElementsAre("d", "e"));
  EXPECT_THAT(Kept("document IS NULL"), ElementsAre("c"));
  EXPECT_THAT(Kept("vector IS NULL"), ElementsAre("d"));
  EXPECT_THAT(Kept("json_array_length(metadata, '$.tags') = 2"), ElementsAre("a"));
  EXPECT_THAT(Kept("\"vector:title\" IS NULL").at(0), HasSubstr("the dataset has no vector:title"));
}

TEST(Filter, Contains) {
  EXPECT_THAT(Kept("contains(tags, 'x')"), ElementsAre("a", "e"));
  EXPECT_THAT(Kept("contains(address, 'city')"), ElementsAre("a", "b"));
  EXPECT_THAT(Kept("type_of('tags') = 'array' AND NOT contains(tags, 'x')"), ElementsAre("b"));
}

TEST(Filter, Times) {
  EXPECT_THAT(Kept("epoch(\"when\") BETWEEN epoch('2024-05-01T08:00:00Z') AND epoch('2024-05-01T08:59:59Z')"), ElementsAre("c"));
  EXPECT_THAT(Kept("epoch(\"when\") >= epoch('2024-05-01T09:00:00Z')"), ElementsAre("d", "e"));
  EXPECT_THAT(Kept("metadata.when = 1714557600"), ElementsAre("e"));
}

TEST(Filter, RegularExpressions) {
  EXPECT_THAT(Kept("document REGEXP '^[a-o]'"), ElementsAre("a", "d", "e"));
  EXPECT_THAT(Kept("document REGEXP '('").at(0), HasSubstr("is no regular expression"));
}

TEST(Filter, WhatIsRefused) {
  for (const char* bad : {"1) OR (1", "1); DROP TABLE x; --", "1 -- c", "1 /* c", "(SELECT 1)", "EXISTS (SELECT 1 FROM sqlite_master)", "load_extension('x')", "random() > 0",
                          "id = ?", "id = :a", "1, 2", "", "year =", "'open", "\"open", "id = 'a' UNION SELECT 1", "count(*) > 0", "current_timestamp > 1", "printf('%s', id) = 'a'",
                          "randomblob(1000000000) IS NULL", "zeroblob(1000000000) IS NULL", "fts3_tokenizer('x') = 1", "row_number() OVER () > 1", "id IN (SELECT id FROM record)",
                          "[id] = 1", "`id` = 1", "id MATCH 'x'", "$a", "writefile('/tmp/x', 'y')", "id IN record", "sqlite_version() = 'x'", "has('')", "has('id')"}) {
    TransformSpec spec;
    spec.filters = {bad};
    const auto batch = Applied(spec, Books());
    if (std::string_view(bad) == "has('id')") {
      // A name that is no field of the metadata is seen when it is asked for.
      ASSERT_TRUE(batch.ok());
      EXPECT_EQ(batch->rejects.size(), 5u);
      continue;
    }
    EXPECT_TRUE(IsCategory(batch.status(), Category::usage)) << bad << ": " << batch.status();
  }
}

TEST(Filter, HostileSizes) {
  std::string deep(5000, '(');
  deep += "1" + std::string(5000, ')');
  TransformSpec spec;
  spec.filters = {deep};
  EXPECT_TRUE(IsCategory(Applied(spec, Books()).status(), Category::usage));
  std::string many = "id IN ('a'";
  for (int i = 0; i < 50'000; ++i) many += ",'" + std::to_string(i) + "'";
  EXPECT_THAT(Kept(many + ")"), ElementsAre("a"));
  std::string ors = "id = 'a'";
  for (int i = 0; i < 5000; ++i) ors += " OR year = " + std::to_string(i + 3000);
  spec.filters = {ors};
  EXPECT_TRUE(IsCategory(Applied(spec, Books()).status(), Category::usage));
  spec.filters = {std::string(2 << 20, ' ') + "1"};
  EXPECT_TRUE(IsCategory(Applied(spec, Books()).status(), Category::usage));
}

TEST(Filter, ARecordThatItCannotBeAskedOfIsARejectAndTheOthersGoOn) {
  TransformSpec spec;
  spec.filters = {"json_extract(document, '$.a') IS NULL"};
  const auto view = TestBatch(TestSchema(), {{"a", "{}", "{}"}, {"b", "{}", "no json"}, {"c", "{}", "[1]"}, {"d", "{}", "{\"a\":1}"}});
  const auto batch = Applied(spec, view);
  ASSERT_TRUE(batch.ok()) << batch.status();
  EXPECT_THAT(IdsOf(batch->records), ElementsAre("a", "c"));
  ASSERT_EQ(batch->rejects.size(), 1u);
  EXPECT_EQ(batch->rejects[0].id, "b");
  EXPECT_EQ(batch->rejects[0].code, "filter-failed");
}

TEST(Filter, ACatastrophicPatternGivesUp) {
  RegexCache cache;
  const auto found = cache.Matches("^(a+)+$", std::string(40, 'a') + "b");
  EXPECT_TRUE(IsCategory(found.status(), Category::bad_content)) << found.status();
  EXPECT_TRUE(*cache.Matches("^(a+)+$", "aaa"));
}

TEST(Filter, ManyStarsInAGlobTakeNoTime) {
  TransformSpec spec;
  std::string glob;
  for (int i = 0; i < 100; ++i) glob += "*a";
  spec.includes = {glob + "*b"};
  const auto batch = Applied(spec, TestBatch(TestSchema(), {{std::string(20'000, 'a'), "{}", std::nullopt}}));
  ASSERT_TRUE(batch.ok()) << batch.status();
  EXPECT_EQ(batch->records.rows(), 0);
}

TEST(Filter, TwoFiltersAreOneWithAnd) {
  const std::vector<std::string> conditions = {"year > 2020", "lang = 'en' OR id = 'a'", "NOT contains(tags, 'x')", "tenant IS NULL OR vector IS NOT NULL", "epoch(\"when\") > 0"};
  for (const auto& a : conditions) {
    for (const auto& b : conditions) {
      TransformSpec one, both, first, second;
      one.filters = {"(" + a + ") AND (" + b + ")"};
      both.filters = {a, b};
      first.filters = {a};
      second.filters = {b};
      const auto together = IdsOf(Applied(both, Books())->records);
      EXPECT_EQ(together, IdsOf(Applied(one, Books())->records));
      EXPECT_EQ(together, IdsOf(Applied(second, Applied(first, Books())->records)->records)) << a << " then " << b;
    }
  }
}

TEST(Filter, GlobsIdsAndSamples) {
  TransformSpec spec;
  spec.includes = {"[a-c]", "e"};
  spec.excludes = {"b"};
  EXPECT_THAT(IdsOf(Applied(spec, Books())->records), ElementsAre("a", "c", "e"));
  spec.has_ids = true;
  spec.ids = *ParseIdList("e\r\na\n\nzzz\na\n");
  EXPECT_THAT(spec.ids, ElementsAre("a", "e", "zzz"));
  EXPECT_THAT(IdsOf(Applied(spec, Books())->records), ElementsAre("a", "e"));
  EXPECT_TRUE(IsCategory(ParseIdList("\xff").status(), Category::usage));
  EXPECT_DOUBLE_EQ(*SampleShare("5%", -1), 0.05);
  EXPECT_DOUBLE_EQ(*SampleShare("50", 1000), 0.05);
  EXPECT_DOUBLE_EQ(*SampleShare("50", 10), 1);
  for (const char* bad : {"0", "-1", "x", "101%", "%", "1.5", "nan", "1e300"}) EXPECT_TRUE(IsCategory(SampleShare(bad, 10).status(), Category::usage)) << bad;
  EXPECT_TRUE(IsCategory(SampleShare("5", -1).status(), Category::refused));
}

TEST(Filter, ASampleIsSpreadEvenly) {
  int taken = 0;
  std::vector<int> buckets(16);
  for (int i = 0; i < 20'000; ++i) {
    const std::string id = std::to_string(i);
    if (SampleWord(std::nullopt, id) >= (UINT64_MAX / 10)) continue;
    ++taken;
    ++buckets[RecordHasher::Key(std::nullopt, id).low >> 60];
  }
  EXPECT_NEAR(taken, 2000, 150);
  for (const int n : buckets) EXPECT_NEAR(n, 125, 50);
}

TEST(Times, ReadAndWritten) {
  EXPECT_EQ(ParseIsoMicros("1970-01-01"), 0);
  EXPECT_EQ(ParseIsoMicros("2024-02-29T12:30:45.1234567+02:30"), 1709200845123456);
  EXPECT_EQ(ParseIsoMicros("1969-12-31 23:59:59.5"), -500000);
  EXPECT_EQ(ParseIsoMicros("2024-02-29T10:00:00+0000"), ParseIsoMicros("2024-02-29T10:00Z"));
  for (const char* bad : {"", "2024", "2023-02-29", "2024-13-01", "2024-01-01T", "2024-01-01T25:00", "2024-01-01T10:00:00X", "2024-01-01T10:00:00+", "1714557600"}) {
    EXPECT_EQ(ParseIsoMicros(bad), std::nullopt) << bad;
  }
  for (const int64_t micros : {int64_t{0}, int64_t{-1}, int64_t{1709200845123456}, int64_t{253402300799999999}, int64_t{-62167219200000000}}) {
    const auto text = FormatIsoMicros(micros);
    ASSERT_TRUE(text);
    EXPECT_EQ(ParseIsoMicros(*text), micros) << *text;
  }
  EXPECT_EQ(FormatIsoMicros(253402300800000000), std::nullopt);
  EXPECT_EQ(FormatIsoMicros(INT64_MIN), std::nullopt);
}

}  // namespace
}  // namespace vecferry
