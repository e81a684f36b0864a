#pragma once
#include "cli/invocation.h"
#include "migration/bench.h"
#include "migration/engine.h"

namespace vecferry::cli {

/// Which queries a search asks, and what it must show. Category::usage for a value out of its range.
Result<SearchOptions> SearchOptionsOf(const Invocation& invocation);
Result<BenchOptions> BenchOptionsOf(const Invocation& invocation);
/// The few seconds of `inspect --qps`.
BenchOptions BriefBench();
/// The levels of `flag` into the options: the furthest of those that compare records, and the search.
Status SetLevels(const Invocation& invocation, const std::string& flag, VerifyOptions* options);

}  // namespace vecferry::cli
