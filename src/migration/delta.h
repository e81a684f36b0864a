#pragma once
#include <string>
#include <vector>

#include "migration/known_run.h"
#include "migration/verifier.h"

namespace vecferry {

/// What a comparison of both sides leads to, by the user's policy.
struct Delta {
  DeltaReport report;
  std::vector<FoundRecord> write;      ///< as the source has them
  std::vector<RemovedRecord> remove;
  std::vector<uint64_t> kept;          ///< key words of conflicts that are left
  bool changes() const { return !write.empty() || !remove.empty(); }
};

/// The policy: what only one side changed follows the source, what the target changed is a conflict and kept unless it is to be overwritten,
/// what the source lacks goes only where that is asked for, and what others brought never.
Delta Decide(const DeltaOptions& options, const KnownRun& known, VerifyOutcome outcome);

/// Of the records that would be taken out, makes those conflicts that are no longer as they were written. `target` finds by key.
Status FindTouched(Lookup& target, const KnownRun& known, VectorChange change, bool has_tenant, std::vector<FoundRecord>* records);

/// Category::refused where more would be taken out than was allowed. `target_count`: records that the target holds.
Status CheckMaxDelete(const DeltaOptions& options, int64_t remove, int64_t target_count);

/// The lists for the journal: kRemovedPart.
std::vector<std::string> PartsOf(const std::vector<RemovedRecord>& removed);

/// "3 new, 2 changed": what was found, for people.
std::string Told(const DeltaReport& report);

/// A report as it is kept in the journal between two processes of a run.
std::string DeltaToJson(const DeltaReport& report);
Result<DeltaReport> DeltaFromJson(std::string_view json);

}  // namespace vecferry
