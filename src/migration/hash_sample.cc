#include "migration/hash_sample.h"

#include <algorithm>
#include <limits>

namespace vecferry {

void HashSample::Settle() {
  if (pending_.empty()) return;
  std::sort(pending_.begin(), pending_.end());
  std::vector<std::pair<uint64_t, uint32_t>> merged;
  merged.reserve(counted_.size() + pending_.size());
  auto old = counted_.begin();
  for (const uint64_t hash : pending_) {
    while (old != counted_.end() && old->first <= hash) merged.push_back(*old++);
    if (!merged.empty() && merged.back().first == hash) {
      if (merged.back().second < std::numeric_limits<uint32_t>::max()) ++merged.back().second;
    } else {
      merged.emplace_back(hash, 1);
    }
  }
  merged.insert(merged.end(), old, counted_.end());
  counted_ = std::move(merged);
  pending_.clear();
  while (counted_.size() > most_ && mask_ != std::numeric_limits<uint64_t>::max()) {
    mask_ = mask_ << 1 | 1;
    std::erase_if(counted_, [this](const auto& each) { return (each.first & mask_) != 0; });
  }
}

int64_t HashSample::Distinct() {
  Settle();
  return static_cast<int64_t>(counted_.size() * (mask_ + 1));
}

int64_t HashSample::Repeated() {
  Settle();
  uint64_t repeated = 0;
  for (const auto& [hash, count] : counted_) repeated += count - 1;
  return static_cast<int64_t>(repeated * (mask_ + 1));
}

}  // namespace vecferry
