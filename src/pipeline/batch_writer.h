#pragma once
#include <atomic>
#include <vector>

#include "pipeline/ack_tracker.h"
#include "pipeline/batch_stage.h"

namespace vecferry {

/// The 16 bytes that the journal keeps of a written record: low word of the key's hash, then RecordWord.
std::string HashEntry(const RecordHash& hash);
/// Content and vectors of a record in one word. Of a record as stored where the sink normalises vectors, of its content alone
/// where it keeps them less precisely.
uint64_t RecordWord(const RecordHash& hash);
/// The form of a record of the target whose word is that.
DigestScope WordScope(VectorChange change);

/// Brings one batch into the sink and makes its acknowledgement: what exists is looked at (append), before-images are
/// journalled, the batch is written, read back, and written once more where the read-back differs. Several threads
/// may use one writer where the sink takes several batches at once.
class BatchWriter {
 public:
  BatchWriter(Sink& sink, Journal& journal, Events& events, const TransferOptions& options, WriteContext context)
      : sink_(sink), journal_(journal), events_(events), options_(options), context_(std::move(context)), comparer_(options.compare) {}

  Result<PendingAck> Write(WorkItem item);

 private:
  /// Which rows are still to be written and what became of the others.
  struct Fate {
    std::vector<bool> out;      ///< not to be written: rejected, or there already
    std::vector<bool> present;  ///< of those: an equal record is in the target
    std::vector<JournalReject> rejects;
  };
  Status KeepExisting(const WorkItem& item, Fate* fate);
  Status CaptureBeforeImages(const RecordView& batch);
  Status Put(const WorkItem& item, Fate* fate);
  Status ReadBack(const WorkItem& item, const Fate& fate);
  PendingAck Acknowledge(WorkItem item, Fate fate) const;

  Sink& sink_;
  Journal& journal_;
  Events& events_;
  const TransferOptions& options_;
  const WriteContext context_;
  const RecordComparer comparer_;
};

}  // namespace vecferry
