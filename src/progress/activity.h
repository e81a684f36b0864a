#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace vecferry {

/// How long requests took: counts in ten classes a decade, from a millisecond to more than a thousand seconds.
class LatencyHistogram {
 public:
  static constexpr size_t kClasses = 62;
  void Add(double seconds);
  void Add(const LatencyHistogram& other);
  int64_t count() const { return count_; }
  double mean() const { return count_ > 0 ? sum_ / static_cast<double>(count_) : 0; }
  double slowest() const { return slowest_; }
  /// The upper bound of the class that holds the q-th part of them, 0 < q <= 1, no more than the slowest; 0 where there are none.
  double Quantile(double q) const;
  /// [class, count] of those that are not empty, the sum and the slowest, as JSON; and back. False for what is none.
  std::string ToJson() const;
  bool FromJson(std::string_view json);

 private:
  std::array<int64_t, kClasses> classes_{};
  int64_t count_ = 0;
  double sum_ = 0, slowest_ = 0;
};

/// What happened in a stretch of time.
struct ActivityBucket {
  int64_t records = 0, bytes = 0;     ///< written, skipped and rejected records; bytes of batches
  int64_t checked = 0;                ///< records that a verification read
  int64_t rejects = 0, retries = 0;
  int64_t reads = 0, writes = 0;      ///< requests that were answered
  double read_seconds = 0, write_seconds = 0, slowest_read = 0, slowest_write = 0;
  int64_t in_flight = 0;              ///< writes, at most
  void Add(const ActivityBucket& other);
};

/// A phase of one process. `end` is that of the last event where it did not come to its end.
struct ActivityPhase {
  std::string name;
  double begin = 0, end = 0;          ///< seconds since the activity began
  bool finished = false;
};

/// What one process of a run did, over time, in bounded memory: the stretches grow as it goes on.
struct Activity {
  static constexpr size_t kMostBuckets = 240;
  std::string version;                ///< of the program
  double started = 0;                 ///< seconds since the epoch
  double seconds = 0;                 ///< until the last event
  double width = 0.25;                ///< seconds of a bucket
  std::vector<ActivityBucket> buckets;
  std::vector<ActivityPhase> phases;
  LatencyHistogram reads, writes;
  std::map<std::string, int64_t> errors;   ///< by category: of attempts that failed, and of the failure that ended it
  std::map<std::string, int64_t> rejects;  ///< by code
  std::vector<std::string> warnings;       ///< the first of them
  int64_t more_warnings = 0;
  int64_t retries = 0, records = 0, bytes = 0;
  uint64_t peak_memory = 0;
  std::string outcome;                     ///< "finished", "failed", "interrupted"; "" while it runs, or where it was killed

  /// The stretch of a moment, so many seconds after the beginning. Joins stretches where there would be too many.
  ActivityBucket& At(double second);
  std::string ToJson() const;
  /// Category::corrupt for a text that is none.
  static Result<Activity> FromJson(std::string_view json);
};

}  // namespace vecferry
