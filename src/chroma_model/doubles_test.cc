#include "chroma_model/doubles.h"

#include <cmath>
#include <random>

#include <gtest/gtest.h>

namespace vecferry::chroma_model {
namespace {

/// Seen at a server of Chroma 1.5.9: what was sent, and what it gave back.
TEST(Doubles, AreReadAsTheServerReadsThem) {
  EXPECT_EQ(AsServerReads("933.1286246343909"), 933.1286246343908);
  EXPECT_EQ(AsServerReads("-993.2337612512865"), -993.2337612512864);
  EXPECT_EQ(AsServerReads("496.79611296932603"), 496.796112969326);
  EXPECT_EQ(AsServerReads("-1.5"), -1.5);
  EXPECT_EQ(AsServerReads("1e22"), 1e22);
  EXPECT_TRUE(std::isnan(AsServerReads("123456789012345678901")));
}

TEST(Doubles, OfFifteenDigitsAreAllKept) {
  std::mt19937_64 random(1);
  for (int i = 0; i < 20'000; ++i) {
    const double value = static_cast<double>(static_cast<int64_t>(random() % 2'000'000'000'000'000) - 1'000'000'000'000'000) / std::pow(10, random() % 16);
    EXPECT_TRUE(IsKeptExactly(value)) << value;
  }
  EXPECT_TRUE(IsKeptExactly(0.0));
  EXPECT_TRUE(IsKeptExactly(3.0));
}

TEST(Doubles, OfSeventeenDigitsSomeAreNot) {
  std::mt19937_64 random(1);
  std::uniform_real_distribution<double> even(-1000, 1000);
  int altered = 0;
  for (int i = 0; i < 10'000; ++i) altered += !IsKeptExactly(even(random));
  EXPECT_GT(altered, 1000);
  EXPECT_LT(altered, 4000);
}

}  // namespace
}  // namespace vecferry::chroma_model
