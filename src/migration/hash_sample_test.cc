#include "migration/hash_sample.h"

#include <gtest/gtest.h>

#include <random>

namespace vecferry {
namespace {

TEST(HashSample, IsExactUpToItsBound) {
  std::mt19937_64 random(1);
  HashSample sample(1000);
  for (int i = 0; i < 1000; ++i) {
    const uint64_t value = random();
    for (int k = 0; k <= i % 3; ++k) sample.Add(value);
  }
  EXPECT_TRUE(sample.exact());
  EXPECT_EQ(sample.Distinct(), 1000);
  EXPECT_EQ(sample.Repeated(), 333 + 2 * 333);
}

TEST(HashSample, EstimatesBeyondIt) {
  std::mt19937_64 random(2);
  HashSample sample(4096);
  for (int i = 0; i < 200'000; ++i) {
    const uint64_t value = random();
    sample.Add(value);
    if (i % 4 == 0) sample.Add(value);
  }
  EXPECT_FALSE(sample.exact());
  EXPECT_NEAR(static_cast<double>(sample.Distinct()), 200'000, 20'000);
  EXPECT_NEAR(static_cast<double>(sample.Repeated()), 50'000, 10'000);
}

TEST(HashSample, CountsOneValueHoweverOften) {
  HashSample sample(16);
  for (int i = 0; i < 100'000; ++i) sample.Add(0);
  EXPECT_TRUE(sample.exact());
  EXPECT_EQ(sample.Distinct(), 1);
  EXPECT_EQ(sample.Repeated(), 99'999);
}

}  // namespace
}  // namespace vecferry
