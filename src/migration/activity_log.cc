#include "migration/activity_log.h"

#include <unistd.h>

#include <fmt/format.h>

namespace vecferry {
namespace {

constexpr double kEverySeconds = 2;

}  // namespace

ActivityLog::ActivityLog(const Engine& engine, Journal& journal) : engine_(engine), recorder_(VECFERRY_VERSION, engine.clock) {
  const std::string process = fmt::format("{:.6f} {}", engine.clock.WallSeconds(), ::getpid());
  // A journal that takes no more of this says so where it matters, at its next acknowledgement.
  recorder_.SaveTo([process, &journal](const Activity& activity) { (void)journal.PutActivity(process, activity.ToJson()); }, kEverySeconds);
  engine.events.Add(&recorder_);
}

}  // namespace vecferry
