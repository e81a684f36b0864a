#pragma once
#include <atomic>

#include "base/clock.h"

namespace vecferry {

/// For tests: time that passes only where somebody sleeps, or where the test says so.
class FakeClock final : public Clock {
 public:
  Steady::time_point Now() const override { return Steady::time_point(std::chrono::microseconds(now_)); }
  double WallSeconds() const override { return seconds(); }
  Status SleepFor(std::chrono::milliseconds time, const CancelToken& cancel) const override {
    now_ += time.count() * 1000;
    return cancel.Check();
  }
  void Pass(double seconds) { now_ += static_cast<int64_t>(seconds * 1e6); }
  double seconds() const { return static_cast<double>(now_) / 1e6; }
  std::chrono::milliseconds passed() const { return std::chrono::milliseconds(now_ / 1000); }

 private:
  mutable std::atomic<int64_t> now_{0};  ///< microseconds
};

}  // namespace vecferry
