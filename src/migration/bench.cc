#include "migration/bench.h"

#include <algorithm>
#include <atomic>
#include <memory>
#include <mutex>
#include <thread>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "migration/open.h"
#include "migration/report_json.h"
#include "migration/search_ask.h"
#include "migration/search_queries.h"

namespace vecferry {
namespace {

/// Latencies that one client keeps; beyond that an even sample of them.
constexpr size_t kMostKept = 2 << 20;

/// Asks a searcher the same queries in turn, from several threads, until the time is over or so many were asked.
class Load {
 public:
  Load(const Engine& engine, Searcher& searcher, const std::vector<SearchQuery>& queries, int clients, std::string phase)
      : engine_(engine), searcher_(searcher), queries_(queries), clients_(clients), phase_(std::move(phase)) {}

  /// Adds what was measured to `side`. `requests` 0: by time.
  void Run(double seconds, int64_t requests, BenchSide* side) {
    began_ = reported_ = engine_.clock.Now();
    seconds_ = seconds, requests_ = requests;
    next_ = 0, answered_ = 0, over_ = false;
    kept_.assign(static_cast<size_t>(clients_), {});
    std::vector<std::thread> threads;
    for (int i = 1; i < clients_; ++i) threads.emplace_back([this, i] { Client(kept_[static_cast<size_t>(i)]); });
    Client(kept_[0]);
    for (auto& thread : threads) thread.join();
    side->seconds = Elapsed();
    side->requests = answered_;
    side->failures = failures_;
    side->failure = failure_;
    side->qps = side->seconds > 0 ? static_cast<double>(side->requests) / side->seconds : 0;
    std::vector<double> all;
    for (const auto& kept : kept_) all.insert(all.end(), kept.begin(), kept.end());
    side->latency = LatenciesOf(&all);
    side->latency.count = side->requests;
  }

 private:
  double Elapsed() const { return std::chrono::duration<double>(engine_.clock.Now() - began_).count(); }

  bool Over() const {
    if (over_ || engine_.cancel.stop_requested()) return true;
    return requests_ == 0 && Elapsed() >= seconds_;
  }

  void Client(std::vector<double>& kept) {
    uint64_t dice = 0x9E3779B97F4A7C15ull;
    while (!Over()) {
      const int64_t i = next_++;
      if (requests_ > 0 && i >= requests_) return;
      const auto began = engine_.clock.Now();
      const auto hits = searcher_.Search(queries_[static_cast<size_t>(i) % queries_.size()]);
      const double seconds = std::chrono::duration<double>(engine_.clock.Now() - began).count();
      if (IsCategory(hits.status(), Category::cancelled)) return;
      if (!hits.ok()) {
        Failed(hits.status());
        continue;
      }
      const int64_t n = ++answered_;
      if (kept.size() < kMostKept) {
        kept.push_back(seconds);
      } else if (const uint64_t at = (dice = dice * 6364136223846793005ull + 1442695040888963407ull) % static_cast<uint64_t>(n); at < kMostKept) {
        kept[at] = seconds;
      }
      Report();
    }
  }

  void Failed(const Status& status) {
    std::lock_guard lock(mutex_);
    ++failures_;
    if (failure_.empty()) failure_ = status.message();
    // A store that answers nothing is not asked for as long as the time lasts.
    if (failures_ >= 100 && answered_ == 0) over_ = true;
  }

  void Report() {
    std::unique_lock lock(mutex_, std::try_to_lock);
    if (!lock || engine_.clock.Now() - reported_ < std::chrono::milliseconds(200)) return;
    reported_ = engine_.clock.Now();
    Progress progress;
    progress.phase = phase_;
    progress.unit = "queries";
    progress.done = progress.session = answered_;
    progress.total = requests_ > 0 ? requests_ : -1;
    progress.seconds = Elapsed();
    engine_.events.Send({Event::Kind::progress, "", progress, {}});
  }

