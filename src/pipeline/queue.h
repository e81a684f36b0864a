#pragma once
#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>

namespace vecferry {

/// A queue between threads. What bounds it is the byte budget that its items hold.
template <typename Item>
class WorkQueue {
 public:
  void Push(Item item) {
    std::lock_guard lock(mutex_);
    if (discard_) return;
    items_.push_back(std::move(item));
    changed_.notify_one();
  }

  /// The next item; nothing once the queue is closed and empty.
  std::optional<Item> Pop() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return closed_ || !items_.empty(); });
    if (items_.empty()) return std::nullopt;
    Item item = std::move(items_.front());
    items_.pop_front();
    return item;
  }

  /// No item comes any more.
  void Close() {
    std::lock_guard lock(mutex_);
    closed_ = true;
    changed_.notify_all();
  }

  /// Closes it and forgets what is in it.
  void Discard() {
    std::deque<Item> dropped;
    std::lock_guard lock(mutex_);
    closed_ = discard_ = true;
    dropped.swap(items_);
    changed_.notify_all();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Item> items_;
  bool closed_ = false, discard_ = false;
};

}  // namespace vecferry
