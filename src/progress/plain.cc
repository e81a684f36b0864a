#include "progress/plain.h"

#include <cmath>
#include <ostream>

#include <fmt/format.h>

#include "base/text.h"

namespace vecferry {
namespace {

std::string ProgressLine(const Progress& progress, const RateMeter& rate) {
  std::string line = fmt::format("{}: {}", Printable(progress.phase, 40), DoneOfTotal(progress));
  if (progress.total > 0) line += fmt::format(" ({:.1f} %)", 100.0 * static_cast<double>(progress.done) / static_cast<double>(progress.total));
  if (rate.rate() > 0) line += fmt::format(", {}/s", FormatCount(std::llround(rate.rate())));
  if (rate.eta() >= 0) line += ", ETA " + FormatDuration(rate.eta());
  if (progress.rejected > 0) line += fmt::format(", {} rejected", FormatCount(progress.rejected));
  if (progress.retried > 0) line += fmt::format(", {} retried", FormatCount(progress.retried));
  return line;
}

}  // namespace

PlainListener::PlainListener(std::ostream& out, Options options, const Clock& clock)
    : out_(out), options_(options), clock_(clock), lines_(options.lines) {}

void PlainListener::OnProgress(const Progress& progress) {
  const auto now = clock_.Now();
  last_ = progress;
  rate_.Add(progress, now);
  const int64_t tenth = progress.total > 0 ? progress.done * 10 / progress.total : 0;
  if (progress.phase != phase_) {
    phase_ = progress.phase;
    tenth_ = tenth;
    told_at_ = now;
    return;
  }
  const bool due = std::chrono::duration<double>(now - told_at_).count() >= options_.every_seconds;
  if (!due && tenth <= tenth_) return;
  tenth_ = tenth;
  told_at_ = now;
  out_ << ProgressLine(progress, rate_) << '\n' << std::flush;
}

void PlainListener::On(const Event& event) {
  switch (event.kind) {
    case Event::Kind::progress:
      if (!options_.lines.quiet) OnProgress(event.progress);
      return;
    case Event::Kind::phase_started:
      phase_ = event.progress.phase;
      tenth_ = event.progress.total > 0 ? event.progress.done * 10 / event.progress.total : 0;
      told_at_ = clock_.Now();
      if (!options_.lines.quiet) out_ << Printable(event.progress.phase, 40) << ": started" << '\n' << std::flush;
      return;
    case Event::Kind::phase_finished:
      if (!options_.lines.quiet) out_ << PhaseSummary(event.progress, last_) << '\n' << std::flush;
      return;
    default:
      if (const auto line = lines_.Of(event)) out_ << *line << '\n' << std::flush;
  }
}

}  // namespace vecferry