  const Engine& engine_;
  Searcher& searcher_;
  const std::vector<SearchQuery>& queries_;
  const int clients_;
  const std::string phase_;
  double seconds_ = 0;
  int64_t requests_ = 0;
  std::atomic<int64_t> next_{0}, answered_{0};
  std::atomic<bool> over_{false};
  Clock::Steady::time_point began_, reported_;
  std::mutex mutex_;
  int64_t failures_ = 0;
  std::string failure_;
  std::vector<std::vector<double>> kept_;
};

/// One side, opened, with who searches it.
struct Measured {
  OpenedSource opened;
  std::unique_ptr<Searcher> scan;
  Searcher* searcher = nullptr;
  VectorSpec spec;
  std::string how;
};

Result<VectorSpec> ColumnOf(const RecordSchema& schema, const BenchOptions& options, const VectorSpec* like) {
  const VectorSpec* found = nullptr;
  for (const auto& spec : schema.vectors) {
    if (spec.kind != VectorKind::dense || (!options.vector.empty() && spec.name != options.vector && spec.column() != options.vector)) continue;
    if (like && spec.dims != like->dims) continue;
    if (!found || (like && spec.name == like->name)) found = &spec;
  }
  if (found) return *found;
  const std::string what = options.vector.empty() ? "dense vector" : "dense vector '" + Printable(options.vector, 100) + "'";
  return MakeError(Category::unsupported, fmt::format("there is no {}{} to search", what, like ? fmt::format(" of {} dimensions", like->dims) : ""), "name one with --vector");
}

Result<Measured> Open(const Engine& engine, const Location& location, const BenchOptions& options, const VectorSpec* like) {
  Measured side;
  ARROW_ASSIGN_OR_RAISE(side.opened, OpenSourceSide(engine, location, {.missing_vector = "keep", .peek = true, .side = like ? Side::sink : Side::source}));
  const auto open = [&]() -> Status {
    ARROW_ASSIGN_OR_RAISE(side.spec, ColumnOf(side.opened.info.schema, options, like));
    if (side.spec.metric == Metric::unknown) side.spec.metric = like && options.search.metric == Metric::unknown ? like->metric : options.search.metric;
    side.searcher = side.opened.source->searcher();
    side.how = side.searcher ? (options.exact && side.searcher->CanBeExact() ? "store, exact" : "store, by its index") : "scan";
    if (side.searcher) return Status::OK();
    if (side.spec.metric == Metric::unknown) return MakeError(Category::usage, "the metric is not known", "say it with --metric");
    side.scan = std::make_unique<ScanSearcher>(engine, *side.opened.source, side.opened.info.schema, side.spec.metric);
    side.searcher = side.scan.get();
    return Status::OK();
  };
  ARROW_RETURN_NOT_OK(At(open(), like ? Side::sink : Side::source, location.scheme, DatasetName(location)));
  return side;
}

class Bencher {
 public:
  Bencher(const Engine& engine, const BenchOptions& options) : engine_(engine), options_(options) {}

  Result<BenchReport> Run(const Location& first, const std::optional<Location>& second) {
    report_.k = options_.search.k, report_.clients = options_.clients;
    ARROW_ASSIGN_OR_RAISE(Measured one, Open(engine_, first, options_, nullptr));
    std::optional<Measured> other;
    if (second) {
      ARROW_ASSIGN_OR_RAISE(other, Open(engine_, *second, options_, &one.spec));
    }
    ARROW_ASSIGN_OR_RAISE(const auto queries, Queries(one, other ? &*other : nullptr));
    report_.distinct = static_cast<int64_t>(queries.size());
    ARROW_RETURN_NOT_OK(At(Measure(one, queries, "bench: first"), Side::source, first.scheme, DatasetName(first)));
    if (other && !engine_.cancel.stop_requested()) ARROW_RETURN_NOT_OK(At(Measure(*other, queries, "bench: second"), Side::sink, second->scheme, DatasetName(*second)));
    if (report_.sides.size() == 2) Compare();
    report_.interrupted = engine_.cancel.stop_requested();
    return std::move(report_);
  }

