#pragma once
#include "migration/engine.h"

namespace vecferry {

/// How a search is measured.
struct BenchOptions {
  SearchOptions search;           ///< which queries, k, the metric where no side knows it
  int clients = 1;                ///< queries under way at once
  double seconds = 10;            ///< each side
  int64_t requests = 0;           ///< 0: until the time is over; else so many, however long they take
  double warm_up_seconds = 2;     ///< asked before, and not counted
  bool exact = false;             ///< without the index, where the store can
  std::string vector;             ///< name of the column; "": the first dense one
};

/// What was measured of one side.
struct BenchSide {
  std::string uri;                ///< as shown
  std::string how;                ///< "store, by its index", "store, exact", "scan": who searched
  std::string column;             ///< "vector", "vector:NAME"
  int64_t records = -1;
  int64_t requests = 0;           ///< answered while it was measured
  int64_t failures = 0;           ///< of those asked then; the first one's message is in `failure`
  std::string failure;
  double seconds = 0;
  double qps = 0;
  Latencies latency;              ///< of those answered
};

struct BenchReport {
  std::vector<BenchSide> sides;   ///< one or two
  int k = 10, clients = 1;
  std::string queries;            ///< as in SearchReport
  int64_t distinct = 0;           ///< queries, asked in turn
  double speed_up = 0;            ///< queries a second of the second side over the first's; 0 where there is one side
  double latency_ratio = 0;       ///< median of the first over the second's
  bool interrupted = false;       ///< by the user: it holds what was measured until then
  std::string ToJson() const;
};

/// Asks one side, or one after the other, the same queries again and again. Where the user interrupts, what was measured until then is the result.
Result<BenchReport> Bench(const Engine& engine, const Location& first, const std::optional<Location>& second, const BenchOptions& options);

}  // namespace vecferry
