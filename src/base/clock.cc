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

}  // namespace vecferry
