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
    case Event::Kind::request: return "request";
  }
  return "?";
}

std::string Event::Field(std::string_view name) const {
  for (const auto& [key, value] : fields) {
    if (key == name) return value;
  }
  return {};
}

Event RetryOf(const Status& failure) {
  const ErrorFacts facts = FactsOf(failure);
  Event event{Event::Kind::retry, "retrying: " + failure.message(), {}, {{"category", std::string(CategoryName(facts.category))}}};
  if (facts.side != Side::none) event.fields.emplace_back("side", SideName(facts.side));
  return event;
}

}  // namespace vecferry
