#pragma once
#include <atomic>

#include "base/error.h"

namespace vecferry {

/// A request to stop, shared by every thread of a run. The first request lets work in flight
/// finish; the second stops at once. Safe to call from a signal handler and from any thread.
class CancelToken {
 public:
  void Request() noexcept { level_.fetch_add(1, std::memory_order_relaxed); }
  bool stop_requested() const noexcept { return level_.load(std::memory_order_relaxed) > 0; }
  bool abort_requested() const noexcept { return level_.load(std::memory_order_relaxed) > 1; }
  /// Category::cancelled once a stop was requested, else OK.
  Status Check() const {
    return stop_requested() ? MakeError(Category::cancelled, "interrupted") : Status::OK();
  }

 private:
  std::atomic<int> level_{0};
};

}  // namespace vecferry
