#pragma once
#include <iosfwd>
#include <string>

#include "base/clock.h"
#include "progress/events.h"

namespace vecferry {

/// One JSON object a line and event (docs/reference/events.md), for programs: every object has `message_type` and `time`.
/// Events of progress are written at most once in `every_seconds`; all others always.
class JsonLinesListener final : public EventListener {
 public:
  explicit JsonLinesListener(std::ostream& out, double every_seconds = 1, const Clock& clock = Clock::System());
  void On(const Event& event) override;

 private:
  std::ostream& out_;
  double every_seconds_;
  const Clock& clock_;
  std::string phase_;
  Clock::Steady::time_point told_at_{};
};

/// The object of one event, without the end of the line. Bytes that are not UTF-8 become U+FFFD.
std::string EventToJson(const Event& event, double wall_seconds);

}  // namespace vecferry
