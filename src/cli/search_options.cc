#include "cli/search_options.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/text.h"

namespace vecferry::cli {
namespace {

Status OutOfRange(const std::string& flag, const std::string& value, const std::string& allowed) {
  return MakeError(Category::usage, fmt::format("--{} cannot be {}", flag, Printable(value, 100)), "give it " + allowed);
}

Result<int64_t> WholeIn(const Invocation& invocation, const std::string& flag, int64_t otherwise, int64_t least, int64_t most) {
  const int64_t value = invocation.Int(flag, otherwise);
  if (value < least || value > most) return OutOfRange(flag, invocation.Text(flag), fmt::format("a number from {} to {}", least, most));
  return value;
}

Result<double> ShareOf(const Invocation& invocation, const std::string& flag, double otherwise) {
  const double value = invocation.Real(flag, otherwise);
  if (!(value >= 0 && value <= 1)) return OutOfRange(flag, invocation.Text(flag), "a number from 0 to 1");
  return value;
}

SearchOptions::Truth TruthOf(const std::string& name) {
  if (name == "always") return SearchOptions::Truth::always;
  return name == "never" ? SearchOptions::Truth::never : SearchOptions::Truth::when_affordable;
}

}  // namespace

Result<SearchOptions> SearchOptionsOf(const Invocation& invocation) {
  SearchOptions options;
  ARROW_ASSIGN_OR_RAISE(const int64_t k, WholeIn(invocation, "k", options.k, 1, 1000));
  options.k = static_cast<int>(k);
  options.top = std::min(options.top, options.k);
  ARROW_ASSIGN_OR_RAISE(options.query_count, WholeIn(invocation, "query-count", options.query_count, 1, 10'000));
  ARROW_ASSIGN_OR_RAISE(const int64_t seed, WholeIn(invocation, "query-seed", 1, 0, INT64_MAX));
  options.seed = static_cast<uint64_t>(seed);
  options.query_noise = invocation.Real("query-noise", options.query_noise);
  if (!(options.query_noise >= 0 && options.query_noise <= 10)) return OutOfRange("query-noise", invocation.Text("query-noise"), "a number from 0 to 10");
  ARROW_ASSIGN_OR_RAISE(options.min_overlap, ShareOf(invocation, "min-overlap", options.min_overlap));
  ARROW_ASSIGN_OR_RAISE(options.min_recall, ShareOf(invocation, "min-recall", options.min_recall));
  options.queries = invocation.Text("queries");
  options.truth = TruthOf(invocation.Text("truth"));
  options.wait_seconds = invocation.Seconds("index-wait", options.wait_seconds);
  if (const std::string metric = invocation.Text("metric"); !metric.empty()) {
    ARROW_ASSIGN_OR_RAISE(options.metric, ParseMetric(metric));
  }
  return options;
}

Result<BenchOptions> BenchOptionsOf(const Invocation& invocation) {
  BenchOptions options;
  ARROW_ASSIGN_OR_RAISE(options.search, SearchOptionsOf(invocation));
  ARROW_ASSIGN_OR_RAISE(const int64_t clients, WholeIn(invocation, "clients", 1, 1, 1024));
  options.clients = static_cast<int>(clients);
  if (invocation.Has("requests")) {
    ARROW_ASSIGN_OR_RAISE(options.requests, WholeIn(invocation, "requests", 1, 1, 1'000'000'000));
  }
  options.seconds = invocation.Seconds("duration", options.seconds);
  if (!(options.seconds > 0)) return OutOfRange("duration", invocation.Text("duration"), "a time such as 10s");
  options.warm_up_seconds = invocation.Seconds("warm-up", options.warm_up_seconds);
  options.exact = invocation.Bool("exact");
  options.vector = invocation.Text("vector");
  return options;
}

BenchOptions BriefBench() {
  BenchOptions options;
  options.seconds = 2;
  options.warm_up_seconds = 0.5;
  return options;
}

Status SetLevels(const Invocation& invocation, const std::string& flag, VerifyOptions* options) {
  auto levels = invocation.List(flag, true);
  if (levels.empty()) return Status::OK();
  std::optional<VerifyLevel> furthest;
  bool none = false;
  for (const auto& name : levels) {
    if (name == "search") {
      ARROW_ASSIGN_OR_RAISE(options->search, SearchOptionsOf(invocation));
      continue;
    }
    ARROW_ASSIGN_OR_RAISE(const VerifyLevel level, ParseVerifyLevel(name));
    none |= level == VerifyLevel::none;
    if (!furthest || level > *furthest) furthest = level;
  }
  if (none && levels.size() > 1) return MakeError(Category::usage, fmt::format("--{} none stands alone", flag), "leave it out, or the others");
  options->level = furthest.value_or(VerifyLevel::none);
  return Status::OK();
}

}  // namespace vecferry::cli
