#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "record/schema.h"

namespace vecferry {

/// What a proof by search asks of both sides.
struct SearchOptions {
  int k = 10;                     ///< neighbours asked for
  int top = 5;                    ///< of the nearest so many ...
  double min_overlap = 0.99;      ///< ... the target must find this share, as a mean over the queries
  double min_recall = 0;          ///< what a store's index must find of the true neighbours; 0: it is told, and no more
  int64_t query_count = 100;      ///< sampled from the source where no file is given
  double query_noise = 0.05;      ///< length of what is added to a sampled query, as a share of the query's own length
  uint64_t seed = 1;              ///< of the sample and its noise: the same seed and data give the same queries
  std::string queries;            ///< a file of them; "": sampled
  enum class Truth { when_affordable, always, never };
  Truth truth = Truth::when_affordable;  ///< whether the exact neighbours are computed by reading the source
  Metric metric = Metric::unknown;       ///< said by the user where neither side knows it
  double wait_seconds = 600;      ///< for indexes that are being built
};

/// How long single queries took, seconds.
struct Latencies {
  int64_t count = 0;
  double mean = 0, p50 = 0, p90 = 0, p95 = 0, p99 = 0, max = 0;
};

/// How one side answered the queries of one column.
struct SearchSide {
  std::string how;                ///< "store, exact", "store, by its index", "scan": who found the neighbours that are compared
  Metric metric = Metric::unknown;   ///< by which it ranks
  bool higher_is_nearer = false;  ///< of its scores; of a scan always false, they are distances
  int64_t answered = 0;           ///< queries
  int64_t disordered = 0;         ///< answers whose scores did not go from the nearest on
  double recall = -1;             ///< of what is compared: the share of the k true neighbours; -1: the truth was not computed
  double index_recall = -1;       ///< of the store's index, asked as an application does; -1: it has none, or no truth
  Latencies latency;              ///< of a store's search; none of a scan, which answers all at once
};

/// Something that was found out about the answers: why a check failed, or what a user should know though it passed.
struct SearchFinding {
  std::string code;               ///< "missing-records", "vectors-differ", "metric-differs", "index-misses", "scores-disordered", "metric-mismatch", ...
  std::string message;
  bool failure = false;
};

/// A query on which the two sides agree the least.
struct SearchDisagreement {
  std::string query;              ///< "like ID" of a sampled one, else "query N"
  std::string tenant;
  double overlap = 1;             ///< of the nearest `top`
  std::vector<std::string> missing, unexpected;  ///< ids, nearest first: what the target did not find, and found in their place
};

struct SearchColumn {
  std::string column;             ///< "vector", "vector:NAME"
  bool ok = true;
  int64_t queries = 0;
  double top_overlap = 1;         ///< mean share of the source's nearest `top` that the target finds; ties count as found
  double least_top_overlap = 1;   ///< of the worst query
  double overlap = 1;             ///< the same of the nearest k
  double rank_agreement = 1;      ///< Kendall's tau of the order of those that both found, mean; pairs of equal score agree
  SearchSide source, target;
  std::vector<SearchFinding> findings;
  std::vector<SearchDisagreement> worst;   ///< at most 10, the worst first
};

/// The outcome of a proof by search.
struct SearchReport {
  bool ok = true;
  int k = 10, top = 5;
  double min_overlap = 0.99, min_recall = 0;
  std::string queries;            ///< "100 sampled, noise 0.05, seed 1", or the file
  std::vector<SearchColumn> columns;
  std::vector<std::string> not_searched;   ///< columns and why: "sparse:words: sparse vectors are not searched"
  double seconds = 0;
};

}  // namespace vecferry
