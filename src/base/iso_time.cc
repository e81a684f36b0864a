#include "base/iso_time.h"

#include <fmt/format.h>

#include "base/civil.h"

namespace vecferry {
namespace {

constexpr int64_t kDay = 86'400;  ///< seconds
constexpr int64_t kMicros = 1'000'000;

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

/// Takes a text apart from the left.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) {}
  bool done() const { return text_.empty(); }
  bool Take(char c) {
    if (!text_.starts_with(c)) return false;
    text_.remove_prefix(1);
    return true;
  }
  bool TakeAny(std::string_view characters) {
    if (done() || characters.find(text_[0]) == characters.npos) return false;
    text_.remove_prefix(1);
    return true;
  }
  /// Exactly `digits` digits, at most `max` in value.
  bool Number(size_t digits, int max, int* value) {
    if (text_.size() < digits) return false;
    *value = 0;
    for (size_t i = 0; i < digits; ++i) {
      if (!IsDigit(text_[i])) return false;
      *value = *value * 10 + (text_[i] - '0');
    }
    text_.remove_prefix(digits);
    return *value <= max;
  }
  /// The next digit; -1 where it is none.
  int Digit() {
    if (done() || !IsDigit(text_[0])) return -1;
    const int digit = text_[0] - '0';
    text_.remove_prefix(1);
    return digit;
  }
  /// 1 to 9 digits, as millionths.
  bool Fraction(int64_t* micros) {
    int digits = 0;
    *micros = 0;
    for (int digit = 0; digits < 9 && (digit = Digit()) >= 0; ++digits) {
      if (digits < 6) *micros = *micros * 10 + digit;
    }
    for (int i = digits; i < 6; ++i) *micros *= 10;
    return digits > 0;
  }
  /// +1 or -1; 0 where there is no sign.
  int Sign() { return Take('+') ? 1 : Take('-') ? -1 : 0; }

 private:
  std::string_view text_;
};

/// YYYY-MM-DD, which the calendar need not have.
bool ScanDate(Scanner& scan, Civil* date) {
  int year = 0, month = 0, day = 0;
  if (!scan.Number(4, 9999, &year) || !scan.Take('-') || !scan.Number(2, 12, &month) || !scan.Take('-') || !scan.Number(2, 31, &day)) return false;
  *date = {year, static_cast<unsigned>(month), static_cast<unsigned>(day)};
  return month > 0 && day > 0;
}

/// HH:MM[:SS]; loose also HHMM.
bool ScanClock(Scanner& scan, IsoForm form, int64_t* seconds) {
  int hour = 0, minute = 0, second = 0;
  if (!scan.Number(2, 23, &hour)) return false;
  if (!scan.Take(':') && form == IsoForm::strict) return false;
  if (!scan.Number(2, 59, &minute)) return false;
  if (scan.Take(':') && !scan.Number(2, 59, &second)) return false;
  *seconds = hour * 3600 + minute * 60 + second;
  return true;
}

/// Z, an offset or nothing, and then the end. Seconds east of Greenwich.
bool ScanOffset(Scanner& scan, IsoForm form, int64_t* seconds) {
  *seconds = 0;
  if (scan.TakeAny(form == IsoForm::loose ? "Zz" : "Z") || scan.done()) return scan.done();
  const int sign = scan.Sign();
  if (sign == 0 || !ScanClock(scan, form, seconds)) return false;
  *seconds *= sign;
  return scan.done();
}

/// What ParseInstant takes as a clock: seconds and the fraction of one.
bool ScanAnyClock(Scanner& scan, int* seconds, double* fraction) {
  int hour = 0, minute = 0, second = 0;
  if (!scan.Number(2, 24, &hour) || !scan.Take(':') || !scan.Number(2, 59, &minute)) return false;
  if (scan.Take(':') && !scan.Number(2, 60, &second)) return false;
  *seconds = hour * 3600 + minute * 60 + second;
  double unit = 0.1;
  if (scan.Take('.')) {
    for (int digit = 0; (digit = scan.Digit()) >= 0; unit /= 10) *fraction += digit * unit;
  }
  return true;
}

/// "", "Z", "+02", "+0200", "+02:00", and then the end. Seconds east of Greenwich.
bool ScanAnyOffset(Scanner& scan, int* seconds) {
  *seconds = 0;
  if (scan.TakeAny("Zz") || scan.done()) return scan.done();
  int hours = 0, minutes = 0;
  const int sign = scan.Sign();
  if (sign == 0 || !scan.Number(2, 99, &hours)) return false;
  scan.Take(':');
  if (!scan.done() && !scan.Number(2, 99, &minutes)) return false;
  *seconds = sign * (hours * 3600 + minutes * 60);
  return scan.done();
}

}  // namespace

std::optional<int64_t> ParseIsoMicros(std::string_view text, IsoForm form) {
  Scanner scan(text);
  Civil date;
  int64_t seconds = 0, micros = 0, offset = 0;
  if (!ScanDate(scan, &date) || !IsDay(date)) return std::nullopt;
  if (!scan.done()) {
    if (!scan.TakeAny(form == IsoForm::loose ? "Tt " : "T ") || !ScanClock(scan, form, &seconds)) return std::nullopt;
    if (scan.TakeAny(".,") && !scan.Fraction(&micros)) return std::nullopt;
    if (!ScanOffset(scan, form, &offset)) return std::nullopt;
  }
  return (DaysOf(date) * kDay + seconds - offset) * kMicros + micros;
}

std::optional<std::string> FormatIsoMicros(int64_t micros) {
  const int64_t days = micros / (kDay * kMicros) - (micros % (kDay * kMicros) < 0 ? 1 : 0);
  if (days < DaysOf({0, 1, 1}) || days > DaysOf({9999, 12, 31})) return std::nullopt;
  const int64_t rest = micros - days * kDay * kMicros, seconds = rest / kMicros;
  const Civil date = CivilOf(days);
  std::string text = fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}", date.year, date.month, date.day, seconds / 3600, seconds / 60 % 60, seconds % 60);
  if (const int64_t fraction = rest % kMicros; fraction != 0) {
    text += fmt::format(".{:06}", fraction);
    while (text.back() == '0') text.pop_back();
  }
  return text + "Z";
}

std::optional<double> ParseInstant(std::string_view text) {
  Scanner scan(text);
  Civil date;
  double fraction = 0;
  int seconds = 0, offset = 0;
  if (!ScanDate(scan, &date)) return std::nullopt;
  if (!scan.done() && (!scan.TakeAny("T ") || !ScanAnyClock(scan, &seconds, &fraction) || !ScanAnyOffset(scan, &offset))) return std::nullopt;
  return static_cast<double>(DaysOf(date) * kDay + seconds) + fraction - offset;
}

}  // namespace vecferry
