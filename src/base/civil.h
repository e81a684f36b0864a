#pragma once
#include <cstdint>

namespace vecferry {

/// A day of the proleptic Gregorian calendar, whose year 0 is 1 BC.
struct Civil {
  int64_t year = 0;
  unsigned month = 0, day = 0;  ///< from 1
};
/// Of days since 1970-01-01, up to 10^15 either way.
Civil CivilOf(int64_t days);
/// Days since 1970-01-01. The month is 1 to 12; a day beyond its month counts on into the next.
int64_t DaysOf(const Civil& date);
/// Whether the calendar has that day.
bool IsDay(const Civil& date);

}  // namespace vecferry
