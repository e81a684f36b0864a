#pragma once
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

namespace vecferry {

/// Objects that cost something to make, each in one thread's hands at a time and kept for the next. Thread-safe.
template <typename T>
class Pool {
 public:
  /// One of them until it goes; outlived by its pool.
  class Lease {
   public:
    Lease(Pool& pool, std::unique_ptr<T> object) : pool_(pool), object_(std::move(object)) {}
    Lease(const Lease&) = delete;
    Lease& operator=(const Lease&) = delete;
    ~Lease() {
      std::lock_guard guard(pool_.mutex_);
      pool_.idle_.push_back(std::move(object_));
    }
    T& operator*() const { return *object_; }
    T* operator->() const { return object_.get(); }

   private:
    Pool& pool_;
    std::unique_ptr<T> object_;
  };

  /// `make` gives a T, and is called where none is idle.
  template <typename Make>
  Lease Take(Make&& make) {
    {
      std::lock_guard guard(mutex_);
      if (!idle_.empty()) {
        auto object = std::move(idle_.back());
        idle_.pop_back();
        return Lease(*this, std::move(object));
      }
    }
    return Lease(*this, std::unique_ptr<T>(new T(make())));
  }

 private:
  std::mutex mutex_;
  std::vector<std::unique_ptr<T>> idle_;
};

}  // namespace vecferry
