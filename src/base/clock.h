#pragma once
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/cancel.h"

namespace vecferry {

/// Time and sleep, injected so that tests need not wait.
class Clock {
 public:
  using Steady = std::chrono::steady_clock;
  virtual ~Clock() = default;
  virtual Steady::time_point Now() const = 0;
  /// Seconds since the epoch, UTC.
  virtual double WallSeconds() const = 0;
  /// Returns early, with Category::cancelled, once a stop is requested.
  virtual Status SleepFor(std::chrono::milliseconds time, const CancelToken& cancel) const = 0;
  static const Clock& System();
};

/// "2026-01-02T03:04:05Z" or, with milliseconds, "2026-01-02T03:04:05.678Z".
std::string FormatUtc(double epoch_seconds, bool milliseconds = false);
/// What FormatUtc gave, and nothing else. Category::usage.
Result<double> ParseUtc(std::string_view text);

}  // namespace vecferry
