#include "progress/lines.h"

#include <cmath>

#include <fmt/format.h>

#include "base/text.h"

namespace vecferry {

std::string EventLines::Fields(const Event& event) const {
  std::string text;
  if (!options_.verbose) return text;
  for (const auto& [name, value] : event.fields) {
    text += fmt::format("{}{}={}", text.empty() ? " [" : ", ", Printable(name, 100), Printable(value, 200));
  }
  return text.empty() ? text : text + "]";
}

std::optional<std::string> EventLines::Listed(const Event& event, const char* what, int64_t* seen) {
  ++*seen;
  if (options_.quiet || *seen > options_.list_at_most) return std::nullopt;
  std::string id;
  for (const auto& [name, value] : event.fields) {
    if (name == "id") id = Printable(value, 100);
  }
  // The engine begins some texts with the id already.
  if (!id.empty() && event.text.starts_with(id)) id.clear();
  std::string line = fmt::format("{}{}{}: {}{}", what, id.empty() ? "" : " ", id, Printable(event.text, 1000), Fields(event));
  if (*seen == options_.list_at_most) line += fmt::format("\n(any further {}s are counted, not listed here)", what);
  return line;
}

std::optional<std::string> EventLines::Of(const Event& event) {
  switch (event.kind) {
    case Event::Kind::warning: return fmt::format("warning: {}{}", Printable(event.text), Fields(event));
    case Event::Kind::reject: return Listed(event, "reject", &rejects_);
    case Event::Kind::mismatch: return Listed(event, "difference", &mismatches_);
    case Event::Kind::message:
    case Event::Kind::retry:
      if (options_.quiet) return std::nullopt;
      return Printable(event.text) + Fields(event);
    case Event::Kind::phase_started:
    case Event::Kind::progress:
    case Event::Kind::phase_finished:
    case Event::Kind::finished:
    case Event::Kind::request: return std::nullopt;
  }
  return std::nullopt;
}

std::string DoneOfTotal(const Progress& progress) {
  const std::string unit = Printable(progress.unit, 40);
  if (progress.total < 0) return fmt::format("{} {}", FormatCount(progress.done), unit);
  return fmt::format("{}/{} {}", FormatCount(progress.done), FormatCount(progress.total), unit);
}

std::string PhaseSummary(const Progress& end, const Progress& last) {
  const Progress& progress = end.done == 0 && last.phase == end.phase ? last : end;
  if (progress.done == 0) return Printable(end.phase, 40) + ": done";
  std::string text = fmt::format("{}: {} {}", Printable(progress.phase, 40), FormatCount(progress.done), Printable(progress.unit, 40));
  if (progress.seconds > 0) text += " in " + FormatDuration(progress.seconds);
  if (progress.seconds > 0 && progress.session > 0) {
    text += fmt::format(" ({}/s)", FormatCount(std::llround(static_cast<double>(progress.session) / progress.seconds)));
  }
  return text;
}

}  // namespace vecferry
