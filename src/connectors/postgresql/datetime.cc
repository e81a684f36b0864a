#include "connectors/postgresql/datetime.h"

#include <charconv>
#include <cstdlib>
#include <limits>

#include <fmt/format.h>

#include "base/civil.h"

namespace vecferry::postgresql {
namespace {

constexpr int64_t kDay = 86'400'000'000;
constexpr int64_t kSecond = 1'000'000;
constexpr int64_t kEpochDays = 10957;  ///< 2000-01-01 after 1970-01-01
constexpr int64_t kMin64 = std::numeric_limits<int64_t>::min(), kMax64 = std::numeric_limits<int64_t>::max();
constexpr int32_t kMin32 = std::numeric_limits<int32_t>::min(), kMax32 = std::numeric_limits<int32_t>::max();

void AppendFraction(int64_t microseconds, std::string* out) {
  if (microseconds == 0) return;
  std::string digits = fmt::format("{:06}", microseconds);
  while (digits.back() == '0') digits.pop_back();
  *out += "." + digits;
}

/// Without what says that it is before Christ, which is returned.
bool AppendCalendar(int64_t days, std::string* out) {
  const Civil date = CivilOf(days + kEpochDays);
  const bool bc = date.year <= 0;
  *out += fmt::format("{:04}-{:02}-{:02}", bc ? 1 - date.year : date.year, date.month, date.day);
  return bc;
}

/// Reads the front of a text.
class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}
  bool Take(char c) {
    if (!text_.starts_with(c)) return false;
    text_.remove_prefix(1);
    return true;
  }
  bool TakeEnd(std::string_view suffix) {
    if (!text_.ends_with(suffix)) return false;
    text_.remove_suffix(suffix.size());
    return true;
  }
  /// Digits, at least `least` and at most `most`.
  std::optional<int64_t> Number(size_t least, size_t most) {
    size_t n = 0;
    while (n < text_.size() && n < most + 1 && text_[n] >= '0' && text_[n] <= '9') ++n;
    if (n < least || n > most) return std::nullopt;
    int64_t value = 0;
    std::from_chars(text_.data(), text_.data() + n, value);
    text_.remove_prefix(n);
    return value;
  }
  /// ".25" as microseconds; 0 where there is none. More than six digits are refused unless they are zeros.
  std::optional<int64_t> Fraction() {
    if (!Take('.')) return 0;
    int64_t value = 0;
    size_t n = 0;
    for (; !text_.empty() && text_[0] >= '0' && text_[0] <= '9'; ++n, text_.remove_prefix(1)) {
      if (n < 6) value = value * 10 + (text_[0] - '0');
      else if (text_[0] != '0') return std::nullopt;
    }
    if (n == 0) return std::nullopt;
    for (; n < 6; ++n) value *= 10;
    return value;
  }
  bool empty() const { return text_.empty(); }
  char peek() const { return text_.empty() ? '\0' : text_[0]; }

 private:
  std::string_view text_;
};

std::optional<int64_t> ReadCalendar(Reader& in, bool bc) {
  const auto year = in.Number(4, 7);
  if (!year || !in.Take('-')) return std::nullopt;
  const auto month = in.Number(2, 2);
  if (!month || !in.Take('-')) return std::nullopt;
  const auto day = in.Number(2, 2);
  if (!day || (bc && *year == 0)) return std::nullopt;
  const Civil date{bc ? 1 - *year : *year, static_cast<unsigned>(*month), static_cast<unsigned>(*day)};
  if (!IsDay(date)) return std::nullopt;
  return DaysOf(date) - kEpochDays;
}

std::optional<int64_t> ReadClock(Reader& in) {
  const auto hour = in.Number(2, 2);
  if (!hour || !in.Take(':')) return std::nullopt;
  const auto minute = in.Number(2, 2);
  if (!minute) return std::nullopt;
  int64_t second = 0, fraction = 0;
  if (in.Take(':')) {
    const auto whole = in.Number(2, 2);
    const auto part = whole ? in.Fraction() : std::nullopt;
    if (!part) return std::nullopt;
    second = *whole, fraction = *part;
  }
  if (*hour > 24 || *minute > 59 || second > 59) return std::nullopt;
  const int64_t time = ((*hour * 60 + *minute) * 60 + second) * kSecond + fraction;
  return time > kDay ? std::nullopt : std::optional(time);
}

/// Seconds east; nothing where the text goes on with no offset.
std::optional<int32_t> ReadOffset(Reader& in) {
  if (in.Take('Z') || in.Take('z')) return 0;
  const bool west = in.peek() == '-';
  if (!in.Take('+') && !in.Take('-')) return std::nullopt;
  const auto hour = in.Number(2, 2);
  if (!hour) return std::nullopt;
  int64_t total = *hour * 3600;
  for (const int64_t unit : {60, 1}) {
    if (in.empty()) break;
    const bool colon = in.Take(':');
    const auto part = in.Number(2, 2);
    if (!part || *part > 59 || (unit == 1 && !colon)) return std::nullopt;
    total += *part * unit;
  }
  if (total >= 16 * 3600) return std::nullopt;
  return static_cast<int32_t>(west ? -total : total);
}

}  // namespace

void AppendDate(int32_t days, std::string* out) {
  if (days == kMax32) *out += "infinity";
  else if (days == kMin32) *out += "-infinity";
  else if (AppendCalendar(days, out)) *out += " BC";
}

