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

}  // namespace vecferry
