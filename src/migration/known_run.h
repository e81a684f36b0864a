#pragma once
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "migration/differ.h"
#include "transform/source.h"

namespace vecferry {

/// Parts of a run that goes on from an earlier one (Journal::PutParts). Key words are u64, little-endian.
inline constexpr std::string_view kBasePart = "base";          ///< key word and record word of what earlier runs wrote, 16 bytes a record
inline constexpr std::string_view kRemovedPart = "removed";    ///< JSON: [[key word in hexadecimal, tenant, id], ...], records to take out of the target
inline constexpr std::string_view kRejectedPart = "rejected";  ///< key words of earlier runs' rejects that this one does not try

/// A record that a run takes, or took, out of the target.
struct RemovedRecord {
  uint64_t key = 0;
  std::string tenant, id;
};
Result<std::vector<RemovedRecord>> LoadRemoved(Journal& journal);

/// What the journal of a run knows of a target.
struct KnownRun {
  bool found = false;
  std::string id;
  bool shared_target = false;
  WrittenHashes written;                         ///< by this run and those that it goes on from; what it took out is left out
  std::set<uint64_t> rejected;
  std::optional<ResolvedTransforms> transforms;  ///< of its records, or a limit
};

Result<KnownRun> KnownFrom(Journal& journal);
/// Of the newest run of that pair; one that cannot be read tells nothing.
Result<KnownRun> FindKnown(const std::string& pair, const std::string& checkpoint);

/// Key words in parts of a bounded size, and back.
std::vector<std::string> PartsOf(const std::vector<uint64_t>& words);
Status EachWord(Journal& journal, std::string_view kind, const std::function<void(uint64_t)>& word);
/// What is known of written records, as parts of kBasePart.
std::vector<std::string> PartsOf(const WrittenHashes& written);

}  // namespace vecferry
