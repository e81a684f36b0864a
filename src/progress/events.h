#pragma once
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"

namespace vecferry {

/// How far a phase is.
struct Progress {
  std::string phase;        ///< "snapshot", "plan", "transfer", "verify"
  std::string unit = "records";
  int64_t done = 0;         ///< units done so far, an earlier process's included
  int64_t total = -1;       ///< -1 if unknown
  int64_t session = 0;      ///< units done by this process; what the rate is made of
  int64_t bytes = 0;
  int64_t written = 0, skipped = 0, rejected = 0, retried = 0, batches = 0;
  int64_t in_flight = 0;    ///< writes that the target has not answered yet
  double seconds = 0;       ///< since the phase began in this process
};

/// One call of a store that moved records, answered: a page that was read, a batch or a piece of one that was written.
struct Request {
  bool write = false;
  bool ok = true;
  int64_t records = 0, bytes = 0;
  double seconds = 0;       ///< from the call to the answer
};

/// Something that happened. `fields` are further facts in the order they are to be shown.
struct Event {
  enum class Kind { phase_started, progress, phase_finished, message, warning, retry, reject, mismatch, finished, request };
  Kind kind = Kind::message;
  std::string text;         ///< for people, one line, printable
  Progress progress;        ///< of progress and phase events
  std::vector<std::pair<std::string, std::string>> fields;
  Request request{};        ///< of a request; there are many, and nothing else is in such an event

  /// The value of a field, "" where there is none.
  std::string Field(std::string_view name) const;
};
/// That something failed and is tried again, with the failure's category and side as fields.
Event RetryOf(const Status& failure);
const char* Name(Event::Kind kind);

/// Takes the events of a run. Called from several threads, never two at once (Events serialises them).
class EventListener {
 public:
  virtual ~EventListener() = default;
  virtual void On(const Event& event) = 0;
};

/// Where the engine sends its events.
class Events {
 public:
  void Add(EventListener* listener) {
    std::lock_guard lock(mutex_);
    listeners_.push_back(listener);
  }
  void Remove(EventListener* listener) {
    std::lock_guard lock(mutex_);
    std::erase(listeners_, listener);
  }
  void Send(const Event& event) {
    std::lock_guard lock(mutex_);
    if (event.kind == Event::Kind::retry) ++retries_;
    for (auto* listener : listeners_) listener->On(event);
  }
  /// How often something was tried again so far, on either side.
  int64_t retries() const {
    std::lock_guard lock(mutex_);
    return retries_;
  }
  void Message(std::string text) { Send({Event::Kind::message, std::move(text), {}, {}}); }
  void Warning(std::string text) { Send({Event::Kind::warning, std::move(text), {}, {}}); }

 private:
  mutable std::mutex mutex_;
  int64_t retries_ = 0;
  std::vector<EventListener*> listeners_;
};

}  // namespace vecferry
