#include "net/buffers.h"

#include <algorithm>
#include <mutex>
#include <vector>

namespace vecferry {
namespace {

constexpr size_t kMostKept = 8, kLargestKept = 4 << 20, kSmallestKept = 64 << 10;

struct Kept {
  std::mutex mutex;
  std::vector<std::string> buffers;
};
Kept& kept() {
  static auto* const all = new Kept();  // never destroyed: gRPC's threads may give a buffer back at exit
  return *all;
}

}  // namespace

std::string TakeBuffer(size_t bytes) {
  std::string buffer;
  if (bytes >= kSmallestKept && bytes <= kLargestKept) {
    const std::lock_guard lock(kept().mutex);
    auto& buffers = kept().buffers;
    // The smallest that is large enough, else the largest.
    const auto fits = std::find_if(buffers.begin(), buffers.end(), [&](const auto& b) { return b.capacity() >= bytes; });
    const auto taken = fits != buffers.end() ? fits : buffers.empty() ? buffers.end() : std::prev(buffers.end());
    if (taken != buffers.end()) {
      buffer = std::move(*taken);
      buffers.erase(taken);
    }
  }
  buffer.reserve(bytes);
  return buffer;
}

void GiveBuffer(std::string buffer) {
  if (buffer.capacity() < kSmallestKept || buffer.capacity() > kLargestKept) return;
  buffer.clear();
  const std::lock_guard lock(kept().mutex);
  auto& buffers = kept().buffers;
  if (buffers.size() >= kMostKept) return;
  const auto behind = std::upper_bound(buffers.begin(), buffers.end(), buffer.capacity(), [](size_t n, const auto& b) { return n < b.capacity(); });
  buffers.insert(behind, std::move(buffer));
}

}  // namespace vecferry
