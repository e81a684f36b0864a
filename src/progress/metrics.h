#pragma once
#include <memory>
#include <string>

#include "progress/events.h"

namespace prometheus {
class Collectable;
}

namespace vecferry {

/// What a run does as metrics of Prometheus (docs/guide/report.md lists them): counters of records, bytes, batches, retries, rejects and
/// errors, the phase and how far it is, writes in flight, and how long requests took.
class MetricsListener final : public EventListener {
 public:
  struct Labels {
    std::string command, source, target, version;  ///< of vecferry_run_info; secrets masked
  };
  explicit MetricsListener(const Labels& labels);
  ~MetricsListener() override;
  void On(const Event& event) override;
  /// What a server of metrics asks. Thread-safe; lives as long as somebody holds it.
  std::shared_ptr<prometheus::Collectable> collectable() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace vecferry