void AppendTime(int64_t microseconds, std::string* out) {
  const int64_t seconds = microseconds / kSecond;
  *out += fmt::format("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60);
  AppendFraction(microseconds % kSecond, out);
}

void AppendTimestamp(int64_t microseconds, bool utc, std::string* out) {
  if (microseconds == kMax64 || microseconds == kMin64) {
    *out += microseconds == kMax64 ? "infinity" : "-infinity";
    return;
  }
  int64_t days = microseconds / kDay, time = microseconds % kDay;
  if (time < 0) time += kDay, --days;
  const bool bc = AppendCalendar(days, out);
  *out += 'T';
  AppendTime(time, out);
  if (utc) *out += 'Z';
  if (bc) *out += " BC";
}

void AppendOffset(int64_t seconds_east, std::string* out) {
  const int64_t all = std::llabs(seconds_east);
  *out += fmt::format("{}{:02}:{:02}", seconds_east < 0 ? '-' : '+', all / 3600, all / 60 % 60);
  if (all % 60 != 0) *out += fmt::format(":{:02}", all % 60);
}

void AppendInterval(int32_t months, int32_t days, int64_t microseconds, std::string* out) {
  // The extreme values of all three fields are PostgreSQL 17's infinities.
  if (months == kMax32 && days == kMax32 && microseconds == kMax64) return void(*out += "infinity");
  if (months == kMin32 && days == kMin32 && microseconds == kMin64) return void(*out += "-infinity");
  *out += 'P';
  const auto part = [out](int64_t value, char unit) {
    if (value != 0) *out += fmt::format("{}{}", value, unit);
  };
  part(months / 12, 'Y'), part(months % 12, 'M'), part(days, 'D');
  if (microseconds == 0 && (months != 0 || days != 0)) return;
  *out += 'T';
  const int64_t seconds = microseconds / kSecond;
  part(seconds / 3600, 'H'), part(seconds / 60 % 60, 'M');
  const int64_t rest = seconds % 60, fraction = microseconds % kSecond;
  if (rest == 0 && fraction == 0 && microseconds != 0) return;
  *out += microseconds < 0 && (rest != 0 || fraction != 0) ? "-" : "";
  *out += std::to_string(std::llabs(rest));
  AppendFraction(std::llabs(fraction), out);
  *out += 'S';
}

std::optional<int32_t> ParseDate(std::string_view text) {
  if (text == "infinity") return kMax32;
  if (text == "-infinity") return kMin32;
  Reader in(text);
  const bool bc = in.TakeEnd(" BC");
  const auto days = ReadCalendar(in, bc);
  // 4713 BC to 5874897, the server's own limits.
  if (!days || !in.empty() || *days < -2451545 || *days > 2145031948) return std::nullopt;
  return static_cast<int32_t>(*days);
}

std::optional<int64_t> ParseTime(std::string_view text) {
  Reader in(text);
  const auto time = ReadClock(in);
  return time && in.empty() ? time : std::nullopt;
}

std::optional<ZonedTime> ParseZonedTime(std::string_view text) {
  Reader in(text);
  const auto time = ReadClock(in);
  if (!time) return std::nullopt;
  if (in.empty()) return ZonedTime{*time, 0};
  const auto offset = ReadOffset(in);
  if (!offset || !in.empty()) return std::nullopt;
  return ZonedTime{*time, *offset};
}

std::optional<int64_t> ParseTimestamp(std::string_view text, bool* offset) {
  if (offset) *offset = true;
  if (text == "infinity") return kMax64;
  if (text == "-infinity") return kMin64;
  Reader in(text);
  const bool bc = in.TakeEnd(" BC");
  const auto days = ReadCalendar(in, bc);
  // 4713 BC to 294276, the server's own limits.
  if (!days || *days < -2451545 || *days > 106'751'991 - kEpochDays) return std::nullopt;
  int64_t time = 0, east = 0;
  bool zoned = false;
  if (!in.empty()) {
    if (!in.Take('T') && !in.Take('t') && !in.Take(' ')) return std::nullopt;
    const auto clock = ReadClock(in);
    if (!clock) return std::nullopt;
    time = *clock;
    if (!in.empty()) {
      const auto zone = ReadOffset(in);
      if (!zone || !in.empty()) return std::nullopt;
      east = *zone, zoned = true;
    }
  }
  if (offset) *offset = zoned;
  return *days * kDay + time - east * kSecond;
}

std::optional<Interval> ParseInterval(std::string_view text) {
  if (text == "infinity") return Interval{kMax32, kMax32, kMax64};
  if (text == "-infinity") return Interval{kMin32, kMin32, kMin64};
  Reader in(text);
  if (!in.Take('P') || in.empty()) return std::nullopt;
  int64_t months = 0, days = 0, time = 0;
  bool clock = false;
  while (!in.empty()) {
    if (!clock && in.Take('T')) {
      clock = true;
      if (in.empty()) return std::nullopt;
    }
    const int64_t sign = in.Take('-') ? -1 : 1;
    const auto number = in.Number(1, 12);
    const auto fraction = number ? in.Fraction() : std::nullopt;
    if (!fraction) return std::nullopt;
    const int64_t value = sign * *number;
    if (*fraction != 0 && in.peek() != 'S') return std::nullopt;
    if (!clock && in.Take('Y')) months += 12 * value;
    else if (!clock && in.Take('M')) months += value;
    else if (!clock && in.Take('D')) days += value;
    else if (clock && in.Take('H') && *number <= 2'562'047'788) time += value * 3600 * kSecond;
    else if (clock && in.Take('M') && *number <= 1'000'000'000) time += value * 60 * kSecond;
    else if (clock && in.Take('S')  && *number <= 1'000'000'000'000 / 2) time += value * kSecond + sign * *fraction;
    else return std::nullopt;
  }
  if (months < kMin32 || months > kMax32 || days < kMin32 || days > kMax32) return std::nullopt;
  return Interval{static_cast<int32_t>(months), static_cast<int32_t>(days), time};
}

}  // namespace vecferry::postgresql
