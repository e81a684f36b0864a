#include "transform/times.h"

#include <chrono>

#include <fmt/format.h>

namespace vecferry {
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
  bool Number(size_t digits, int max, int* value) {
    if (text_.size() < digits) return false;
    *value = 0;
    for (size_t i = 0; i < digits; ++i) {
      if (text_[i] < '0' || text_[i] > '9') return false;
      *value = *value * 10 + (text_[i] - '0');
    }
    text_.remove_prefix(digits);
    return *value <= max;
  }
  /// 1 to 9 digits, as millionths.
  bool Fraction(int64_t* micros) {
    int digits = 0;
    for (*micros = 0; !text_.empty() && text_[0] >= '0' && text_[0] <= '9' && digits < 9; ++digits, text_.remove_prefix(1)) {
      if (digits < 6) *micros = *micros * 10 + (text_[0] - '0');
    }
    for (int i = digits; i < 6; ++i) *micros *= 10;
    return digits > 0;
  }

 private:
  std::string_view text_;
};

bool ScanDate(Scanner& scan, int64_t* days) {
  int year = 0, month = 0, day = 0;
  if (!scan.Number(4, 9999, &year) || !scan.Take('-') || !scan.Number(2, 12, &month) || !scan.Take('-') || !scan.Number(2, 31, &day)) return false;
  const std::chrono::year_month_day date{std::chrono::year(year), std::chrono::month(static_cast<unsigned>(month)), std::chrono::day(static_cast<unsigned>(day))};
  if (!date.ok()) return false;
  *days = std::chrono::sys_days(date).time_since_epoch().count();
  return true;
}

/// HH:MM[:SS] or HHMM.
bool ScanClock(Scanner& scan, int64_t* seconds) {
  int hour = 0, minute = 0, second = 0;
  if (!scan.Number(2, 23, &hour)) return false;
  *seconds = hour * 3600;
  scan.Take(':');
  if (!scan.Number(2, 59, &minute)) return false;
  *seconds += minute * 60;
  if (!scan.Take(':')) return true;
  if (!scan.Number(2, 59, &second)) return false;
  *seconds += second;
  return true;
}

bool ScanOffset(Scanner& scan, int64_t* seconds) {
  *seconds = 0;
  if (scan.Take('Z') || scan.Take('z') || scan.done()) return scan.done();
  const int sign = scan.Take('+') ? 1 : scan.Take('-') ? -1 : 0;
  if (sign == 0) return false;
  int64_t offset = 0;
  if (!ScanClock(scan, &offset)) return false;
  *seconds = sign * offset;
  return scan.done();
}

}  // namespace

std::optional<int64_t> ParseIsoMicros(std::string_view text) {
  Scanner scan(text);
  int64_t days = 0, seconds = 0, micros = 0, offset = 0;
  if (!ScanDate(scan, &days)) return std::nullopt;
  if (scan.done()) return days * 86'400'000'000;
  if (!scan.Take('T') && !scan.Take('t') && !scan.Take(' ')) return std::nullopt;
  if (!ScanClock(scan, &seconds)) return std::nullopt;
  if ((scan.Take('.') || scan.Take(',')) && !scan.Fraction(&micros)) return std::nullopt;
  if (!ScanOffset(scan, &offset)) return std::nullopt;
  return (days * 86'400 + seconds - offset) * 1'000'000 + micros;
}

std::optional<std::string> FormatIsoMicros(int64_t micros) {
  constexpr int64_t kDay = 86'400'000'000;
  const int64_t days = micros / kDay - (micros % kDay < 0 ? 1 : 0);
  if (days < -719'528 || days > 2'932'896) return std::nullopt;
  const int64_t rest = micros - days * kDay, seconds = rest / 1'000'000;
  const std::chrono::year_month_day date{std::chrono::sys_days(std::chrono::days(days))};
  std::string text = fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}", static_cast<int>(date.year()), static_cast<unsigned>(date.month()),
                                 static_cast<unsigned>(date.day()), seconds / 3600, seconds / 60 % 60, seconds % 60);
  if (const int64_t fraction = rest % 1'000'000; fraction != 0) {
    text += fmt::format(".{:06}", fraction);
    while (text.back() == '0') text.pop_back();
  }
  return text + "Z";
}

}  // namespace vecferry
