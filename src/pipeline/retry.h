#pragma once
#include <chrono>
#include <cstdint>
#include <functional>

#include "base/cancel.h"
#include "base/clock.h"

namespace vecferry {

/// Exponential back-off with jitter, the store's own wish first, bounded in total.
struct RetryPolicy {
  std::chrono::milliseconds first{200}, longest{10'000}, total{300'000};
};

/// One series of attempts at one act.
class Retrier {
 public:
  Retrier(const RetryPolicy& policy, const Clock& clock, const CancelToken& cancel)
      : policy_(policy), clock_(clock), cancel_(cancel), began_(clock.Now()), delay_(policy.first) {}

  /// OK when the act may be tried again, after having waited; else the failure to give up with.
  Status Wait(const Status& failure);
  int attempts() const { return attempts_; }

 private:
  RetryPolicy policy_;
  const Clock& clock_;
  const CancelToken& cancel_;
  Clock::Steady::time_point began_;
  std::chrono::milliseconds delay_;
  int attempts_ = 0;
};

/// Calls `act` until it succeeds or its failure is not to be retried. `on_retry` hears of each failure.
template <typename T>
Result<T> WithRetry(Retrier retrier, const std::function<Result<T>()>& act, const std::function<void(const Status&)>& on_retry) {
  while (true) {
    Result<T> result = act();
    if (result.ok()) return result;
    const Status failure = result.status();
    ARROW_RETURN_NOT_OK(retrier.Wait(failure));
    on_retry(failure);
  }
}

}  // namespace vecferry
