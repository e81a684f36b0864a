#pragma once
#include <set>
#include <unordered_map>

#include "migration/scan.h"

namespace vecferry {

/// What the journal of the copy says of a record: the low word of its key's hash, and the word of its content.
using WrittenHashes = std::unordered_map<uint64_t, uint64_t>;
Result<WrittenHashes> LoadWritten(Journal& journal);
/// Kind of Journal::PutParts: key word and record word, 16 bytes a record, of those that the target keeps in another form than was foretold.
inline constexpr std::string_view kHeldPart = "held";
/// Words that are in parts of that kind take the place of those that are known.
Status LoadHeld(Journal& journal, WrittenHashes* written);

/// Finds the records that make two digests differ, and what differs in each.
struct DifferRequest {
  Source* source = nullptr;
  Source* target = nullptr;
  std::set<int> buckets;              ///< that differ; only their records are looked at
  int64_t records = 0;                ///< of the larger side; many are looked at in several passes
  CompareOptions compare;
  int64_t list_at_most = 100;
  bool shared_target = false;         ///< append and upsert: records that the source lacks are unrelated
  bool keys_only = false;             ///< level ids
  const WrittenHashes* written = nullptr;  ///< nullptr: the copy's journal is not known
  const std::set<uint64_t>* rejected = nullptr;  ///< key words of records that the copy did not move
  bool only_written = false;          ///< what the copy did not write was not asked for: --limit
  bool unique_ids = false;            ///< neither side may hold an id twice, so that ids alone may be read
  bool unreadable = false;            ///< the target has records that cannot be read, which are to be listed
  bool gather = false;                ///< fill in DifferResult::records
  bool fresh = false;                 ///< right after the copy: nobody else has written in between
};

/// A record that was found to differ, for who acts on it.
struct FoundRecord {
  DifferenceClass kind = DifferenceClass::corrupt;
  bool in_source = false, in_target = false;
  /// Both have it, and the journal cannot tell which side changed.
  bool doubtful = false;
  uint64_t key = 0;                           ///< key word
  std::string tenant, id;
};

struct DifferResult {
  std::map<DifferenceClass, int64_t> counts;  ///< records
  std::vector<Difference> listed;
  std::set<uint64_t> keys;                    ///< key words of records to repair: lost and differing ones
  std::set<uint64_t> extra;                   ///< key words of records that the source does not have, where they are nobody else's
  std::vector<FoundRecord> records;           ///< every record that was counted but for unreadable ones and those met twice
  /// Of records that a target normalised by arithmetic of its own: how it keeps them. Where they are gathered.
  WrittenHashes held;
  int64_t within_tolerance = 0;               ///< records that differ in bytes and not by the comparison
};

/// Where few records are concerned and the target finds records by key: reads of the target its ids and those records, of
/// the source the same, or itself once where it finds none by key. Else reads the source twice and the target once for
/// each 400,000 records in differing buckets; memory is bounded by that.
Result<DifferResult> FindDifferences(const Engine& engine, const DifferRequest& request);

}  // namespace vecferry
