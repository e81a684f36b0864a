#pragma once
#include <atomic>
#include <cstdint>

namespace vecferry {

/// Calls to a store that were made once more at once, below the engine's own retries, since the program began.
inline std::atomic<int64_t>& RepeatedCalls() {
  static std::atomic<int64_t> count{0};
  return count;
}

}  // namespace vecferry
