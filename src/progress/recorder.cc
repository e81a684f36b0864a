#include "progress/recorder.h"

#include <algorithm>

#include "base/files.h"

namespace vecferry {
namespace {

constexpr size_t kMostWarnings = 50, kMostKinds = 200;

/// Counts a name, of which there are few; those of a hostile store end up under one.
void Count(const std::string& name, std::map<std::string, int64_t>* counts) {
  if (!counts->contains(name) && counts->size() >= kMostKinds) ++(*counts)["other"];
  else ++(*counts)[name];
}

}  // namespace

ActivityRecorder::ActivityRecorder(std::string version, const Clock& clock) : clock_(clock), began_(clock.Now()) {
  activity_.version = std::move(version);
  activity_.started = clock.WallSeconds();
}

double ActivityRecorder::Since() const { return std::chrono::duration<double>(clock_.Now() - began_).count(); }

void ActivityRecorder::SaveTo(std::function<void(const Activity&)> save, double every_seconds) {
  std::lock_guard lock(mutex_);
  save_ = std::move(save);
  every_ = every_seconds;
}

void ActivityRecorder::OnProgress(const Progress& progress, double now) {
  // Only what this process did: a phase that begins anew counts from 0 again.
  const bool same = progress.phase == phase_ && progress.session >= records_;
  const int64_t records = progress.session - (same ? records_ : 0), bytes = progress.bytes - (same ? bytes_ : progress.bytes);
  phase_ = progress.phase;
  records_ = progress.session;
  bytes_ = progress.bytes;
  ActivityBucket& bucket = activity_.At(now);
  bucket.in_flight = std::max(bucket.in_flight, progress.in_flight);
  if (progress.unit != "records") return;
  if (progress.phase != "transfer") {
    bucket.checked += std::max<int64_t>(0, records);
    return;
  }
  bucket.records += records;
  activity_.records += records;
  bucket.bytes += std::max<int64_t>(0, bytes);
  activity_.bytes += std::max<int64_t>(0, bytes);
}

void ActivityRecorder::OnRequest(const Request& request, double now) {
  ActivityBucket& bucket = activity_.At(now);
  ++(request.write ? bucket.writes : bucket.reads);
  (request.write ? bucket.write_seconds : bucket.read_seconds) += request.seconds;
  double& slowest = request.write ? bucket.slowest_write : bucket.slowest_read;
  slowest = std::max(slowest, request.seconds);
  (request.write ? activity_.writes : activity_.reads).Add(request.seconds);
}

void ActivityRecorder::OnPhase(const Event& event, double now) {
  auto& phases = activity_.phases;
  if (event.kind == Event::Kind::phase_started) {
    if (phases.size() < kMostKinds) phases.push_back({event.progress.phase, now, now, false});
    return;
  }
  const auto open = std::find_if(phases.rbegin(), phases.rend(), [&](const auto& p) { return p.name == event.progress.phase && !p.finished; });
  if (open != phases.rend()) *open = {open->name, open->begin, now, true};
}

void ActivityRecorder::Warn(const std::string& text) {
  if (activity_.warnings.size() < kMostWarnings) activity_.warnings.push_back(text.substr(0, 1000));
  else ++activity_.more_warnings;
}

void ActivityRecorder::Save(bool at_once) {
  if (!save_ || (!at_once && activity_.seconds - saved_ < every_)) return;
  saved_ = activity_.seconds;
  activity_.peak_memory = PeakMemoryBytes();
  save_(activity_);
}

void ActivityRecorder::On(const Event& event) {
  std::lock_guard lock(mutex_);
  const double now = Since();
  activity_.seconds = std::max(activity_.seconds, now);
  switch (event.kind) {
    case Event::Kind::progress: OnProgress(event.progress, now); break;
    case Event::Kind::request: OnRequest(event.request, now); return;
    case Event::Kind::phase_started:
    case Event::Kind::phase_finished: OnPhase(event, now); break;
    case Event::Kind::warning: Warn(event.text); break;
    case Event::Kind::retry:
      ++activity_.retries;
      ++activity_.At(now).retries;
      Count(event.Field("category").empty() ? "unknown" : event.Field("category"), &activity_.errors);
      break;
    case Event::Kind::reject:
      ++activity_.At(now).rejects;
      Count(event.Field("code"), &activity_.rejects);
      break;
    case Event::Kind::message:
    case Event::Kind::mismatch:
    case Event::Kind::finished: break;
  }
  for (auto& phase : activity_.phases) {
    if (!phase.finished) phase.end = now;
  }
  Save(false);
}

void ActivityRecorder::End(const std::string& outcome, const Status& failure) {
  std::lock_guard lock(mutex_);
  activity_.seconds = std::max(activity_.seconds, Since());
  activity_.outcome = outcome;
  if (!failure.ok()) Count(std::string(CategoryName(FactsOf(failure).category)), &activity_.errors);
  Save(true);
}

Activity ActivityRecorder::Now() const {
  std::lock_guard lock(mutex_);
  Activity now = activity_;
  now.peak_memory = PeakMemoryBytes();
  return now;
}

}  // namespace vecferry
