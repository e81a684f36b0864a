#pragma once
#include <cstdint>
#include <set>
#include <string>

#include "connector/connector.h"
#include "journal/journal.h"
#include "migration/engine.h"

namespace vecferry {

/// A pass over the source again, for some of its records: those that were rejected, or that changed meanwhile.
struct AgainPass {
  int first_split = INT32_MAX;   ///< splits from this one on
  std::set<uint64_t> keys;       ///< key words of the records
};

/// Journals a further pass over every split for those records.
Status BeginAgain(Journal& journal, Source& source, const std::set<uint64_t>& keys, const std::string& label);
/// The last pass that was journalled; none where there is none.
Result<AgainPass> LoadAgain(Journal& journal);

/// Takes records out of the target that the source has lost since they were copied: those of `keys` that are still as this
/// run wrote them, in the form that `scope` gives the journal's hashes. Returns how many.
Result<int64_t> RemoveVanished(const Engine& engine, Journal& journal, Source& target, Undo& undo, const DigestScope& scope, const std::set<uint64_t>& keys);

}  // namespace vecferry
