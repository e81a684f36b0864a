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

TEST(Clock, TimesAsProgramsWriteThem) {
  for (const char* same : {"2024-05-06T07:08:09Z", "2024-05-06 07:08:09", "2024-05-06T07:08:09.000000+00:00", "2024-05-06T09:08:09+02", "2024-05-06T01:38:09-0530"}) {
    ASSERT_TRUE(ParseInstant(same)) << same;
    EXPECT_DOUBLE_EQ(*ParseInstant(same), 1714979289.0) << same;
  }
  EXPECT_NEAR(*ParseInstant("2024-05-06T07:08:09.25Z"), 1714979289.25, 1e-6);
  EXPECT_DOUBLE_EQ(*ParseInstant("1970-01-02"), 86400.0);
  for (const char* none : {"", "2024", "2024-13-01", "2024-05-06T07", "2024-05-06T07:08:09 PM", "yesterday", "2024-05-06T25:00:00Z"}) EXPECT_FALSE(ParseInstant(none)) << none;
}

}  // namespace
}  // namespace vecferry
