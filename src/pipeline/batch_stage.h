#pragma once
#include <vector>

#include "journal/journal.h"
#include "pipeline/budget.h"
#include "pipeline/transfer.h"
#include "record/line.h"

namespace vecferry {

/// One batch between its reading and its acknowledgement.
struct WorkItem {
  int split = 0;
  int64_t sequence = 0;              ///< of the batch within its split in this process
  RecordView records;                ///< to be written
  std::vector<RecordHash> hashes;    ///< of each of them
  std::vector<Hash128> stored;       ///< vectors lane as stored, of each; empty where the sink changes none
  std::vector<JournalReject> rejects;///< met on the way here
  Cursor next;
  bool split_done = false;
  int64_t rows_read = 0;             ///< rows that the source gave, before any was taken out
  int64_t first_row = 0;             ///< number of the first of them within the split
  ByteBudget::Lease lease;
};

/// What happens to a batch between source and queue: rows that cannot go on become rejects, the others are
/// hashed. One per reader thread.
class BatchStage {
 public:
  BatchStage(const TransferOptions& options, int split) : options_(options), split_(split) {}
  /// Fills in records, hashes and rejects of the item.
  Status Admit(SourceBatch batch, WorkItem* item);

 private:
  /// Why the row cannot go on; an empty code if it can.
  RowReject Refusal(const RecordView& view, int64_t row, int64_t row_in_split) const;
  /// Whether a pass over the source again is about the record: by its key, or by the one that it had before it was mapped.
  bool Wanted(const std::vector<uint64_t>& source_keys, const RecordView& view, int64_t row) const;

  const TransferOptions& options_;
  const int split_;
  RecordHasher hasher_;
  RecordHasher without_vectors_{DigestScope{.vectors = false}};
};

JournalReject RejectOf(const RecordView& view, int64_t row, int split, std::string code, std::string message);

}  // namespace vecferry
