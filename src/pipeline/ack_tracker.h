#pragma once
#include <condition_variable>
#include <map>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "journal/journal.h"
#include "record/digest.h"

namespace vecferry {

/// One batch's acknowledgement on its way to the journal.
struct PendingAck {
  Ack ack;              ///< digest not yet filled in
  Digest digest;        ///< of the records written
  std::optional<Digest> stored;  ///< the same as the sink keeps them
  int64_t sequence = 0; ///< of the batch within its split, from 0
};

/// Brings acknowledgements, which arrive in any order, into the order of their split and journals the highest
/// contiguous ones, several in one commit, on a thread of its own.
class AckCommitter {
 public:
  /// `hold_until_done`: the acknowledgements of a split are journalled only together with its end.
  AckCommitter(Journal& journal, size_t splits, bool hold_until_done);
  ~AckCommitter();

  /// Loads what an earlier process journalled.
  Status Load();
  void Submit(PendingAck ack);
  /// Several that became durable together, with the sink's state; journalled in one commit.
  void SubmitAll(std::vector<PendingAck> acks, std::string sink_state);
  /// Waits until everything submitted so far and contiguous is journalled; then the first failure, if any.
  Status Drain();
  Status status() const;
  /// Of all records journalled as written. After Drain.
  Digest Total() const;
  /// The same as the sink keeps them; of fewer records where an earlier process did not gather it.
  Digest StoredTotal() const;

 private:
  struct SplitState {
    int64_t next = 0;
    std::map<int64_t, PendingAck> waiting;
    std::vector<PendingAck> held;
    std::unique_ptr<Digest> total, stored;
    int parts = 0;
  };
  void Loop();
  void Collect(PendingAck ack);
  Status CommitReady(std::vector<PendingAck> ready, std::optional<std::string> state);
  void FillDigest(PendingAck& pending);

  Journal& journal_;
  const bool hold_until_done_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<SplitState> splits_;
  std::vector<PendingAck> ready_;
  std::optional<std::string> ready_state_;
  bool committing_ = false, stop_ = false;
  Status status_;
  std::thread thread_;
};

}  // namespace vecferry
