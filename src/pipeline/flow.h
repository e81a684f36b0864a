#pragma once
#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>

#include "base/cancel.h"
#include "base/clock.h"
#include "base/error.h"

namespace vecferry {

/// How many writes a sink gets at once, and how large each is: both found by what the sink answers fastest. One object
/// for all writers of a run.
///
/// Answers are gathered in windows. After a window that measured the present state one thing is changed: one write more
/// in flight, or requests half as large again, or smaller by as much. Where the next window moved clearly more bytes a
/// second the change stays and is made once more, else it is taken back and another is tried; where none helps, all rest
/// for a while. A rate limit or a transient failure halves the writes in flight at once, and the store's own retry-after
/// holds back every write until then. A request that was too large caps the size for good.
class Flow {
 public:
  struct Options {
    int most_in_flight = 1;
    bool climbs = true;               ///< false: requests are as large as the batches, as the user said
    int64_t most_bytes = 8 << 20;     ///< of a request
  };
  Flow(Options options, const Clock& clock, const CancelToken& cancel);

  /// A write that is in flight.
  struct Permit {
    int64_t epoch = 0;                ///< number of back-offs before it began
  };
  /// Waits until one more write may be in flight and no retry-after holds it back, or a stop was requested.
  Permit Enter();
  /// The answer of a write that had entered.
  void Leave(const Permit& permit, int64_t bytes, const Status& answer);
  /// A request of so many bytes was too large as such.
  void TooLarge(int64_t bytes);
  /// How many rows of a batch go into one request: the batch in equal pieces.
  int64_t RowsAtOnce(int64_t rows, int64_t bytes);

  int limit() const;
  int64_t bytes() const;

 private:
  enum class Knob { in_flight, larger, smaller };
  static Knob After(Knob knob);
  bool Move(Knob knob);               ///< false where it is at its end already
  void TryNext();
  void EndWindow(double bytes_per_second);
  void BeginWindow();
  void BackOff(const Permit& permit, const ErrorFacts& facts);
  int64_t MostBytes() const;

  const Options options_;
  const Clock& clock_;
  const CancelToken& cancel_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  int limit_, in_flight_ = 0;
  int64_t bytes_, cap_ = INT64_MAX, largest_batch_ = 0, epoch_ = 0;
  Clock::Steady::time_point not_before_{}, window_began_;
  int64_t window_bytes_ = 0;
  int window_writes_ = 0;
  Knob knob_ = Knob::in_flight;
  bool probing_ = false;              ///< the window measures a change
  int fruitless_ = 0, rest_ = 0;      ///< changes taken back since one helped; windows left without any
  int limit_before_ = 0;
  int64_t bytes_before_ = 0;
  double speed_ = 0;
};

/// No more than so many records a second, over all writers: each waits before it writes, so that at any moment no more
/// were handed on than the time since the beginning allows. Time that was not used is not made up for.
class Pacer {
 public:
  /// 0: as fast as it goes.
  Pacer(double records_per_second, const Clock& clock) : rate_(records_per_second), clock_(clock), next_(clock.Now()) {}
  /// Waits for the turn of these records. False where a stop was requested or `given_up` became true meanwhile.
  template <typename GivenUp>
  bool Wait(int64_t records, const CancelToken& cancel, const GivenUp& given_up) {
    if (rate_ <= 0 || records <= 0) return !given_up();
    const auto due = Reserve(records);
    while (!given_up()) {
      const auto left = due - clock_.Now();
      if (left.count() <= 0) return true;
      if (!clock_.SleepFor(std::min(std::chrono::ceil<std::chrono::milliseconds>(left), kStep), cancel).ok()) return false;
    }
    return false;
  }

 private:
  static constexpr std::chrono::milliseconds kStep{200};
  Clock::Steady::time_point Reserve(int64_t records);

  const double rate_;
  const Clock& clock_;
  std::mutex mutex_;
  Clock::Steady::time_point next_;
};

}  // namespace vecferry
