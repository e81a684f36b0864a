#include "progress/rate.h"

#include <algorithm>

namespace vecferry {
namespace {

double SecondsBetween(Clock::Steady::time_point from, Clock::Steady::time_point to) {
  return std::chrono::duration<double>(to - from).count();
}

}  // namespace

void RateMeter::Add(const Progress& progress, Clock::Steady::time_point now) {
  if (progress.phase != phase_ || (!points_.empty() && progress.session < points_.back().session)) points_.clear();
  phase_ = progress.phase;
  left_ = progress.total < 0 ? -1 : std::max<int64_t>(0, progress.total - progress.done);
  points_.push_back({now, progress.session});
  while (points_.size() > 2 && SecondsBetween(points_[1].at, now) >= window_) points_.pop_front();
}

double RateMeter::rate() const {
  if (points_.size() < 2) return 0;
  const double seconds = SecondsBetween(points_.front().at, points_.back().at);
  return seconds <= 0 ? 0 : static_cast<double>(points_.back().session - points_.front().session) / seconds;
}

double RateMeter::eta() const {
  const double speed = rate();
  return left_ < 0 || speed <= 0 ? -1 : static_cast<double>(left_) / speed;
}

}  // namespace vecferry
