#pragma once
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace vecferry {

/// Counts equal values of a stream by their 64-bit hashes, in bounded memory: exact while no more than `most` values are distinct, from then
/// on an estimate from an ever smaller share of all values (adaptive sampling), of which every occurrence is counted.
class HashSample {
 public:
  explicit HashSample(size_t most) : most_(most) {}
  /// `hash` must be evenly spread.
  void Add(uint64_t hash) {
    if ((hash & mask_) != 0) return;
    pending_.push_back(hash);
    if (pending_.size() >= most_ / 16 + 256) Settle();
  }
  bool exact() { return Settle(), mask_ == 0; }
  /// Values.
  int64_t Distinct();
  /// Occurrences of values besides the first of each.
  int64_t Repeated();

 private:
  /// Takes the pending hashes in, and halves the share of values that is kept for as long as there are too many.
  void Settle();

  size_t most_;
  uint64_t mask_ = 0;                                    ///< a value is kept whose hash has none of these bits
  std::vector<uint64_t> pending_;
  std::vector<std::pair<uint64_t, uint32_t>> counted_;   ///< sorted
};

}  // namespace vecferry
