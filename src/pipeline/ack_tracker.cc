#include "pipeline/ack_tracker.h"

#include <utility>

#include "base/threads.h"

namespace vecferry {
namespace {

/// After so many parts a split's digest is journalled whole, in place of its parts.
constexpr int kPartsBeforeTotal = 64;

}  // namespace

AckCommitter::AckCommitter(Journal& journal, size_t splits, bool hold_until_done)
    : journal_(journal), hold_until_done_(hold_until_done), splits_(splits), thread_([this] { Loop(); }) {}

AckCommitter::~AckCommitter() {
  {
    std::lock_guard lock(mutex_);
    stop_ = true;
    changed_.notify_all();
  }
  thread_.join();
}

Status AckCommitter::Load() {
  ARROW_RETURN_NOT_OK(journal_.EachSplitDigest([&](int split, std::string_view part) -> Status {
    ARROW_ASSIGN_OR_RAISE(const Digest digest, Digest::Parse(part));
    std::lock_guard lock(mutex_);
    auto& total = splits_.at(static_cast<size_t>(split)).total;
    if (!total) total = std::make_unique<Digest>();
    total->Merge(digest);
    return Status::OK();
  }));
  return journal_.EachStoredDigest([&](int split, std::string_view part) -> Status {
    ARROW_ASSIGN_OR_RAISE(const Digest digest, Digest::Parse(part));
    std::lock_guard lock(mutex_);
    auto& stored = splits_.at(static_cast<size_t>(split)).stored;
    if (!stored) stored = std::make_unique<Digest>();
    stored->Merge(digest);
    return Status::OK();
  });
}

void AckCommitter::Collect(PendingAck ack) {
  SplitState& split = splits_.at(static_cast<size_t>(ack.ack.split));
  split.waiting.emplace(ack.sequence, std::move(ack));
  for (auto at = split.waiting.find(split.next); at != split.waiting.end(); at = split.waiting.find(split.next)) {
    const bool done = at->second.ack.split_done;
    auto& into = hold_until_done_ ? split.held : ready_;
    into.push_back(std::move(at->second));
    split.waiting.erase(at);
    ++split.next;
    if (hold_until_done_ && done) {
      std::move(split.held.begin(), split.held.end(), std::back_inserter(ready_));
      split.held.clear();
    }
  }
}

void AckCommitter::Submit(PendingAck ack) {
  std::lock_guard lock(mutex_);
  Collect(std::move(ack));
  changed_.notify_all();
}

void AckCommitter::SubmitAll(std::vector<PendingAck> acks, std::string sink_state) {
  std::lock_guard lock(mutex_);
  for (auto& ack : acks) Collect(std::move(ack));
  ready_state_ = std::move(sink_state);
  changed_.notify_all();
}

Status AckCommitter::Drain() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return !status_.ok() || (ready_.empty() && !ready_state_ && !committing_); });
  return status_;
}

Status AckCommitter::status() const {
  std::lock_guard lock(mutex_);
  return status_;
}

Digest AckCommitter::Total() const {
  std::lock_guard lock(mutex_);
  Digest total;
  for (const auto& split : splits_) {
    if (split.total) total.Merge(*split.total);
  }
  return total;
}

Digest AckCommitter::StoredTotal() const {
  std::lock_guard lock(mutex_);
  Digest total;
  for (const auto& split : splits_) {
    if (split.stored) total.Merge(*split.stored);
  }
  return total;
}

void AckCommitter::FillDigest(PendingAck& pending) {
  SplitState& split = splits_[static_cast<size_t>(pending.ack.split)];
  if (!split.total) split.total = std::make_unique<Digest>();
  split.total->Merge(pending.digest);
  if (pending.digest.count() == 0) return;
  pending.ack.digest_is_total = ++split.parts % kPartsBeforeTotal == 0;
  pending.ack.digest = (pending.ack.digest_is_total ? *split.total : pending.digest).Serialize();
  if (!pending.stored) return;
  if (!split.stored) split.stored = std::make_unique<Digest>();
  split.stored->Merge(*pending.stored);
  pending.ack.stored_digest = (pending.ack.digest_is_total ? *split.stored : *pending.stored).Serialize();
}

Status AckCommitter::CommitReady(std::vector<PendingAck> ready, std::optional<std::string> state) {
  std::vector<Ack> acks;
  {
    std::lock_guard lock(mutex_);
    for (auto& pending : ready) {
      FillDigest(pending);
      acks.push_back(std::move(pending.ack));
    }
  }
  return journal_.CommitAcks(acks, state);
}

void AckCommitter::Loop() {
  NameThread("vf-journal");
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [&] { return stop_ || !ready_.empty() || ready_state_; });
    if (ready_.empty() && !ready_state_) return;
    auto ready = std::exchange(ready_, {});
    auto state = std::exchange(ready_state_, std::nullopt);
    committing_ = true;
    lock.unlock();
    Status status = CommitReady(std::move(ready), std::move(state));
    lock.lock();
    committing_ = false;
    if (status_.ok() && !status.ok()) status_ = std::move(status);
    changed_.notify_all();
    if (!status_.ok()) return;
  }
}

}  // namespace vecferry
