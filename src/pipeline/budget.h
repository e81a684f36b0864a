#pragma once
#include <condition_variable>
#include <cstdint>
#include <mutex>

#include "base/cancel.h"

namespace vecferry {

/// The bytes that a run may hold in batches at once, from read to acknowledgement.
class ByteBudget {
 public:
  explicit ByteBudget(int64_t total) : total_(total) {}

  /// A share of the budget, given back on destruction.
  class Lease {
   public:
    Lease() = default;
    Lease(ByteBudget* budget, int64_t bytes) : budget_(budget), bytes_(bytes) {}
    Lease(Lease&& other) noexcept { *this = std::move(other); }
    Lease& operator=(Lease&& other) noexcept {
      std::swap(budget_, other.budget_);
      std::swap(bytes_, other.bytes_);
      return *this;
    }
    ~Lease() {
      if (budget_) budget_->Release(bytes_);
    }

   private:
    ByteBudget* budget_ = nullptr;
    int64_t bytes_ = 0;
  };

  /// Waits until the bytes are free. A request larger than the whole budget waits until it is alone. After
  /// Close it returns an empty lease at once.
  Lease Acquire(int64_t bytes) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return closed_ || used_ == 0 || used_ + bytes <= total_; });
    if (closed_) return Lease();
    used_ += bytes;
    return Lease(this, bytes);
  }

  void Close() {
    std::lock_guard lock(mutex_);
    closed_ = true;
    changed_.notify_all();
  }

 private:
  void Release(int64_t bytes) {
    std::lock_guard lock(mutex_);
    used_ -= bytes;
    changed_.notify_all();
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  const int64_t total_;
  int64_t used_ = 0;
  bool closed_ = false;
};

}  // namespace vecferry
