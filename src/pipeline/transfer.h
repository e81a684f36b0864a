#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "connector/connector.h"
#include "journal/journal.h"
#include "pipeline/compare.h"
#include "pipeline/validate.h"
#include "pipeline/write.h"
#include "progress/events.h"
#include "record/digest.h"

namespace vecferry {

/// Records that the pre-pass found to become one with an earlier one in the target; they are rejected.
struct Duplicates {
  std::set<std::pair<int, int64_t>> rows;  ///< (split, row within it)
  bool by_key = false;                     ///< `keys` are used instead: hashes of the keys of the later ones
  std::set<uint64_t> keys;
};

struct TransferOptions {
  int jobs = 2;                       ///< splits read at once, and batches written at once
  int writers = 1;                    ///< batches that the sink takes at once
  bool adapts = false;                ///< the sink is written to as fast as it answers best: Flow; `writers` is its bound
  bool climbs = true;                 ///< false: the size of a batch is the user's
  double expansion = 1.0;             ///< memory of a batch while it is written, over its own size
  int64_t memory_bytes = 64 << 20;
  int64_t batch_rows = 1000;
  int64_t batch_bytes = 8 << 20;
  int64_t limit = -1;                 ///< records to read, -1 all; needs one split
  ValidateMode validate = ValidateMode::sample;
  CompareOptions compare;             ///< tolerances of the read-back
  /// What the sink does to vectors of this schema. Where it normalises, the journal's words are of records as stored.
  VectorChange vector_change = VectorChange::none;
  bool stored_digest = false;         ///< gather the digest as stored too
  int64_t max_rejects = -1;
  double max_reject_share = -1;       ///< of `total`
  int64_t total = -1;                 ///< records expected, for progress and shares
  double records_per_second = 0;      ///< 0: as fast as it goes
  double max_seconds = 0;
  RetryPolicy retry;
  bool append = false;                ///< existing records are left: equal ones skipped, others rejected
  bool capture_before_images = false; ///< the dataset held records before this run
  bool reject_missing_vectors = false;///< the sink needs every vector
  bool hold_until_split_done = false; ///< the sink survives by writing a split anew
  bool flushes = false;               ///< the sink is truncate_and_replay
  int64_t flush_bytes = 64 << 20;     ///< such a sink is flushed, and its acknowledgements journalled, after so many bytes
  double flush_seconds = 1;           ///< or so much time
  Duplicates duplicates;
  /// Splits from this one on are passes over the source again: only records whose key hashes to one of `only_keys`
  /// (its low word) are taken, the others are not looked at.
  int first_again_split = INT32_MAX;
  std::set<uint64_t> only_keys;
};

struct TransferResult {
  int64_t written = 0, skipped = 0, rejected = 0, retried = 0, batches = 0, bytes = 0;  ///< of the whole run
  int64_t session_records = 0;   ///< handled by this process
  double seconds = 0;            ///< of this process
  bool complete = false;         ///< every split is done
  Digest digest;                 ///< of all records written in the run, by the source's keys
  std::optional<Digest> stored;  ///< the same as stored, where that was gathered for all of them
};

/// Reads splits, hands batches through one byte budget to writers, journals acknowledgements. The one place where
/// data goes from a source to a sink. On failure or cancellation everything that the sink has answered for is
/// journalled before it returns.
class Transfer {
 public:
  Transfer(Source& source, Sink& sink, Journal& journal, Events& events, const CancelToken& cancel, TransferOptions options,
           const Clock& clock = Clock::System());
  ~Transfer();
  Result<TransferResult> Run();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace vecferry
