#pragma once
#include <cstdint>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "connector/connector.h"
#include "journal/journal.h"

namespace vecferry {

/// A pass over the source again, for some of its records: those that were rejected, or that changed meanwhile.
struct AgainPass {
  int first_split = INT32_MAX;   ///< splits from this one on
  std::set<uint64_t> keys;       ///< key words of the records
};

/// Journals a further pass over every split for those records.
Status BeginAgain(Journal& journal, Source& source, const std::set<uint64_t>& keys, const std::string& label);
/// Removes those of the records (tenant, id) from the target that this run wrote: the source lost them meanwhile. What somebody
/// else wrote stays. Returns how many went.
Result<int64_t> RemoveGone(Journal& journal, Undo& undo, const std::vector<std::pair<std::string, std::string>>& records, bool has_tenant);
/// The last pass that was journalled; none where there is none.
Result<AgainPass> LoadAgain(Journal& journal);

}  // namespace vecferry
