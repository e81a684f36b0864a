#pragma once
#include <functional>
#include <mutex>

#include "base/clock.h"
#include "progress/activity.h"
#include "progress/events.h"

namespace vecferry {

/// Keeps what a process did over time: for the journal, and from there, or at once, for a report.
class ActivityRecorder final : public EventListener {
 public:
  explicit ActivityRecorder(std::string version, const Clock& clock = Clock::System());
  /// `save` is called with what is known so far, at most once in `every_seconds`, from the thread of an event.
  void SaveTo(std::function<void(const Activity&)> save, double every_seconds);
  void On(const Event& event) override;
  /// Ends it: "finished", "failed", "interrupted"; with a failure, its category is counted. Saves.
  void End(const std::string& outcome, const Status& failure = Status::OK());
  Activity Now() const;

 private:
  double Since() const;
  void OnProgress(const Progress& progress, double now);
  void OnRequest(const Request& request, double now);
  void OnPhase(const Event& event, double now);
  void Warn(const std::string& text);
  void Save(bool at_once);

  const Clock& clock_;
  const Clock::Steady::time_point began_;
  mutable std::mutex mutex_;
  Activity activity_;
  std::function<void(const Activity&)> save_;
  double every_ = 0, saved_ = 0;
  std::string phase_;                 ///< that of the last progress
  int64_t records_ = 0, bytes_ = 0;   ///< of it, as last told
};

}  // namespace vecferry
