#include "pipeline/retry.h"

#include <random>

#include <fmt/format.h>

namespace vecferry {

Status Retrier::Wait(const Status& failure) {
  const ErrorFacts facts = FactsOf(failure);
  if (facts.retry == Retry::never || cancel_.stop_requested()) return failure;
  ++attempts_;
  if (facts.retry == Retry::now && attempts_ <= 3) return Status::OK();
  const auto spent = std::chrono::duration_cast<std::chrono::milliseconds>(clock_.Now() - began_);
  auto wait = facts.retry_after;
  if (wait.count() == 0) {
    static thread_local std::minstd_rand random{std::random_device{}()};
    wait = delay_ / 2 + std::chrono::milliseconds(random() % static_cast<unsigned long>(delay_.count() / 2 + 1));
    delay_ = std::min(delay_ * 2, policy_.longest);
  }
  if (spent + wait > policy_.total) {
    return Prefixed(fmt::format("gave up after {} attempts in {} s", attempts_, spent.count() / 1000), failure);
  }
  const Status slept = clock_.SleepFor(wait, cancel_);
  return slept.ok() ? slept : failure;
}

}  // namespace vecferry
