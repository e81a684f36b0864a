#pragma once
#include "migration/engine.h"
#include "progress/recorder.h"

namespace vecferry {

/// Keeps in a run's journal what this process does over time, for reports of the run. Goes before engine and journal do.
class ActivityLog {
 public:
  ActivityLog(const Engine& engine, Journal& journal);
  ~ActivityLog() { engine_.events.Remove(&recorder_); }
  ActivityLog(const ActivityLog&) = delete;
  ActivityLog& operator=(const ActivityLog&) = delete;
  /// "finished", "failed" or "interrupted", and by what.
  void End(const std::string& outcome, const Status& failure = Status::OK()) { recorder_.End(outcome, failure); }

 private:
  const Engine& engine_;
  ActivityRecorder recorder_;
};

}  // namespace vecferry
