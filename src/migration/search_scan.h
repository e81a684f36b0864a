#pragma once
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "migration/engine.h"

namespace vecferry {

/// One query of one column.
struct Query {
  std::vector<float> values;   ///< as in SearchQuery
  std::string tenant;          ///< search among its records alone, where not ""
  std::string label;           ///< for people: "like 17", "query 3"
};

/// A record near a query. `distance` is smaller for a nearer one, whatever the metric (search_kernel.h).
struct Neighbour {
  double distance = 0;
  std::string tenant, id;
  uint64_t key = 0;            ///< low word of the hash of the record's key
};

/// The word that a record is known by.
uint64_t KeyWord(std::string_view tenant, std::string_view id);

/// An exact search of one column: what is asked, and what a scan found.
struct ExactTask {
  VectorSpec spec;
  Metric metric = Metric::l2;              ///< not unknown
  const std::vector<Query>* queries = nullptr;
  int k = 10;
  /// Of each query the records whose distance is wanted however far they are; empty, or one entry a query.
  std::vector<std::unordered_set<uint64_t>> wanted;

  std::vector<std::vector<Neighbour>> nearest;                  ///< of each query, nearest first; of equal ones by tenant and id
  std::vector<std::unordered_map<uint64_t, double>> distances;  ///< of each query, those that were wanted and found
  std::unordered_set<uint64_t> met;                             ///< key words of wanted records that are there, with a vector or without
};

/// Which records take part, by the low word of the hash of their key; empty: all.
using AcceptKey = std::function<bool(uint64_t)>;

/// Reads a dataset once, split by split on several threads, and finds for every query of every task its nearest records among all
/// of those accepted. Memory is bounded by queries, k and the batches under way, not by the dataset. No progress is told under the phase "". Returns how many records were read.
Result<int64_t> ScanExact(const Engine& engine, Source& source, std::vector<ExactTask>* tasks, const AcceptKey& accept, const std::string& phase, int64_t total,
                          int jobs, const std::vector<Split>* splits = nullptr);

/// A search of a dataset whose store has none: every query reads it all. `higher` scores are never nearer: they are distances.
class ScanSearcher final : public Searcher {
 public:
  /// Metrics that the columns do not know are `otherwise`.
  ScanSearcher(const Engine& engine, Source& source, RecordSchema schema, Metric otherwise) : engine_(engine), source_(source), schema_(std::move(schema)), otherwise_(otherwise) {}
  Result<std::vector<SearchHit>> Search(const SearchQuery& query) override;
  bool HigherIsNearer(std::string_view) const override { return false; }
  bool CanBeExact() const override { return true; }

 private:
  const Engine& engine_;
  Source& source_;
  const RecordSchema schema_;
  const Metric otherwise_;
  std::mutex mutex_;
  std::optional<std::vector<Split>> splits_;   ///< asked for once: sources tell them to one thread
};

}  // namespace vecferry
