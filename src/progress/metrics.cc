#include "progress/metrics.h"

#include <set>

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>

#include "base/files.h"
#include "base/text.h"

namespace vecferry {
namespace {

/// Values of a label that come from outside and would be a series each.
constexpr size_t kMostLabels = 100;

prometheus::Family<prometheus::Counter>& CounterOf(prometheus::Registry& registry, const char* name, const char* help) {
  return prometheus::BuildCounter().Name(name).Help(help).Register(registry);
}

prometheus::Family<prometheus::Gauge>& GaugeOf(prometheus::Registry& registry, const char* name, const char* help) {
  return prometheus::BuildGauge().Name(name).Help(help).Register(registry);
}

/// Brings a counter to a sum that is told now and then. One that went back began anew.
class Sum {
 public:
  explicit Sum(prometheus::Counter& counter) : counter_(counter) {}
  void Is(int64_t value) {
    if (value > told_) counter_.Increment(static_cast<double>(value - told_));
    told_ = value;
  }

 private:
  prometheus::Counter& counter_;
  int64_t told_ = 0;
};

}  // namespace

struct MetricsListener::Impl {
  std::shared_ptr<prometheus::Registry> registry = std::make_shared<prometheus::Registry>();
  prometheus::Family<prometheus::Counter>& records = CounterOf(*registry, "vecferry_records_total", "Records of the run by what became of them, those of earlier processes included.");
  Sum written{records.Add({{"outcome", "written"}})}, skipped{records.Add({{"outcome", "skipped"}})}, rejected{records.Add({{"outcome", "rejected"}})};
  Sum bytes{CounterOf(*registry, "vecferry_bytes_total", "Bytes of records that were moved.").Add({})};
  Sum batches{CounterOf(*registry, "vecferry_batches_total", "Batches that were acknowledged.").Add({})};
  prometheus::Family<prometheus::Counter>& retries = CounterOf(*registry, "vecferry_retries_total", "Attempts that failed and were made again, by side.");
  prometheus::Family<prometheus::Counter>& rejects = CounterOf(*registry, "vecferry_rejects_total", "Records that this process rejected, by reason.");
  prometheus::Family<prometheus::Counter>& errors = CounterOf(*registry, "vecferry_errors_total", "Failed attempts by category, also of those that passed when they were made again.");
  prometheus::Counter& mismatches = CounterOf(*registry, "vecferry_mismatches_total", "Fields that differed after they were written twice.").Add({});
  prometheus::Counter& warnings = CounterOf(*registry, "vecferry_warnings_total", "Warnings.").Add({});
  prometheus::Gauge& in_flight = GaugeOf(*registry, "vecferry_writes_in_flight", "Writes that the target has not answered yet.").Add({});
  prometheus::Family<prometheus::Gauge>& phase = GaugeOf(*registry, "vecferry_phase", "1 of the phase that is going on, 0 of those that were.");
  prometheus::Family<prometheus::Gauge>& done = GaugeOf(*registry, "vecferry_phase_done", "How far the phase is, in its unit.");
  prometheus::Family<prometheus::Gauge>& total = GaugeOf(*registry, "vecferry_phase_total", "How far it will go, where that is known.");
  prometheus::Gauge& memory = GaugeOf(*registry, "vecferry_peak_memory_bytes", "The most memory that this process had in use.").Add({});
  prometheus::Family<prometheus::Histogram>& durations =
      prometheus::BuildHistogram().Name("vecferry_request_duration_seconds").Help("How long requests to the stores took, by what was asked.").Register(*registry);
  const prometheus::Histogram::BucketBoundaries bounds{0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60};
  prometheus::Histogram& reads = durations.Add({{"operation", "read"}}, bounds);
  prometheus::Histogram& writes = durations.Add({{"operation", "write"}}, bounds);
  std::set<std::string> labels;
  std::string now;  ///< the phase

  std::string Label(std::string value) {
    value = Printable(value, 100);
    if (!labels.contains(value) && labels.size() >= kMostLabels) return "other";
    return *labels.insert(std::move(value)).first;
  }

  void Enter(const std::string& name) {
    if (name == now) return;
    if (!now.empty()) phase.Add({{"phase", now}}).Set(0);
    now = Label(name);
    if (!now.empty()) phase.Add({{"phase", now}}).Set(1);
  }

  void OnProgress(const Progress& progress) {
    Enter(progress.phase);
    done.Add({{"phase", now}}).Set(static_cast<double>(progress.done));
    if (progress.total >= 0) total.Add({{"phase", now}}).Set(static_cast<double>(progress.total));
    memory.Set(static_cast<double>(PeakMemoryBytes()));
    in_flight.Set(static_cast<double>(progress.in_flight));
    if (progress.phase != "transfer") return;
    written.Is(progress.written);
    skipped.Is(progress.skipped);
    rejected.Is(progress.rejected);
    bytes.Is(progress.bytes);
    batches.Is(progress.batches);
  }

  void OnRetry(const Event& event) {
    const std::string side = event.Field("side"), category = event.Field("category");
    retries.Add({{"side", side.empty() ? "unknown" : Label(side)}}).Increment();
    errors.Add({{"category", category.empty() ? "unknown" : Label(category)}}).Increment();
  }
};

MetricsListener::MetricsListener(const Labels& labels) : impl_(std::make_unique<Impl>()) {
  GaugeOf(*impl_->registry, "vecferry_run_info", "1; its labels say what is executed.")
      .Add({{"command", Printable(labels.command, 100)}, {"source", Printable(labels.source, 500)}, {"target", Printable(labels.target, 500)}, {"version", labels.version}})
      .Set(1);
  impl_->memory.Set(static_cast<double>(PeakMemoryBytes()));
}

MetricsListener::~MetricsListener() = default;

std::shared_ptr<prometheus::Collectable> MetricsListener::collectable() const { return impl_->registry; }

void MetricsListener::On(const Event& event) {
  switch (event.kind) {
    case Event::Kind::progress: return impl_->OnProgress(event.progress);
    case Event::Kind::phase_started: return impl_->Enter(event.progress.phase);
    case Event::Kind::phase_finished: return impl_->Enter("");
    case Event::Kind::request: return (event.request.write ? impl_->writes : impl_->reads).Observe(event.request.seconds);
    case Event::Kind::retry: return impl_->OnRetry(event);
    case Event::Kind::reject: return impl_->rejects.Add({{"code", impl_->Label(event.Field("code"))}}).Increment();
    case Event::Kind::mismatch: return impl_->mismatches.Increment();
    case Event::Kind::warning: return impl_->warnings.Increment();
    case Event::Kind::message:
    case Event::Kind::finished: return;
  }
}

}  // namespace vecferry
