#include "pipeline/flow.h"

#include <algorithm>

namespace vecferry {
namespace {

constexpr int kFirstInFlight = 2;
constexpr int64_t kFirstBytes = 1536 << 10, kLeastBytes = 64 << 10;
constexpr auto kWindow = std::chrono::milliseconds(100);
constexpr double kGain = 1.05;   ///< what a change must bring to stay
constexpr int kRest = 20;        ///< windows

}  // namespace

Flow::Flow(Options options, const Clock& clock, const CancelToken& cancel)
    : options_(options), clock_(clock), cancel_(cancel), limit_(std::clamp(options.most_in_flight, 1, kFirstInFlight)),
      bytes_(options.climbs ? std::min(kFirstBytes, options.most_bytes) : options.most_bytes), window_began_(clock.Now()) {}

int Flow::limit() const {
  std::lock_guard lock(mutex_);
  return limit_;
}

int64_t Flow::bytes() const {
  std::lock_guard lock(mutex_);
  return std::min(bytes_, cap_);
}

Flow::Permit Flow::Enter() {
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [this] { return in_flight_ < limit_; });
    const auto left = not_before_ - clock_.Now();
    if (left.count() <= 0 || cancel_.stop_requested()) break;
    lock.unlock();
    (void)clock_.SleepFor(std::chrono::ceil<std::chrono::milliseconds>(left), cancel_);
    lock.lock();
  }
  ++in_flight_;
  return {epoch_};
}

void Flow::Leave(const Permit& permit, int64_t bytes, const Status& answer) {
  std::lock_guard lock(mutex_);
  --in_flight_;
  const ErrorFacts facts = answer.ok() ? ErrorFacts{} : FactsOf(answer);
  if (answer.ok()) {
    window_bytes_ += bytes;
    ++window_writes_;
    const auto took = clock_.Now() - window_began_;
    if (took >= kWindow && window_writes_ >= 2 * limit_) EndWindow(static_cast<double>(window_bytes_) / std::chrono::duration<double>(took).count());
  } else if (facts.retry == Retry::after_delay || facts.category == Category::transient) {
    BackOff(permit, facts);
  }
  changed_.notify_all();
}

/// Writes that were in flight when another one's failure halved the limit say nothing new.
void Flow::BackOff(const Permit& permit, const ErrorFacts& facts) {
  if (facts.retry_after.count() > 0) not_before_ = std::max(not_before_, clock_.Now() + facts.retry_after);
  if (permit.epoch < epoch_) return;
  ++epoch_;
  limit_ = std::max(1, limit_ / 2);
  knob_ = Knob::in_flight;
  probing_ = false;
  fruitless_ = rest_ = 0;
  BeginWindow();
}

void Flow::TooLarge(int64_t bytes) {
  std::lock_guard lock(mutex_);
  cap_ = std::min(cap_, std::max<int64_t>(bytes / 2, 1));
}

int64_t Flow::RowsAtOnce(int64_t rows, int64_t bytes) {
  std::lock_guard lock(mutex_);
  largest_batch_ = std::max(largest_batch_, bytes);
  const int64_t size = options_.climbs ? std::min(bytes_, cap_) : cap_;
  if (bytes <= size || rows <= 1) return rows;
  const int64_t pieces = bytes / size + (bytes % size != 0 ? 1 : 0);
  return std::max<int64_t>(1, rows / pieces + (rows % pieces != 0 ? 1 : 0));
}

int64_t Flow::MostBytes() const { return std::min({options_.most_bytes, cap_, std::max(largest_batch_, kLeastBytes)}); }

Flow::Knob Flow::After(Knob knob) {
  return knob == Knob::in_flight ? Knob::larger : knob == Knob::larger ? Knob::smaller : Knob::in_flight;
}

bool Flow::Move(Knob knob) {
  limit_before_ = limit_;
  bytes_before_ = bytes_;
  const int64_t now = std::min(bytes_, MostBytes());
  if (knob == Knob::in_flight) {
    limit_ = std::min(limit_ + 1, options_.most_in_flight);
    return limit_ != limit_before_;
  }
  if (!options_.climbs) return false;
  bytes_ = knob == Knob::larger ? std::min(now + now / 2, MostBytes()) : std::max(now / 3 * 2, std::min(kLeastBytes, MostBytes()));
  const bool moved = bytes_ != now;
  if (!moved) bytes_ = bytes_before_;
  return moved;
}

/// Changes what can be changed, in turn.
void Flow::TryNext() {
  probing_ = false;
  while (fruitless_ < 3) {
    if (Move(knob_)) {
      probing_ = true;
      return;
    }
    ++fruitless_;
    knob_ = After(knob_);
  }
  fruitless_ = 0;
  rest_ = kRest;
}

void Flow::EndWindow(double bytes_per_second) {
  const bool gained = bytes_per_second > speed_ * kGain;
  if (probing_ && !gained) {
    limit_ = limit_before_;
    bytes_ = bytes_before_;
    ++fruitless_;
    knob_ = After(knob_);
    probing_ = false;  // the next window measures anew what the changes are compared with
    if (fruitless_ >= 3) {
      fruitless_ = 0;
      rest_ = kRest;
    }
  } else if (rest_ > 0) {
    --rest_;
  } else {
    if (probing_) fruitless_ = 0;
    speed_ = bytes_per_second;
    TryNext();
  }
  BeginWindow();
}

void Flow::BeginWindow() {
  window_began_ = clock_.Now();
  window_bytes_ = 0;
  window_writes_ = 0;
}

Clock::Steady::time_point Pacer::Reserve(int64_t records) {
  std::lock_guard lock(mutex_);
  const std::chrono::duration<double> cost(static_cast<double>(records) / rate_);
  next_ = std::max(next_, clock_.Now()) + std::chrono::ceil<Clock::Steady::duration>(cost);
  return next_;
}

}  // namespace vecferry
