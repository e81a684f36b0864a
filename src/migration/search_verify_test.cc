#include <cstring>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "migration/bench.h"
#include "migration/report_json.h"
#include "migration/search_queries.h"
#include "migration/test_support_search.h"

namespace vecferry {
namespace {

using test::Row;
using test::RowSearcher;
using test::RowSource;
using testing::Contains;
using testing::Field;
using testing::HasSubstr;

// ---- one query ----

Answer AnswerOf(const std::vector<std::pair<uint64_t, double>>& near) {
  Answer answer;
  for (const auto& [key, distance] : near) answer.push_back({distance, "", std::to_string(key), key});
  return answer;
}

DistanceOf From(const Answer& answer) {
  return [&answer](uint64_t key) -> std::optional<double> {
    for (const auto& near : answer) {
      if (near.key == key) return near.distance;
    }
    return std::nullopt;
  };
}

double Tie(double) { return 1e-6; }

TEST(Agreement, CountsWhatBothFound) {
  const Answer a = AnswerOf({{1, 1}, {2, 2}, {3, 3}, {4, 4}, {5, 5}, {6, 6}});
  EXPECT_EQ(Agree(a, AnswerOf({{3, 3}, {2, 2}, {1, 1}, {5, 5}, {4, 4}}), 5, From(a), Tie).overlap, 1);
  const Agreement one = Agree(a, AnswerOf({{1, 1}, {2, 2}, {3, 3}, {4, 4}, {6, 6}}), 5, From(a), Tie);
  EXPECT_DOUBLE_EQ(one.overlap, 0.8);
  EXPECT_THAT(one.missing, testing::ElementsAre(4u));
  EXPECT_THAT(one.unexpected, testing::ElementsAre(4u));
  EXPECT_DOUBLE_EQ(Agree(a, AnswerOf({{1, 1}, {2, 2}}), 5, From(a), Tie).overlap, 0.4);
  EXPECT_EQ(Agree(a, {}, 5, From(a), Tie).overlap, 0);
  EXPECT_EQ(Agree({}, {}, 5, From(a), Tie).overlap, 1);
  EXPECT_EQ(Agree({}, a, 5, From(a), Tie).overlap, 0);
  // The same record five times is one.
  EXPECT_DOUBLE_EQ(Agree(a, AnswerOf({{1, 1}, {1, 1}, {1, 1}, {1, 1}, {1, 1}}), 5, From(a), Tie).overlap, 0.2);
}

TEST(Agreement, ExchangesTies) {
  const Answer a = AnswerOf({{1, 1}, {2, 2}, {3, 2}, {4, 2}, {5, 3}});
  EXPECT_EQ(Agree(a, AnswerOf({{1, 1}, {4, 2}, {3, 2}}), 3, From(a), Tie).overlap, 1);
  // A record that is farther is none of them.
  EXPECT_DOUBLE_EQ(Agree(a, AnswerOf({{1, 1}, {4, 2}, {5, 3}}), 3, From(a), Tie).overlap, 2.0 / 3);
  // Nor is one at the end of the answer, where only its place is the same.
  EXPECT_DOUBLE_EQ(Agree(a, AnswerOf({{1, 1}, {2, 2}, {9, 2}}), 3, From(a), Tie).overlap, 2.0 / 3);
}

TEST(Agreement, ExchangesTiesBeyondWhatWasAskedFor) {
  // A hundred records are as near as the second: the reference names some of them, the answer others, told by their scores.
  const Answer a = AnswerOf({{1, 1}, {2, 2}, {3, 2}, {4, 2}});
  EXPECT_EQ(Agree(a, AnswerOf({{1, 7}, {2, 9}, {50, 9}, {60, 9}}), 4, From(a), Tie).overlap, 1);
  EXPECT_DOUBLE_EQ(Agree(a, AnswerOf({{1, 7}, {2, 9}, {50, 9}, {60, 11}}), 4, From(a), Tie).overlap, 0.75);
}

TEST(Agreement, OfRanksIsKendallsTau) {
  const Answer a = AnswerOf({{1, 1}, {2, 2}, {3, 3}, {4, 4}});
  EXPECT_EQ(RankAgreement(a, a, 4, From(a), Tie), 1);
  EXPECT_EQ(RankAgreement(a, AnswerOf({{4, 1}, {3, 2}, {2, 3}, {1, 4}}), 4, From(a), Tie), -1);
  EXPECT_DOUBLE_EQ(RankAgreement(a, AnswerOf({{2, 1}, {1, 2}, {3, 3}, {4, 4}}), 4, From(a), Tie), 4.0 / 6);
  const Answer tied = AnswerOf({{1, 1}, {2, 1}, {3, 1}});
  EXPECT_EQ(RankAgreement(tied, AnswerOf({{3, 1}, {2, 1}, {1, 1}}), 3, From(tied), Tie), 1);
}

TEST(Agreement, ScoresGoFromTheNearestOn) {
  EXPECT_TRUE(InOrder(AnswerOf({{1, 1}, {2, 1}, {3, 2}})));
  EXPECT_TRUE(InOrder(AnswerOf({{1, 1}, {2, 0.9999999}})));
  EXPECT_FALSE(InOrder(AnswerOf({{1, 2}, {2, 1}})));
}

TEST(Latency, PercentilesAreNearestRanks) {
  std::vector<double> seconds;
  for (int i = 100; i >= 1; --i) seconds.push_back(i);
  const Latencies l = LatenciesOf(&seconds);
  EXPECT_EQ(l.p50, 50);
  EXPECT_EQ(l.p90, 90);
  EXPECT_EQ(l.p95, 95);
  EXPECT_EQ(l.p99, 99);
  EXPECT_EQ(l.max, 100);
  EXPECT_EQ(l.mean, 50.5);
  std::vector<double> none;
  EXPECT_EQ(LatenciesOf(&none).count, 0);
}

// ---- files of queries ----

std::string Numpy(const std::string& descr, const std::string& shape, const std::string& data) {
  std::string dict = "{'descr': '" + descr + "', 'fortran_order': False, 'shape': " + shape + ", }";
  dict.resize(118, ' ');
  return std::string("\x93NUMPY\x01\x00\x76\x00", 10) + dict + data;
}

TEST(QueryFile, IsKnownByItsContent) {
  const float values[] = {1, 2, 3, 4};
  const std::string data(reinterpret_cast<const char*>(values), sizeof values);
  auto queries = *ParseQueries(Numpy("<f4", "(2, 2)", data));
  ASSERT_EQ(queries.size(), 2u);
  EXPECT_THAT(queries[1].values, testing::ElementsAre(3, 4));
  EXPECT_EQ(ParseQueries(Numpy("<f4", "(4,)", data))->at(0).values.size(), 4u);
  queries = *ParseQueries("[1, 2.5]\n\n{\"vector\": [3, 4], \"tenant\": \"t\", \"column\": \"title\"}\n");
  ASSERT_EQ(queries.size(), 2u);
  EXPECT_THAT(queries[0].values, testing::ElementsAre(1, 2.5));
  EXPECT_EQ(queries[1].tenant, "t");
  EXPECT_EQ(queries[1].column, "title");
  queries = *ParseQueries("# a remark\n1 -2,+3;4e-1\t5 # five\r\n");
  ASSERT_EQ(queries.size(), 1u);
  EXPECT_THAT(queries[0].values, testing::ElementsAre(1, -2, 3, 0.4f, 5));
}

TEST(QueryFile, SaysWhatIsWrongAndWhere) {
  const std::string data(16, '\0');
  const std::pair<std::string, const char*> wrong[] = {{"", "none"},
                                                       {"1 2\n3 x\n", "line 2: 'x'"},
                                                       {"[1, 2", "line 1"},
                                                       {"[1, \"a\"]", "line 1"},
                                                       {"{\"v\": [1]}", "`vector`"},
                                                       {"{\"vector\": [[1]]}", "list of numbers"},
                                                       {"{\"vector\": [1], \"limit\": 3}", "'limit'"},
                                                       {"nan 1", "not finite"},
                                                       {Numpy("<f4", "(3, 2)", data), "not as long"},
                                                       {Numpy("<c8", "(2, 1)", data), "'<c8'"},
                                                       {Numpy("<f4", "(1, 2, 2)", data), "dimensions"},
                                                       {Numpy("<f4", "(99999999999, 99999999999)", data), "x"},
                                                       {"\x93NUMPY", "header"}};
  for (const auto& [content, why] : wrong) {
    const auto queries = ParseQueries(content);
    ASSERT_FALSE(queries.ok()) << content;
    EXPECT_THAT(queries.status().message(), HasSubstr(why));
  }
  std::string deep = "{\"vector\": ";
  deep.append(200'000, '[');
  EXPECT_FALSE(ParseQueries(deep).ok());
}

TEST(QueryFile, FitsTheColumnsOrIsRefused) {
  const VectorSpec two = {"two", VectorKind::dense, Element::f32, 2, Metric::l2, ""}, three = {"three", VectorKind::dense, Element::f32, 3, Metric::l2, ""};
  const QuerySet set = *QueriesFor({{{1, 2}, {}, "", ""}, {{1, 2, 3}, {}, "", ""}, {{4, 5}, "vector:two", "", ""}}, {two, three});
  EXPECT_EQ(set.at("two").size(), 2u);
  EXPECT_EQ(set.at("three").size(), 1u);
  EXPECT_FALSE(QueriesFor({{{1}, {}, "", ""}}, {two, three}).ok());
  EXPECT_FALSE(QueriesFor({{{1, 2, 3}, "two", "", ""}}, {two, three}).ok());
}

// ---- two sides ----

VectorSpec Spec(Metric metric) { return {"", VectorKind::dense, Element::f32, 8, metric, ""}; }

/// What both sides hold and how they search; by default all is well.
struct Sides {
  Metric source_metric = Metric::l2, target_metric = Metric::l2;
  std::vector<Row> source = test::Rows(400, 8), target = test::Rows(400, 8);
  std::optional<RowSearcher::How> source_search, target_search;
  bool tenants = false;
  SearchOptions options;
  VerifyRequest request;

  Result<SearchReport> Run() {
    RowSource a(Spec(source_metric), source, tenants), b(Spec(target_metric), target, tenants);
    if (source_search) a.Give(std::make_unique<RowSearcher>(a, *source_search));
    if (target_search) b.Give(std::make_unique<RowSearcher>(b, *target_search));
    request.source = &a, request.target = &b;
    request.options.search = options;
    test::Bare bare;
    return SearchSides(bare.engine, request);
  }

  SearchColumn Column() {
    const auto report = Run();
    EXPECT_TRUE(report.ok()) << report.status().ToString();
    return report.ok() && report->columns.size() == 1 ? report->columns[0] : SearchColumn{};
  }
};

auto Finding(const char* code, bool failure) { return testing::AllOf(Field(&SearchFinding::code, code), Field(&SearchFinding::failure, failure)); }

TEST(ProofBySearch, PassesWhereBothAreTheSame) {
  for (const bool store : {false, true}) {
    Sides sides;
    if (store) sides.source_search = sides.target_search = RowSearcher::How{};
    const SearchColumn column = sides.Column();
    EXPECT_TRUE(column.ok);
    EXPECT_EQ(column.queries, 100);
    EXPECT_EQ(column.top_overlap, 1);
    EXPECT_EQ(column.overlap, 1);
    EXPECT_EQ(column.rank_agreement, 1);
    EXPECT_EQ(column.source.how, store ? "store, exact" : "scan");
    EXPECT_EQ(column.target.recall, 1);
    EXPECT_THAT(column.findings, testing::IsEmpty());
  }
}

TEST(ProofBySearch, FindsRecordsThatAreMissing) {
  for (const bool store : {false, true}) {
    Sides sides;
    if (store) sides.target_search = RowSearcher::How{};
    sides.target.resize(300);
    const SearchColumn column = sides.Column();
    EXPECT_FALSE(column.ok);
    EXPECT_NEAR(column.top_overlap, 0.75, 0.1);
    EXPECT_THAT(column.findings, Contains(Finding("missing-records", true)));
    ASSERT_FALSE(column.worst.empty());
    EXPECT_FALSE(column.worst[0].missing.empty());
  }
}

TEST(ProofBySearch, FindsVectorsThatWereExchanged) {
  Sides sides;
  for (size_t i = 0; i + 1 < sides.target.size(); i += 2) std::swap(sides.target[i].values, sides.target[i + 1].values);
  const SearchColumn column = sides.Column();
  EXPECT_FALSE(column.ok);
  EXPECT_THAT(column.findings, Contains(Finding("vectors-differ", true)));
}

TEST(ProofBySearch, FindsRecordsThatTheSourceLacks) {
  Sides sides;
  sides.source.resize(300);
  const SearchColumn column = sides.Column();
  EXPECT_FALSE(column.ok);
  EXPECT_THAT(column.findings, Contains(Finding("extra-records", true)));
}

TEST(ProofBySearch, NamesAMetricThatDiffers) {
  Sides sides;
  sides.source_metric = Metric::cosine;
  const SearchColumn declared = sides.Column();
  EXPECT_FALSE(declared.ok);
  ASSERT_THAT(declared.findings, Contains(Finding("metric-differs", true)));
  EXPECT_EQ(declared.findings.back().message, "the target ranks by l2, the source by cosine");
  // One that the store does not own up to is found by what it finds.
  sides.source_metric = Metric::l2;
  sides.target_search = RowSearcher::How{.metric = Metric::dot};
  const SearchColumn hidden = sides.Column();
  EXPECT_FALSE(hidden.ok);
  ASSERT_THAT(hidden.findings, Contains(Finding("metric-differs", true)));
  EXPECT_EQ(hidden.findings.back().message, "the target ranks by dot though it says l2, the source by l2");
}

TEST(ProofBySearch, AcceptsAnotherMetricThatRanksAlike) {
  Sides sides;
  sides.source = sides.target = test::Rows(400, 8, 1.0);
  sides.source_metric = Metric::cosine;
  const SearchColumn column = sides.Column();
  EXPECT_TRUE(column.ok);
  EXPECT_THAT(column.findings, Contains(Finding("metric-mismatch", false)));
}

TEST(ProofBySearch, TellsAnIndexThatMisses) {
  Sides sides;
  sides.target_search = RowSearcher::How{.skips = 5};
  const SearchColumn told = sides.Column();
  EXPECT_TRUE(told.ok);
  EXPECT_EQ(told.target.how, "store, exact");
  EXPECT_NEAR(told.target.index_recall, 0.8, 0.1);
  EXPECT_THAT(told.findings, Contains(Finding("index-misses", false)));
  sides.options.min_recall = 0.95;
  EXPECT_FALSE(sides.Column().ok);
  // A store that can only be asked through its index is judged by that, and the index is what is named.
  sides.options.min_recall = 0;
  sides.target_search = RowSearcher::How{.exact = false, .skips = 5};
  const SearchColumn judged = sides.Column();
  EXPECT_FALSE(judged.ok);
  EXPECT_EQ(judged.target.how, "store, by its index");
  EXPECT_THAT(judged.findings, Contains(Finding("index-misses", true)));
}

TEST(ProofBySearch, AnInexactSourceIsReplacedByTheTruth) {
  Sides sides;
  sides.source_search = RowSearcher::How{.exact = false, .skips = 3};
  const SearchColumn column = sides.Column();
  EXPECT_TRUE(column.ok);
  EXPECT_EQ(column.source.how, "scan");
  EXPECT_NEAR(column.source.index_recall, 0.67, 0.1);
  sides.options.truth = SearchOptions::Truth::never;
  const SearchColumn believed = sides.Column();
  EXPECT_EQ(believed.source.how, "store, by its index");
  EXPECT_EQ(believed.source.recall, -1);
}

TEST(ProofBySearch, TellsScoresThatAreNotInOrder) {
  Sides sides;
  sides.target_search = RowSearcher::How{.reversed = true};
  const SearchColumn column = sides.Column();
  EXPECT_FALSE(column.ok);
  EXPECT_EQ(column.target.disordered, 100);
  EXPECT_THAT(column.findings, Contains(Finding("scores-disordered", true)));
  sides.target_search = RowSearcher::How{.similarity = true};
  const SearchColumn similar = sides.Column();
  EXPECT_TRUE(similar.ok);
  EXPECT_TRUE(similar.target.higher_is_nearer);
}

TEST(ProofBySearch, CountsEqualVectorsAsEqual) {
  Sides sides;
  for (auto* rows : {&sides.source, &sides.target}) {
    for (size_t i = 0; i < rows->size(); ++i) (*rows)[i].values = test::Vector(i % 7, 8);
  }
  std::reverse(sides.target.begin(), sides.target.end());
  for (const auto truth : {SearchOptions::Truth::always, SearchOptions::Truth::never}) {
    sides.source_search = sides.target_search = RowSearcher::How{};
    sides.options.truth = truth;
    const SearchColumn column = sides.Column();
    EXPECT_EQ(column.top_overlap, 1);
    EXPECT_EQ(column.overlap, 1);
    EXPECT_TRUE(column.ok);
  }
}

TEST(ProofBySearch, CountsAnIdThatStandsTwiceOnce) {
  Sides sides;
  for (auto* rows : {&sides.source, &sides.target}) {
    for (size_t i = 0; i < 200; ++i) rows->push_back((*rows)[i]);
  }
  EXPECT_EQ(sides.Column().top_overlap, 1);
}

TEST(ProofBySearch, KeepsToTenants) {
  Sides sides;
  sides.tenants = true;
  for (auto* rows : {&sides.source, &sides.target}) {
    for (size_t i = 0; i < rows->size(); ++i) (*rows)[i].tenant = i % 2 ? "odd" : "even";
  }
  sides.target_search = RowSearcher::How{};
  EXPECT_EQ(sides.Column().top_overlap, 1);
  // The same id under another tenant is another record.
  for (auto& row : sides.target) row.tenant = row.tenant == "odd" ? "even" : "odd";
  EXPECT_FALSE(sides.Column().ok);
}

TEST(ProofBySearch, LeavesOutWhatTheCopyLeftOut) {
  Sides sides;
  for (size_t i = 300; i < 400; ++i) sides.request.rejected.insert(KeyWord("", sides.source[i].id));
  sides.source_search = RowSearcher::How{};
  sides.target.resize(300);
  EXPECT_EQ(sides.Column().top_overlap, 1);
  // What others put into a target that is shared is not the copy's.
  Sides shared;
  WrittenHashes written;
  for (const auto& row : shared.source) written[KeyWord("", row.id)] = 0;
  for (size_t i = 0; i < 100; ++i) shared.target.push_back({"x" + std::to_string(i), test::Vector(9000 + i, 8), ""});
  shared.request.shared_target = true;
  shared.request.ours = &written;
  shared.target_search = RowSearcher::How{};
  EXPECT_EQ(shared.Column().top_overlap, 1);
}

TEST(ProofBySearch, WaitsForAnIndexAndNotForEver) {
  Sides sides;
  sides.target_search = RowSearcher::How{.not_ready = 2};
  EXPECT_THAT(sides.Column().findings, testing::IsEmpty());
  sides.target_search = RowSearcher::How{.not_ready = 1 << 20};
  sides.options.wait_seconds = 0.2;
  EXPECT_THAT(sides.Column().findings, Contains(Finding("index-not-ready", false)));
}

TEST(ProofBySearch, NeedsAMetricAndAColumn) {
  Sides sides;
  sides.source_metric = sides.target_metric = Metric::unknown;
  EXPECT_TRUE(IsCategory(sides.Run().status(), Category::usage));
  sides.options.metric = Metric::l2;
  EXPECT_TRUE(sides.Column().ok);
}

TEST(ProofBySearch, HasAJsonForm) {
  Sides sides;
  sides.target.resize(300);
  EXPECT_THAT(SearchJson(*sides.Run()), testing::AllOf(HasSubstr("\"code\":\"missing-records\""), HasSubstr("\"index_recall\":null")));
}

}  // namespace
}  // namespace vecferry
