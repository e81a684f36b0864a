#include "connectors/mcp_memory/iso_time.h"

#include <cstdint>

namespace vecferry::mcp_memory {
namespace {

/// Takes a text apart from the left.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) {}
  bool done() const { return text_.empty(); }
  bool Take(char c) {
    if (text_.empty() || text_[0] != c) return false;
    text_.remove_prefix(1);
    return true;
  }
  /// Exactly `digits` digits, at most `max` in value.
  std::optional<int> Number(size_t digits, int max) {
    if (text_.size() < digits) return std::nullopt;
    int value = 0;
    for (size_t i = 0; i < digits; ++i) {
      if (text_[i] < '0' || text_[i] > '9') return std::nullopt;
      value = value * 10 + (text_[i] - '0');
    }
    text_.remove_prefix(digits);
    return value <= max ? std::optional<int>(value) : std::nullopt;
  }
  /// 1 to 9 digits as billionths.
  std::optional<int64_t> Fraction() {
    int64_t value = 0;
    int digits = 0;
    for (; !text_.empty() && text_[0] >= '0' && text_[0] <= '9' && digits < 9; ++digits, text_.remove_prefix(1)) value = value * 10 + (text_[0] - '0');
    if (digits == 0) return std::nullopt;
    for (; digits < 9; ++digits) value *= 10;
    return value;
  }

 private:
  std::string_view text_;
};

/// Days since 1970-01-01 in the proleptic Gregorian calendar.
int64_t DaysFromCivil(int64_t year, int month, int day) {
  year -= month <= 2;
  const int64_t era = (year >= 0 ? year : year - 399) / 400;
  const int64_t year_of_era = year - era * 400;
  const int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
  return era * 146097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719468;
}

int DaysIn(int year, int month) {
  static constexpr int kDays[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  const bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
  return month == 2 && leap ? 29 : kDays[month - 1];
}

std::optional<int64_t> ScanDate(Scanner& scan) {
  const auto year = scan.Number(4, 9999);
  if (!year || !scan.Take('-')) return std::nullopt;
  const auto month = scan.Number(2, 12);
  if (!month || *month == 0 || !scan.Take('-')) return std::nullopt;
  const auto day = scan.Number(2, 31);
  if (!day || *day == 0 || *day > DaysIn(*year, *month)) return std::nullopt;
  return DaysFromCivil(*year, *month, *day) * 86400;
}

/// HH:MM[:SS]; seconds.
std::optional<int64_t> ScanClock(Scanner& scan) {
  const auto hour = scan.Number(2, 23);
  if (!hour || !scan.Take(':')) return std::nullopt;
  const auto minute = scan.Number(2, 59);
  if (!minute) return std::nullopt;
  int64_t seconds = *hour * 3600 + *minute * 60;
  if (!scan.Take(':')) return seconds;
  const auto second = scan.Number(2, 59);
  if (!second) return std::nullopt;
  return seconds + *second;
}

}  // namespace

std::optional<double> ParseIsoTime(std::string_view text) {
  Scanner scan(text);
  const auto date = ScanDate(scan);
  if (!date) return std::nullopt;
  if (scan.done()) return static_cast<double>(*date);
  if (!scan.Take('T') && !scan.Take(' ')) return std::nullopt;
  const auto clock = ScanClock(scan);
  if (!clock) return std::nullopt;
  int64_t seconds = *date + *clock, billionths = 0;
  if (scan.Take('.') || scan.Take(',')) {
    const auto fraction = scan.Fraction();
    if (!fraction) return std::nullopt;
    billionths = *fraction;
  }
  if (!scan.Take('Z') && !scan.done()) {
    const int sign = scan.Take('+') ? 1 : scan.Take('-') ? -1 : 0;
    if (sign == 0) return std::nullopt;
    const auto offset = ScanClock(scan);
    if (!offset) return std::nullopt;
    seconds -= sign * *offset;
  }
  if (!scan.done()) return std::nullopt;
  // As Python's timestamp(): whole microseconds, divided once, so that the nearest double comes out.
  return static_cast<double>(seconds * 1000000 + billionths / 1000) / 1e6;
}

}  // namespace vecferry::mcp_memory
