#pragma once
#include <iosfwd>
#include <string>

#include "base/clock.h"
#include "progress/lines.h"
#include "progress/rate.h"

namespace vecferry {

/// For a file, a pipe or a log of a service: whole lines, one at each phase, every few seconds and at every tenth of the
/// work, so that a run never looks as if it hung.
class PlainListener final : public EventListener {
 public:
  struct Options {
    LineOptions lines;
    double every_seconds = 5;
  };
  PlainListener(std::ostream& out, Options options, const Clock& clock = Clock::System());
  void On(const Event& event) override;

 private:
  void OnProgress(const Progress& progress);

  std::ostream& out_;
  Options options_;
  const Clock& clock_;
  EventLines lines_;
  RateMeter rate_;
  Progress last_;
  std::string phase_;
  int64_t tenth_ = 0;
  Clock::Steady::time_point told_at_{};
};

}  // namespace vecferry
