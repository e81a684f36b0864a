#include "base/clock.h"

#include <gtest/gtest.h>

namespace vecferry {
namespace {

TEST(UtcTest, ReadsWhatItWrites) {
  for (const double seconds : {0.0, 1.0, 951782400.0, 1700000000.5, 4102444799.25, -1.0}) {
    EXPECT_NEAR(ParseUtc(FormatUtc(seconds, true)).ValueOrDie(), seconds, 1e-3);
  }
  for (int i = 0; i < 1000; ++i) {  // far enough that a double has few digits left
    const std::string text = FormatUtc(250000000000 + (i + 0.5) / 1000, true);
    ASSERT_EQ(FormatUtc(ParseUtc(text).ValueOrDie(), true), text);
  }
  EXPECT_DOUBLE_EQ(ParseUtc("2026-01-02T03:04:05Z").ValueOrDie(), 1767323045);
}

TEST(UtcTest, TakesNothingElse) {
  for (const char* bad : {"", "2026-01-02T03:04:05", "2026-01-02 03:04:05Z", "2026-13-02T03:04:05Z", "2026-02-30T03:04:05Z", "2026-01-02T24:04:05Z", "2026-01-02T03:04:05z",
                          "2026-01-02T03:04:05.12Z", "2026-01-02T03:04:05,123Z", "2026-01-02T03:04:05.1x3Z", "+026-01-02T03:04:05Z", "2026-01-02T03:04:05.123+"}) {
    EXPECT_TRUE(IsCategory(ParseUtc(bad).status(), Category::usage)) << bad;
  }
}

}  // namespace
}  // namespace vecferry
