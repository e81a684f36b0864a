#pragma once
#include <chrono>
#include <deque>
#include <map>
#include <mutex>
#include <string>
#include <utility>

#include "base/error.h"

namespace vecferry::milvus {

/// What the server answered of collections and their state before one look failed: the engine begins the whole act anew, and is told again what was
/// told moments ago, so that an act of many looks comes to its end on a server of which each third call fails. Each answer is given again once for
/// a failure, and none after a change or after a minute. Thread-safe.
class LookMemory {
 public:
  /// The answer to give again; false where the server is to be asked.
  bool Recall(const std::string& asked, std::string* answer) {
    std::lock_guard guard(mutex_);
    const auto at = again_.find(asked);
    if (at == again_.end() || at->second.empty()) return false;
    Answer taken = std::move(at->second.front());
    at->second.pop_front();
    if (Clock::now() - taken.since > kFresh) return false;
    *answer = taken.answer;
    seen_[asked].push_back(std::move(taken));
    return true;
  }
  void Keep(const std::string& asked, const std::string& answer) {
    std::lock_guard guard(mutex_);
    if (answer.size() > kLargest) return;
    if (++kept_ > kMost) seen_.clear(), again_.clear(), kept_ = 1;
    seen_[asked].push_back({answer, Clock::now()});
  }
  /// A look failed, and what it is part of is begun anew.
  void Failed() {
    std::lock_guard guard(mutex_);
    for (auto& [asked, answers] : again_) {
      for (Answer& answer : answers) seen_[asked].push_back(std::move(answer));
    }
    again_ = std::exchange(seen_, {});
  }
  /// Something was changed, or may have been.
  void Changed() {
    std::lock_guard guard(mutex_);
    seen_.clear(), again_.clear(), kept_ = 0;
  }

 private:
  using Clock = std::chrono::steady_clock;
  static constexpr auto kFresh = std::chrono::seconds(60);
  static constexpr size_t kMost = 64, kLargest = 1 << 18;
  struct Answer {
    std::string answer;
    Clock::time_point since;
  };
  std::mutex mutex_;
  std::map<std::string, std::deque<Answer>> seen_, again_;  ///< answers to the same question in their order
  size_t kept_ = 0;
};

}  // namespace vecferry::milvus
