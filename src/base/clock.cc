#include "base/clock.h"

#include <cmath>
#include <ctime>
#include <thread>

#include <fmt/format.h>

namespace vecferry {
namespace {

class SystemClock : public Clock {
 public:
  Steady::time_point Now() const override { return Steady::now(); }
  double WallSeconds() const override {
    return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
  }
  Status SleepFor(std::chrono::milliseconds time, const CancelToken& cancel) const override {
    const auto end = Steady::now() + time;
    while (Steady::now() < end) {
      ARROW_RETURN_NOT_OK(cancel.Check());
      const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(end - Steady::now());
      std::this_thread::sleep_for(std::min(left, std::chrono::milliseconds(50)));
    }
    return cancel.Check();
  }
};

}  // namespace

const Clock& Clock::System() {
  static const SystemClock clock;
  return clock;
}

std::string FormatUtc(double epoch_seconds, bool milliseconds) {
  const auto whole = static_cast<std::time_t>(std::floor(epoch_seconds));
  std::tm tm{};
  gmtime_r(&whole, &tm);
  std::string text = fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}", tm.tm_year + 1900, tm.tm_mon + 1,
                                 tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec);
  if (milliseconds) text += fmt::format(".{:03}", static_cast<int>((epoch_seconds - static_cast<double>(whole)) * 1000));
  return text + "Z";
}

Result<double> ParseUtc(std::string_view text) {
  const Status wrong = MakeError(Category::usage, "no time in the form 2026-01-02T03:04:05Z");
  if (text.size() != 20 && text.size() != 24) return wrong;
  std::tm tm{};
  int part[6] = {};
  double fraction = 0;
  constexpr std::string_view kForm = "0000-00-00T00:00:00";
  size_t number = 0;
  for (size_t i = 0; i < kForm.size(); ++i) {
    const bool digit = text[i] >= '0' && text[i] <= '9';
    if (kForm[i] == '0' ? !digit : text[i] != kForm[i]) return wrong;
    if (digit) part[number] = part[number] * 10 + (text[i] - '0');
    else ++number;
  }
  if (text.size() == 24) {
    if (text[19] != '.') return wrong;
    for (size_t i = 20; i < 23; ++i) {
      if (text[i] < '0' || text[i] > '9') return wrong;
      fraction = fraction * 10 + (text[i] - '0');
    }
  }
  if (text.back() != 'Z') return wrong;
  tm.tm_year = part[0] - 1900;
  tm.tm_mon = part[1] - 1;
  tm.tm_mday = part[2];
  tm.tm_hour = part[3];
  tm.tm_min = part[4];
  tm.tm_sec = part[5];
  const double seconds = static_cast<double>(timegm(&tm));
  // A month of 13 or a 30th of February would have become another time.
  if (FormatUtc(seconds) != std::string(text.substr(0, 19)) + "Z") return wrong;
  // A hair more than the text says: FormatUtc cuts, and is to give the same digits.
  return fraction == 0 ? seconds : seconds + fraction / 1000 + 1e-4;
}

namespace {

/// Exactly `digits` digits at the front, taken off; -1 for anything else.
int TakeNumber(std::string_view* text, size_t digits) {
  if (text->size() < digits) return -1;
  int number = 0;
  for (size_t i = 0; i < digits; ++i) {
    const char c = (*text)[i];
    if (c < '0' || c > '9') return -1;
    number = number * 10 + (c - '0');
  }
  text->remove_prefix(digits);
  return number;
}

bool Take(std::string_view* text, char wanted) {
  if (!text->starts_with(wanted)) return false;
  text->remove_prefix(1);
  return true;
}

double TakeFraction(std::string_view* text) {
  double fraction = 0, unit = 0.1;
  for (; !text->empty() && text->front() >= '0' && text->front() <= '9'; text->remove_prefix(1), unit /= 10) fraction += (text->front() - '0') * unit;
  return fraction;
}

/// Seconds east of Greenwich: "", "Z", "+02", "+0200", "+02:00".
std::optional<int> TakeOffset(std::string_view text) {
  if (text.empty() || text == "Z" || text == "z") return 0;
  const int sign = text.front() == '-' ? -1 : 1;
  if (text.front() != '+' && text.front() != '-') return std::nullopt;
  text.remove_prefix(1);
  const int hours = TakeNumber(&text, 2);
  Take(&text, ':');
  const int minutes = text.empty() ? 0 : TakeNumber(&text, 2);
  if (hours < 0 || minutes < 0 || !text.empty()) return std::nullopt;
  return sign * (hours * 3600 + minutes * 60);
}

}  // namespace

std::optional<double> ParseInstant(std::string_view text) {
  std::tm tm{};
  tm.tm_year = TakeNumber(&text, 4) - 1900;
  if (!Take(&text, '-')) return std::nullopt;
  tm.tm_mon = TakeNumber(&text, 2) - 1;
  if (!Take(&text, '-')) return std::nullopt;
  tm.tm_mday = TakeNumber(&text, 2);
  if (tm.tm_year < -1900 || tm.tm_mon < 0 || tm.tm_mon > 11 || tm.tm_mday < 1 || tm.tm_mday > 31) return std::nullopt;
  double fraction = 0;
  if (!text.empty()) {
    if (!Take(&text, 'T') && !Take(&text, ' ')) return std::nullopt;
    tm.tm_hour = TakeNumber(&text, 2);
    if (!Take(&text, ':')) return std::nullopt;
    tm.tm_min = TakeNumber(&text, 2);
    if (Take(&text, ':')) tm.tm_sec = TakeNumber(&text, 2);
    if (Take(&text, '.')) fraction = TakeFraction(&text);
    if (tm.tm_hour < 0 || tm.tm_hour > 24 || tm.tm_min < 0 || tm.tm_min > 59 || tm.tm_sec < 0 || tm.tm_sec > 60) return std::nullopt;
  }
  const auto offset = TakeOffset(text);
  if (!offset) return std::nullopt;
  return static_cast<double>(timegm(&tm)) + fraction - *offset;
}

}  // namespace vecferry
