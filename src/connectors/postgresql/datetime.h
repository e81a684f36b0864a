#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace vecferry::postgresql {

/// Dates and times of PostgreSQL (src/include/datatype/timestamp.h): days and microseconds since 2000-01-01, the Gregorian calendar throughout,
/// 4713 BC to 5874897 or 294276. The extreme values are infinity and -infinity.

/// "2026-01-31", "12026-01-31" beyond four digits, "0044-03-15 BC", "infinity".
void AppendDate(int32_t days, std::string* out);
/// "12:00:00", "12:00:00.25", "24:00:00". Microseconds since midnight.
void AppendTime(int64_t microseconds, std::string* out);
/// "2026-01-31T12:00:00.25", with "Z" behind it where `utc`; " BC" at the very end.
void AppendTimestamp(int64_t microseconds, bool utc, std::string* out);
/// "+02:00", "-00:30:15": of seconds east of Greenwich; PostgreSQL counts them west.
void AppendOffset(int64_t seconds_east, std::string* out);
/// ISO 8601: "P1Y2M3DT4H5M6.5S", "PT0S", "P-1DT-2H".
void AppendInterval(int32_t months, int32_t days, int64_t microseconds, std::string* out);

/// The inverses. Nothing for what is no such text. A timestamp may have a blank for the T and any offset, or none: it is taken as UTC then; `offset` says whether there was one.
std::optional<int32_t> ParseDate(std::string_view text);
std::optional<int64_t> ParseTime(std::string_view text);
struct ZonedTime {
  int64_t microseconds = 0;
  int32_t seconds_east = 0;
};
std::optional<ZonedTime> ParseZonedTime(std::string_view text);
std::optional<int64_t> ParseTimestamp(std::string_view text, bool* offset = nullptr);
struct Interval {
  int32_t months = 0, days = 0;
  int64_t microseconds = 0;
};
std::optional<Interval> ParseInterval(std::string_view text);

/// numeric (src/backend/utils/adt/numeric.c): the bytes as text, and back. Nothing for what is none.
std::optional<std::string> NumericText(std::string_view bytes);
std::optional<std::string> NumericBytes(std::string_view text);

}  // namespace vecferry::postgresql