 private:
  Result<std::vector<Query>> Queries(Measured& one, const Measured* other) {
    if (!options_.search.queries.empty()) {
      ARROW_ASSIGN_OR_RAISE(const auto given, ReadQueries(options_.search.queries));
      ARROW_ASSIGN_OR_RAISE(QuerySet set, QueriesFor(given, {one.spec}));
      report_.queries = options_.search.queries;
      return std::move(set[one.spec.name]);
    }
    const bool tenants = one.opened.info.schema.has_tenant && (!other || other->opened.info.schema.has_tenant);
    ARROW_ASSIGN_OR_RAISE(auto queries, SampleSome(engine_, *one.opened.source, one.spec, options_.search, tenants));
    if (queries.empty()) return MakeError(Category::unsupported, "there is no vector that could be asked for", "give queries with --queries");
    report_.queries = fmt::format("{} sampled, noise {:g}, seed {}", queries.size(), options_.search.query_noise, options_.search.seed);
    return queries;
  }

  Status Measure(Measured& side, const std::vector<Query>& queries, const std::string& phase) {
    std::vector<SearchQuery> asked;
    for (const auto& query : queries) asked.push_back({side.spec.name, query.values, options_.search.k, options_.exact, query.tenant});
    ARROW_ASSIGN_OR_RAISE(const bool ready, AwaitReady(engine_, *side.searcher, options_.search.wait_seconds, phase));
    if (!ready) engine_.events.Warning(phase + ": the index is not ready; it is measured as it is");
    // A store that cannot be asked at all says why before anything is measured.
    ARROW_RETURN_NOT_OK(side.searcher->Search(asked[0]).status());
    Load load(engine_, *side.searcher, asked, options_.clients, phase);
    BenchSide measured, warm;
    if (options_.warm_up_seconds > 0) Load(engine_, *side.searcher, asked, options_.clients, phase + ", warm-up").Run(options_.warm_up_seconds, 0, &warm);
    measured.uri = DatasetName(side.opened.location);
    measured.how = side.how;
    measured.column = side.spec.column();
    measured.records = side.opened.info.count;
    load.Run(options_.seconds, options_.requests, &measured);
    if (measured.requests == 0 && !engine_.cancel.stop_requested()) return MakeError(Category::transient, "no query was answered: " + measured.failure, "look at the store");
    report_.sides.push_back(std::move(measured));
    return Status::OK();
  }

  void Compare() {
    const BenchSide &a = report_.sides[0], &b = report_.sides[1];
    if (a.qps > 0) report_.speed_up = b.qps / a.qps;
    if (b.latency.p50 > 0) report_.latency_ratio = a.latency.p50 / b.latency.p50;
  }

  const Engine& engine_;
  const BenchOptions& options_;
  BenchReport report_;
};

}  // namespace

Result<BenchReport> Bench(const Engine& engine, const Location& first, const std::optional<Location>& second, const BenchOptions& options) {
  return Bencher(engine, options).Run(first, second);
}

std::string BenchReport::ToJson() const {
  using Json = nlohmann::ordered_json;
  Json json = {{"vecferry", "bench"}, {"version", kJsonVersion}, {"k", k}, {"clients", clients}, {"queries", queries}, {"distinct", distinct}};
  json["sides"] = Json::array();
  for (const auto& side : sides) {
    json["sides"].push_back({{"uri", side.uri}, {"how", side.how}, {"column", side.column}, {"records", side.records}, {"requests", side.requests}, {"failures", side.failures},
                             {"failure", side.failure}, {"seconds", side.seconds}, {"qps", side.qps}, {"latency", Json::parse(LatencyJson(side.latency))}});
  }
  const bool both = sides.size() == 2;
  json["speed_up"] = both ? Json(speed_up) : Json();
  json["latency_ratio"] = both ? Json(latency_ratio) : Json();
  json["interrupted"] = interrupted;
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace vecferry
