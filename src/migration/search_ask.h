#pragma once
#include <optional>
#include <string>
#include <vector>

#include "migration/search_judge.h"

namespace vecferry {

/// What a store answered to the queries of a column.
struct Asked {
  std::vector<Answer> answers;   ///< one a query
  Latencies latency;
  std::string unsupported;       ///< why the store does not search this column; "" where it does
};

struct Asking {
  std::string vector;
  int k = 10;                    ///< that come back, at most
  bool exact = false;
  int clients = 4;
  std::string phase;
};

/// Asks a store every query, several at once. Records that are not accepted are left out of the answers; so that k are left, more are asked for.
Result<Asked> AskStore(const Engine& engine, Searcher& searcher, const std::vector<Query>& queries, const Asking& asking, const AcceptKey& accept);

/// Waits until what is stored is found; false where that took longer than `seconds`.
Result<bool> AwaitReady(const Engine& engine, Searcher& searcher, double seconds, const std::string& phase);

/// Percentiles of `seconds`, which are put in order.
Latencies LatenciesOf(std::vector<double>* seconds);

}  // namespace vecferry
