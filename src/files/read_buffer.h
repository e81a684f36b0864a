#pragma once
#include <algorithm>
#include <cstddef>
#include <cstring>
#include <memory>
#include <span>

namespace vecferry::files {

/// What was read of a file and is not yet passed, in one piece, in a buffer that grows where an item needs it.
class ReadBuffer {
 public:
  static constexpr size_t kChunk = size_t{1} << 20;  ///< bytes
  /// `padding` bytes are readable behind all that was read.
  explicit ReadBuffer(size_t padding = 0) : padding_(padding) {}

  char* data() { return buffer_.get() + at_; }
  const char* data() const { return buffer_.get() + at_; }
  char* end() { return buffer_.get() + filled_; }
  size_t size() const { return filled_ - at_; }
  bool empty() const { return filled_ == at_; }
  void Pass(size_t bytes) { at_ += bytes; }

  /// Where the next bytes are to be read to, at least kChunk of them. What is not yet passed moves; what is passed is gone.
  std::span<char> Space() {
    const size_t kept = size();
    if (kept + kChunk > capacity_) {
      const size_t larger = std::max(2 * capacity_, kept + kChunk);
      auto buffer = std::make_unique_for_overwrite<char[]>(larger + padding_);
      if (kept > 0) std::memcpy(buffer.get(), data(), kept);
      std::memset(buffer.get() + larger, 0, padding_);
      buffer_ = std::move(buffer);
      capacity_ = larger;
    } else if (at_ > 0) {
      std::memmove(buffer_.get(), data(), kept);
    }
    at_ = 0;
    filled_ = kept;
    return {buffer_.get() + kept, capacity_ - kept};
  }
  /// So many bytes were read to the last Space().
  void Add(size_t bytes) { filled_ += bytes; }

 private:
  const size_t padding_;
  std::unique_ptr<char[]> buffer_;
  size_t capacity_ = 0, at_ = 0, filled_ = 0;
};

}  // namespace vecferry::files
