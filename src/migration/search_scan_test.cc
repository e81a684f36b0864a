#include <algorithm>
#include <bit>
#include <cmath>
#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "migration/search_kernel.h"
#include "migration/search_queries.h"
#include "migration/test_support_search.h"
#include "record/distance.h"

namespace vecferry {
namespace {

using test::Row;

VectorSpec Spec(int32_t dims, Element element = Element::f32, Metric metric = Metric::l2) { return {"", VectorKind::dense, element, dims, metric, ""}; }

/// Random element bytes, and what they are as numbers.
std::pair<std::string, std::vector<float>> RandomVector(const VectorSpec& spec, std::mt19937& dice) {
  std::string bytes(static_cast<size_t>(spec.width()), '\0');
  std::normal_distribution<float> normal;
  for (int32_t i = 0; i < spec.dims; ++i) {
    const float value = normal(dice);
    const auto at = static_cast<size_t>(i);
    if (spec.element == Element::f32) std::memcpy(&bytes[4 * at], &value, 4);
    if (spec.element == Element::f16 || spec.element == Element::bf16) {
      const uint16_t half = spec.element == Element::f16 ? FloatToHalf(value) : static_cast<uint16_t>(std::bit_cast<uint32_t>(value) >> 16);
      std::memcpy(&bytes[2 * at], &half, 2);
    }
    if (spec.element == Element::u8 || spec.element == Element::i8) bytes[at] = static_cast<char>(dice() & 255);
    if (spec.element == Element::bit) bytes[at / 8] = static_cast<char>(bytes[at / 8] | ((dice() & 1) << (7 - at % 8)));
  }
  std::vector<float> values(static_cast<size_t>(spec.dims));
  ToFloats(spec, bytes, values.data());
  return {bytes, values};
}

double Naive(Metric metric, const std::vector<float>& a, const std::vector<float>& b) {
  if (metric != Metric::hamming && metric != Metric::jaccard) return test::Plainly(metric, a, b);
  double differ = 0, least = 0, most = 0;
  for (size_t i = 0; i < a.size(); ++i) differ += a[i] != b[i], least += std::min(a[i], b[i]), most += std::max(a[i], b[i]);
  return metric == Metric::hamming ? differ : most == 0 ? 1 : 1 - least / most;
}

struct Case {
  Element element;
  Metric metric;
  int32_t dims;
};

class Distances : public testing::TestWithParam<Case> {};

TEST_P(Distances, AreThoseOfTheDefinition) {
  const auto [element, metric, dims] = GetParam();
  const VectorSpec spec = Spec(dims, element, metric);
  std::mt19937 dice(7);
  std::vector<std::vector<float>> queries;
  for (int q = 0; q < 7; ++q) queries.push_back(RandomVector(spec, dice).second);
  std::string data;
  std::vector<std::vector<float>> rows;
  for (int r = 0; r < 13; ++r) {
    auto [bytes, values] = RandomVector(spec, dice);
    data += bytes;
    rows.push_back(values);
  }
  DistanceBlock block(spec, metric, queries);
  const auto distances = block.Compute(reinterpret_cast<const uint8_t*>(data.data()), 13);
  for (size_t q = 0; q < queries.size(); ++q) {
    for (size_t r = 0; r < rows.size(); ++r) {
      const double expected = Naive(metric, queries[q], rows[r]);
      EXPECT_NEAR(distances[q * DistanceBlock::kRows + r], expected, 2e-6 * std::max(1.0, std::fabs(expected)) + 1e-6 * dims) << q << ' ' << r;
    }
  }
}

std::vector<Case> Cases() {
  std::vector<Case> cases;
  for (const Element element : {Element::f32, Element::f16, Element::bf16, Element::u8, Element::i8, Element::bit}) {
    for (const Metric metric : {Metric::l2, Metric::cosine, Metric::dot, Metric::l1, Metric::hamming}) {
      for (const int32_t dims : {8, 24, 104}) cases.push_back({element, metric, dims});
    }
  }
  for (const Element element : {Element::u8, Element::bit}) cases.push_back({element, Metric::jaccard, 72});
  for (const int32_t dims : {1, 7, 9, 63}) cases.push_back({Element::f32, Metric::l2, dims});
  return cases;
}

INSTANTIATE_TEST_SUITE_P(All, Distances, testing::ValuesIn(Cases()), [](const auto& info) {
  return std::string(Name(info.param.element)) + "_" + std::string(Name(info.param.metric)) + "_" + std::to_string(info.param.dims);
});

TEST(DistancesOf, EqualVectorsAreEqualWhereverTheyStandInATile) {
  const VectorSpec spec = Spec(37);
  const auto vector = test::Vector(5, 37);
  std::string data;
  for (int i = 0; i < 9; ++i) data.append(reinterpret_cast<const char*>(vector.data()), 37 * 4);
  std::vector<std::vector<float>> queries(6, test::Vector(9, 37));
  for (const Metric metric : {Metric::l2, Metric::cosine, Metric::dot, Metric::l1}) {
    DistanceBlock block(spec, metric, queries);
    const auto distances = block.Compute(reinterpret_cast<const uint8_t*>(data.data()), 9);
    for (size_t q = 0; q < 6; ++q) {
      for (size_t r = 0; r < 9; ++r) EXPECT_EQ(distances[q * DistanceBlock::kRows + r], distances[0]) << Name(metric);
    }
  }
}

TEST(DistancesOf, AZeroVectorHasNoDirection) {
  const std::vector<float> zero(4, 0.0f), one = {1, 0, 0, 0};
  DistanceBlock block(Spec(4), Metric::cosine, {one, zero});
  const auto distances = block.Compute(reinterpret_cast<const uint8_t*>(zero.data()), 1);
  EXPECT_EQ(distances[0], 1);
  EXPECT_EQ(distances[DistanceBlock::kRows], 1);
}

std::vector<std::string> Ids(const std::vector<Neighbour>& near) {
  std::vector<std::string> ids;
  for (const auto& each : near) ids.push_back(each.id);
  return ids;
}

ExactTask TaskOf(const std::vector<Query>& queries, int k, Metric metric, int32_t dims) {
  ExactTask task;
  task.spec = Spec(dims);
  task.metric = metric;
  task.queries = &queries;
  task.k = k;
  return task;
}

TEST(AScan, FindsTheNearestOfAllSplits) {
  test::Bare bare;
  test::RowSource source(Spec(16), test::Rows(1000, 16));
  std::vector<Query> queries;
  for (uint64_t i = 0; i < 5; ++i) queries.push_back({test::Vector(5000 + i, 16), "", ""});
  for (const Metric metric : {Metric::l2, Metric::cosine, Metric::dot, Metric::l1}) {
    std::vector<ExactTask> tasks = {TaskOf(queries, 10, metric, 16)};
    ASSERT_EQ(*ScanExact(bare.engine, source, &tasks, {}, "", -1, 3), 1000);
    for (size_t q = 0; q < queries.size(); ++q) {
      std::vector<std::pair<double, std::string>> all;
      for (const Row& row : source.rows()) all.emplace_back(test::Plainly(metric, queries[q].values, row.values), row.id);
      std::sort(all.begin(), all.end());
      for (size_t i = 0; i < 10; ++i) EXPECT_EQ(tasks[0].nearest[q][i].id, all[i].second) << Name(metric) << ' ' << q << ' ' << i;
    }
  }
}

TEST(AScan, KeepsToTenantsAndToWhatIsAccepted) {
  test::Bare bare;
  std::vector<Row> rows = {{"a", {0, 0}, "x"}, {"b", {1, 0}, "y"}, {"c", {2, 0}, "x"}, {"d", {}, "x"}, {"e", {3, 0}, "x"}};
  test::RowSource source(Spec(2), rows, true);
  const std::vector<Query> queries = {{{0, 0}, "x", ""}, {{0, 0}, "", ""}};
  std::vector<ExactTask> tasks = {TaskOf(queries, 3, Metric::l2, 2)};
  ASSERT_TRUE(ScanExact(bare.engine, source, &tasks, {}, "", -1, 1).ok());
  EXPECT_THAT(Ids(tasks[0].nearest[0]), testing::ElementsAre("a", "c", "e"));
  EXPECT_THAT(Ids(tasks[0].nearest[1]), testing::ElementsAre("a", "b", "c"));
  const uint64_t c = KeyWord("x", "c");
  ASSERT_TRUE(ScanExact(bare.engine, source, &tasks, [c](uint64_t key) { return key != c; }, "", -1, 1).ok());
  EXPECT_THAT(Ids(tasks[0].nearest[0]), testing::ElementsAre("a", "e"));
}

TEST(AScan, TellsTheDistancesThatAreWanted) {
  test::Bare bare;
  test::RowSource source(Spec(2), {{"a", {0, 0}, ""}, {"b", {3, 0}, ""}, {"c", {}, ""}});
  const std::vector<Query> queries = {{{0, 0}, "", ""}};
  std::vector<ExactTask> tasks = {TaskOf(queries, 1, Metric::l2, 2)};
  const uint64_t b = KeyWord("", "b"), c = KeyWord("", "c"), gone = KeyWord("", "gone");
  tasks[0].wanted = {{b, c, gone}};
  ASSERT_TRUE(ScanExact(bare.engine, source, &tasks, {}, "", -1, 1).ok());
  EXPECT_THAT(tasks[0].distances[0], testing::UnorderedElementsAre(testing::Pair(b, 9.0)));
  EXPECT_THAT(tasks[0].met, testing::UnorderedElementsAre(b, c));
}

TEST(Sampling, IsTheSameWhateverTheOrderAndTheSeedChangesIt) {
  test::Bare bare;
  auto rows = test::Rows(500, 8);
  test::RowSource source(Spec(8), rows);
  std::reverse(rows.begin(), rows.end());
  test::RowSource backwards(Spec(8), rows);
  SearchOptions options;
  options.query_count = 20;
  int64_t read = 0;
  const auto labels = [&](Source& from, int jobs) {
    std::vector<std::pair<std::string, std::vector<float>>> out;
    const QuerySet set = *SampleQueries(bare.engine, from, {Spec(8)}, options, {}, false, -1, jobs, &read);
    for (const auto& query : set.at("")) out.emplace_back(query.label, query.values);
    return out;
  };
  const auto first = labels(source, 1);
  EXPECT_EQ(read, 500);
  EXPECT_EQ(first.size(), 20u);
  EXPECT_EQ(labels(backwards, 3), first);
  options.seed = 2;
  EXPECT_NE(labels(source, 1), first);
}

TEST(Noise, HasTheLengthThatWasAskedFor) {
  const auto plain = test::Vector(3, 1000, 2.0);
  const auto moved = WithNoise(Spec(1000), plain, 0.1, 42);
  EXPECT_NEAR(std::sqrt(test::Plainly(Metric::l2, plain, moved)), 0.2, 0.02);
  EXPECT_EQ(WithNoise(Spec(1000), plain, 0.1, 42), moved);
  EXPECT_EQ(WithNoise(Spec(1000), plain, 0, 42), plain);
  const std::vector<float> bits(1000, 1.0f);
  const auto flipped = WithNoise(Spec(1000, Element::bit), bits, 0.1, 42);
  EXPECT_NEAR(static_cast<double>(std::count(flipped.begin(), flipped.end(), 0.0f)), 100, 40);
}

}  // namespace
}  // namespace vecferry
