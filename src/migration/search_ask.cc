#include "migration/search_ask.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <mutex>
#include <numeric>
#include <thread>

namespace vecferry {
namespace {

class Asker {
 public:
  Asker(const Engine& engine, Searcher& searcher, const std::vector<Query>& queries, const Asking& asking, const AcceptKey& accept)
      : engine_(engine), searcher_(searcher), queries_(queries), asking_(asking), accept_(accept), higher_(searcher.HigherIsNearer(asking.vector)) {
    asked_.answers.resize(queries.size());
    seconds_.resize(queries.size());
    progress_.phase = asking.phase;
    progress_.unit = "queries";
    progress_.total = static_cast<int64_t>(queries.size());
  }

  Result<Asked> Run() {
    began_ = engine_.clock.Now();
    std::vector<std::thread> threads;
    const auto n = std::min<size_t>(static_cast<size_t>(std::max(1, asking_.clients)), queries_.size());
    for (size_t i = 1; i < n; ++i) threads.emplace_back([this] { Loop(); });
    Loop();
    for (auto& thread : threads) thread.join();
    if (IsCategory(failure_, Category::unsupported)) {
      Asked none;
      none.unsupported = failure_.message();
      return none;
    }
    ARROW_RETURN_NOT_OK(failure_);
    asked_.latency = LatenciesOf(&seconds_);
    Report();
    return std::move(asked_);
  }

 private:
  void Loop() {
    for (size_t i = next_++; i < queries_.size(); i = next_++) {
      Status status = engine_.cancel.Check();
      if (status.ok()) status = AskOne(i);
      std::lock_guard lock(mutex_);
      if (!status.ok()) {
        if (failure_.ok()) failure_ = status;
        next_ = queries_.size();
        return;
      }
      ++progress_.done;
      if (engine_.clock.Now() - reported_ > std::chrono::milliseconds(200)) Report();
    }
  }

  Status AskOne(size_t i) {
    SearchQuery query;
    query.vector = asking_.vector;
    query.values = queries_[i].values;
    query.tenant = queries_[i].tenant;
    query.exact = asking_.exact;
    query.k = accept_ ? asking_.k * 4 + 32 : asking_.k;
    const auto began = engine_.clock.Now();
    ARROW_ASSIGN_OR_RAISE(auto hits, searcher_.Search(query));
    seconds_[i] = std::chrono::duration<double>(engine_.clock.Now() - began).count();
    for (auto& hit : hits) {
      // A record without a direction has no place in the order.
      if (std::isnan(hit.score)) continue;
      const uint64_t key = KeyWord(hit.tenant, hit.id);
      if (asked_.answers[i].size() >= static_cast<size_t>(asking_.k) || (accept_ && !accept_(key))) continue;
      asked_.answers[i].push_back({higher_ ? -hit.score : hit.score, std::move(hit.tenant), std::move(hit.id), key});
    }
    return Status::OK();
  }

  void Report() {
    reported_ = engine_.clock.Now();
    progress_.session = progress_.done;
    progress_.seconds = std::chrono::duration<double>(reported_ - began_).count();
    engine_.events.Send({Event::Kind::progress, "", progress_, {}});
  }

  const Engine& engine_;
  Searcher& searcher_;
  const std::vector<Query>& queries_;
  const Asking& asking_;
  const AcceptKey& accept_;
  const bool higher_;
  Asked asked_;
  std::vector<double> seconds_;
  std::atomic<size_t> next_{0};
  Clock::Steady::time_point began_, reported_;
  std::mutex mutex_;
  Status failure_;
  Progress progress_;
};

}  // namespace

Result<Asked> AskStore(const Engine& engine, Searcher& searcher, const std::vector<Query>& queries, const Asking& asking, const AcceptKey& accept) {
  return Asker(engine, searcher, queries, asking, accept).Run();
}

Result<bool> AwaitReady(const Engine& engine, Searcher& searcher, double seconds, const std::string& phase) {
  const auto began = engine.clock.Now();
  auto pause = std::chrono::milliseconds(100);
  bool told = false;
  while (true) {
    ARROW_ASSIGN_OR_RAISE(const bool ready, searcher.Ready());
    if (ready) return true;
    if (std::chrono::duration<double>(engine.clock.Now() - began).count() >= seconds) return false;
    if (!told) engine.events.Message(phase + ": waiting for the index");
    told = true;
    ARROW_RETURN_NOT_OK(engine.clock.SleepFor(pause, engine.cancel));
    pause = std::min(pause * 2, std::chrono::milliseconds(2000));
  }
}

Latencies LatenciesOf(std::vector<double>* seconds) {
  Latencies latencies;
  if (seconds->empty()) return latencies;
  std::sort(seconds->begin(), seconds->end());
  // The nearest rank: the value that so many of a hundred do not exceed.
  const auto at = [&](double percent) {
    const auto rank = static_cast<size_t>(std::ceil(percent / 100 * static_cast<double>(seconds->size())));
    return (*seconds)[std::clamp<size_t>(rank, 1, seconds->size()) - 1];
  };
  latencies.count = static_cast<int64_t>(seconds->size());
  latencies.mean = std::accumulate(seconds->begin(), seconds->end(), 0.0) / static_cast<double>(seconds->size());
  latencies.p50 = at(50), latencies.p90 = at(90), latencies.p95 = at(95), latencies.p99 = at(99);
  latencies.max = seconds->back();
  return latencies;
}

}  // namespace vecferry
