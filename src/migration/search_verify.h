#pragma once
#include <string>
#include <vector>

#include "migration/search_ask.h"
#include "migration/verifier.h"

namespace vecferry {

/// One column while it is proved.
struct ColumnProof {
  SearchColumn report;
  VectorSpec source, target;            ///< as each side describes it; metrics filled in
  const std::vector<Query>* queries = nullptr;
  std::optional<Asked> source_exact, source_index, target_exact, target_index;   ///< of the stores, where they were asked
  std::optional<ExactTask> source_scan, target_scan;                             ///< of our own
  std::vector<Answer> reference, answer;   ///< what is compared
  bool reference_is_scan = false;
  std::vector<TieOf> ties;                 ///< of each query

  /// The distance of a record from query q, as the side that is the reference has it; infinite where it is known to have no such record.
  DistanceOf Distance(size_t q) const;
};

/// Asks both sides the same queries and compares the answers. The sides, the metrics and what the copy did are of the request;
/// request.options.search is there.
Result<SearchReport> SearchSides(const Engine& engine, const VerifyRequest& request);

/// Why the two sides of a column do not agree, found out by reading the target: adds findings to the report.
Status Diagnose(const Engine& engine, const VerifyRequest& request, const AcceptKey& accept_source, const AcceptKey& accept_target, std::vector<ColumnProof*> failed);

}  // namespace vecferry
