#include "progress/bar.h"

#include <sys/ioctl.h>

#include <algorithm>
#include <cmath>
#include <ostream>

#include <fmt/format.h>

#include "base/text.h"

namespace vecferry {
namespace {

constexpr std::chrono::milliseconds kRedraw{100};
constexpr int kBarColumns = 20;

std::string Bar(double share) {
  const int full = static_cast<int>(std::clamp(share, 0.0, 1.0) * kBarColumns);
  std::string bar(static_cast<size_t>(full), '=');
  if (full < kBarColumns) bar += '>';
  bar.resize(kBarColumns, ' ');
  return "[" + bar + "]";
}

}  // namespace

int TerminalWidth(int fd) {
  winsize size{};
  return ::ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

BarListener::BarListener(std::ostream& out, Options options, const Clock& clock)
    : out_(out), options_(std::move(options)), clock_(clock), lines_(options_.lines), rate_(5) {}

BarListener::~BarListener() { Erase(); }

void BarListener::Erase() {
  if (drawn_) out_ << "\r\x1b[K" << std::flush;
  drawn_ = false;
}

std::string BarListener::Text(int columns) const {
  std::string text = fmt::format("{:<9}", Printable(last_.phase, 20));
  if (last_.total > 0) {
    const double share = static_cast<double>(last_.done) / static_cast<double>(last_.total);
    text += fmt::format(" {} {:3.0f} %", Bar(share), std::floor(std::min(share, 1.0) * 100));
  }
  text += "  " + DoneOfTotal(last_);
  if (rate_.rate() > 0) text += fmt::format("  {}/s", FormatCount(std::llround(rate_.rate())));
  if (rate_.eta() >= 0) text += "  ETA " + FormatDuration(rate_.eta());
  if (last_.rejected > 0) text += fmt::format("  {} rejected", FormatCount(last_.rejected));
  if (last_.retried > 0) text += fmt::format("  {} retried", FormatCount(last_.retried));
  // The last column stays free: some terminals wrap once it is filled.
  const size_t most = static_cast<size_t>(std::max(columns - 1, 10));
  if (text.size() > most) text.resize(most);
  return text;
}

void BarListener::Draw() {
  const std::string text = Text(options_.width());
  if (options_.colour && last_.rejected > 0) {
    out_ << "\r\x1b[33m" << text << "\x1b[0m\x1b[K" << std::flush;
  } else {
    out_ << '\r' << text << "\x1b[K" << std::flush;
  }
  drawn_ = true;
  drawn_at_ = clock_.Now();
}

void BarListener::On(const Event& event) {
  if (event.kind == Event::Kind::progress) {
    last_ = event.progress;
    rate_.Add(last_, clock_.Now());
    active_ = true;
    if (!drawn_ || clock_.Now() - drawn_at_ >= kRedraw) Draw();
    return;
  }
  if (event.kind == Event::Kind::phase_finished || event.kind == Event::Kind::finished) {
    Erase();
    active_ = false;
    if (event.kind == Event::Kind::phase_finished && !options_.lines.quiet) out_ << PhaseSummary(event.progress, last_) << '\n' << std::flush;
    return;
  }
  const auto line = lines_.Of(event);
  if (!line) return;
  Erase();
  const bool alarm = options_.colour && event.kind == Event::Kind::warning;
  out_ << (alarm ? "\x1b[33m" : "") << *line << (alarm ? "\x1b[0m" : "") << '\n' << std::flush;
  if (active_) Draw();
}

}  // namespace vecferry
