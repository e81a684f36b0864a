#include "base/iso_time.h"

#include <chrono>

#include <gtest/gtest.h>

#include "base/civil.h"

namespace vecferry {
namespace {

TEST(Civil, IsTheCalendarOfTheLibrary) {
  for (int64_t days = -1'000'000; days <= 800'000; ++days) {  // every day of twelve eras of 400 years, of which some begin before the year 0
    const std::chrono::year_month_day wanted{std::chrono::sys_days(std::chrono::days(days))};
    const Civil date = CivilOf(days);
    ASSERT_EQ(date.year, static_cast<int>(wanted.year())) << days;
    ASSERT_EQ(date.month, static_cast<unsigned>(wanted.month())) << days;
    ASSERT_EQ(date.day, static_cast<unsigned>(wanted.day())) << days;
    ASSERT_EQ(DaysOf(date), days);
    ASSERT_TRUE(IsDay(date)) << days;
  }
  EXPECT_EQ(DaysOf({2023, 2, 31}), DaysOf({2023, 3, 3})) << "counts on into the next month";
  EXPECT_EQ(CivilOf(2'145'031'948 + 10957).year, 5'874'897);
}

TEST(Civil, DaysThatThereAreNot) {
  for (const Civil& none : {Civil{2023, 2, 29}, {1900, 2, 29}, {2024, 2, 30}, {2024, 4, 31}, {2024, 0, 1}, {2024, 13, 1}, {2024, 1, 0}, {2024, 1, 32}}) {
    EXPECT_FALSE(IsDay(none)) << none.year << " " << none.month << " " << none.day;
  }
  for (const Civil& day : {Civil{2000, 2, 29}, {0, 2, 29}, {-4, 2, 29}, {2024, 12, 31}}) EXPECT_TRUE(IsDay(day)) << day.year;
}

TEST(IsoTime, FractionsAreCutToMicroseconds) {
  EXPECT_EQ(ParseIsoMicros("1970-01-01T00:00:01.1234569Z"), 1'123'456);
  EXPECT_EQ(ParseIsoMicros("1970-01-01T00:00:00.000000999Z"), 0);
  EXPECT_EQ(ParseIsoMicros("1970-01-01T00:00:00.1234567890Z"), std::nullopt) << "ten digits";
  EXPECT_EQ(ParseIsoMicros("1970-01-01T00:00:00.Z"), std::nullopt);
}

TEST(IsoTime, WhatIsOnlyLoose) {
  for (const char* text : {"2024-02-29t10:00:00Z", "2024-02-29T10:00:00z", "2024-02-29T1000Z", "2024-02-29T10:00:00+0000"}) {
    EXPECT_EQ(ParseIsoMicros(text), 1709200800'000'000) << text;
    EXPECT_EQ(ParseIsoMicros(text, IsoForm::strict), std::nullopt) << text;
  }
  EXPECT_EQ(ParseIsoMicros("2024-02-29 10:00:00,5+00:00", IsoForm::strict), 1709200800'500'000);
}

TEST(IsoTime, TimesAsProgramsWriteThem) {
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
