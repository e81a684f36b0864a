#pragma once
#include <deque>

#include "base/clock.h"
#include "progress/events.h"

namespace vecferry {

/// The speed of the last seconds, and from it the time that is left. Starts over with each phase.
class RateMeter {
 public:
  explicit RateMeter(double window_seconds = 10) : window_(window_seconds) {}
  void Add(const Progress& progress, Clock::Steady::time_point now);
  /// Units a second; 0 while it is not known.
  double rate() const;
  /// Seconds; -1 where total or rate is unknown.
  double eta() const;

 private:
  struct Point {
    Clock::Steady::time_point at;
    int64_t session;
  };
  double window_;
  std::string phase_;
  std::deque<Point> points_;
  int64_t left_ = -1;
};

}  // namespace vecferry
