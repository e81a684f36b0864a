#include "progress/events.h"

namespace vecferry {

const char* Name(Event::Kind kind) {
  switch (kind) {
    case Event::Kind::phase_started: return "phase_started";
    case Event::Kind::progress: return "progress";
    case Event::Kind::phase_finished: return "phase_finished";
    case Event::Kind::message: return "message";
    case Event::Kind::warning: return "warning";
    case Event::Kind::retry: return "retry";
    case Event::Kind::reject: return "reject";
    case Event::Kind::mismatch: return "mismatch";
    case Event::Kind::finished: return "finished";
  }
  return "?";
}

}  // namespace vecferry
