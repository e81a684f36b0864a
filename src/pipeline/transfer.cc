#include "pipeline/transfer.h"

#include <algorithm>
#include <condition_variable>
#include <thread>

#include <fmt/format.h>

#include "base/failpoint.h"
#include "base/repeats.h"
#include "base/threads.h"
#include "pipeline/ack_tracker.h"
#include "pipeline/batch_stage.h"
#include "pipeline/batch_writer.h"
#include "pipeline/flow.h"
#include "pipeline/queue.h"

namespace vecferry {
namespace {

constexpr auto kTick = std::chrono::milliseconds(200);

}  // namespace

struct Transfer::Impl {
  Source& source;
  Sink& sink;
  Journal& journal;
  Events& events;
  const CancelToken& cancel;
  TransferOptions options;
  const Clock& clock;

  std::vector<Split> splits;
  std::vector<SplitProgress> progress;
  ByteBudget budget;
  WorkQueue<WorkItem> queue;
  std::unique_ptr<AckCommitter> acks;
  std::unique_ptr<Flow> flow;
  std::unique_ptr<Pacer> pacer;
  std::unique_ptr<BatchWriter> writer;
  std::atomic<size_t> next_split{0};
  std::atomic<bool> stop{false};
  std::atomic<int> in_flight{0};
  std::atomic<int64_t> written{0}, skipped{0}, rejected{0}, batches{0}, bytes{0}, session{0};

  std::mutex mutex;
  std::condition_variable changed;
  Status failure;
  int readers_left = 0, writers_left = 0;

  Impl(Source& source_, Sink& sink_, Journal& journal_, Events& events_, const CancelToken& cancel_, TransferOptions options_, const Clock& clock_)
      : source(source_), sink(sink_), journal(journal_), events(events_), cancel(cancel_), options(std::move(options_)), clock(clock_),
        budget(options.memory_bytes) {}

  /// Keeps the first failure and brings every thread to an end.
  void Fail(const Status& status) {
    {
      std::lock_guard lock(mutex);
      if (failure.ok()) failure = status;
    }
    Stop();
  }

  void Stop() {
    stop = true;
    budget.Close();
    queue.Discard();
    std::lock_guard lock(mutex);
    changed.notify_all();
  }

  void OnRetry(const Status& status) {
    events.Send(RetryOf(status));
  }

  void OnRequest(const Request& request) { events.Send({Event::Kind::request, "", {}, {}, request}); }

  Status LoadSplits() {
    ARROW_ASSIGN_OR_RAISE(progress, journal.splits());
    for (const auto& split : progress) {
      splits.push_back({split.payload, split.label, -1, -1});
      written += split.written;
      skipped += split.skipped;
      rejected += split.rejected;
      batches += split.batches;
      bytes += split.bytes;
    }
    acks = std::make_unique<AckCommitter>(journal, splits.size(), options.hold_until_split_done);
    return acks->Load();
  }

  // ---- reading ----

  /// Cuts a batch to what the limit still allows. True when the split ends with it.
  Result<bool> ApplyLimit(SourceBatch* batch, int64_t first_row) const {
    if (options.limit < 0 || first_row + batch->records.rows() < options.limit) return false;
    ARROW_ASSIGN_OR_RAISE(batch->records, batch->records.Slice(0, options.limit - first_row));
    return true;
  }

  Result<std::optional<SourceBatch>> NextOf(SplitReader& reader) {
    const auto began = clock.Now();
    auto batch = reader.Next();
    if (batch.ok() && !*batch) return batch;
    const int64_t records = batch.ok() ? (*batch)->records.rows() : 0, size = batch.ok() ? (*batch)->records.bytes() : 0;
    OnRequest({false, batch.ok(), records, size, std::chrono::duration<double>(clock.Now() - began).count()});
    return batch;
  }

  Status ReadSplit(int index) {
    const SplitProgress& from = progress[static_cast<size_t>(index)];
    ReadOptions read;
    read.batch_rows = options.batch_rows;
    read.batch_bytes = options.batch_bytes;
    ARROW_ASSIGN_OR_RAISE(auto reader, source.Read(splits[static_cast<size_t>(index)], from.cursor, read));
    BatchStage stage(options, index);
    int64_t sequence = 0, row = from.rows;
    Cursor last = from.cursor;
    bool ended = options.limit >= 0 && row >= options.limit;
    while (!ended && !stop && !cancel.stop_requested()) {
      ARROW_ASSIGN_OR_RAISE(auto batch, NextOf(*reader));
      if (!batch) break;
      ARROW_ASSIGN_OR_RAISE(ended, ApplyLimit(&*batch, row));
      WorkItem item;
      item.split = index;
      item.sequence = sequence++;
      item.first_row = row;
      item.next = last = batch->next;
      ARROW_RETURN_NOT_OK(stage.Admit(std::move(*batch), &item));
      row += item.rows_read;
      item.lease = budget.Acquire(static_cast<int64_t>(static_cast<double>(item.records.bytes()) * options.expansion));
      VF_FAILPOINT("transfer.read.after");
      queue.Push(std::move(item));
    }
    if (stop || cancel.stop_requested()) return Status::OK();
    WorkItem end;
    end.split = index;
    end.sequence = sequence;
    end.next = last;
    end.split_done = true;
    queue.Push(std::move(end));
    return Status::OK();
  }

  void ReadLoop() {
    NameThread("vf-read");
    for (size_t i = next_split++; i < splits.size() && !stop && !cancel.stop_requested(); i = next_split++) {
      if (progress[i].done) continue;
      const Status status = ReadSplit(static_cast<int>(i));
      if (!status.ok()) Fail(At(status, Side::source, "", ""));
    }
    std::lock_guard lock(mutex);
    if (--readers_left == 0) queue.Close();
    changed.notify_all();
  }

  // ---- writing ----

  Status CheckRejects(const Ack& ack) {
    rejected += static_cast<int64_t>(ack.rejects.size());
    for (const auto& reject : ack.rejects) {
      events.Send({Event::Kind::reject, fmt::format("{}: {}", reject.code, reject.message), {}, {{"id", reject.id}, {"code", reject.code}}});
    }
    const int64_t n = rejected;
    const bool many = options.max_rejects >= 0 && n > options.max_rejects;
    const bool share = options.max_reject_share >= 0 && options.total > 0 &&
                       static_cast<double>(n) > options.max_reject_share * static_cast<double>(options.total);
    if (!many && !share) return Status::OK();
    return MakeError(Category::limit, fmt::format("{} records were rejected, more than --max-rejects allows", n),
                     "look at the rejects file, then run the same command with a higher --max-rejects: it resumes");
  }

  Status Count(const Ack& ack) {
    written += ack.written;
    skipped += ack.skipped;
    bytes += ack.bytes;
    ++batches;
    session += ack.written + ack.skipped + static_cast<int64_t>(ack.rejects.size());
    return CheckRejects(ack);
  }

  /// Waits so that no more than --rate records a second are written. False where the run ends meanwhile.
  bool Pace(const WorkItem& item) {
    return pacer->Wait(item.rows_read, cancel, [this] { return stop.load(); });
  }

  Status WriteAll() {
    while (auto item = queue.Pop()) {
      if (stop || cancel.stop_requested() || !Pace(*item)) break;
      const ByteBudget::Lease lease = std::move(item->lease);
      ARROW_ASSIGN_OR_RAISE(PendingAck pending, writer->Write(std::move(*item)));
      const Status limit = Count(pending.ack);
      acks->Submit(std::move(pending));
      ARROW_RETURN_NOT_OK(limit);
      ARROW_RETURN_NOT_OK(acks->status());
    }
    return Status::OK();
  }

  /// For sinks that say only at Flush what is durable: one thread, acknowledgements held until then.
  Status WriteAndFlush() {
    std::vector<PendingAck> held;
    int64_t held_bytes = 0;
    auto flushed = clock.Now();
    const auto flush = [&]() -> Status {
      if (held.empty()) return Status::OK();
      VF_FAILPOINT("transfer.flush.before");
      ARROW_ASSIGN_OR_RAISE(std::string state, sink.Flush());
      VF_FAILPOINT("transfer.flush.after");
      acks->SubmitAll(std::exchange(held, {}), std::move(state));
      held_bytes = 0;
      flushed = clock.Now();
      return acks->status();
    };
    while (auto item = queue.Pop()) {
      if (stop || cancel.stop_requested() || !Pace(*item)) break;
      const ByteBudget::Lease lease = std::move(item->lease);
      ARROW_ASSIGN_OR_RAISE(PendingAck pending, writer->Write(std::move(*item)));
      const Status limit = Count(pending.ack);
      held_bytes += pending.ack.bytes;
      held.push_back(std::move(pending));
      const bool due = held_bytes >= options.flush_bytes || std::chrono::duration<double>(clock.Now() - flushed).count() >= options.flush_seconds;
      if (!limit.ok() || due) ARROW_RETURN_NOT_OK(flush());
      ARROW_RETURN_NOT_OK(limit);
    }
    return flush();
  }

  void WriteLoop() {
    NameThread("vf-write");
    const Status status = options.flushes ? WriteAndFlush() : WriteAll();
    if (!status.ok()) Fail(At(status, Side::sink, "", ""));
    std::lock_guard lock(mutex);
    --writers_left;
    changed.notify_all();
  }

  // ---- the run ----

  Progress Snapshot(Clock::Steady::time_point began) const {
    Progress p;
    p.phase = "transfer";
    p.done = written + skipped + rejected;
    p.total = options.total;
    p.session = session;
    p.bytes = bytes;
    p.written = written;
    p.skipped = skipped;
    p.rejected = rejected;
    p.retried = events.retries() + RepeatedCalls();
    p.batches = batches;
    p.in_flight = in_flight;
    p.seconds = std::chrono::duration<double>(clock.Now() - began).count();
    return p;
  }

  /// Reports progress until the last writer is done.
  void Watch(Clock::Steady::time_point began) {
    std::unique_lock lock(mutex);
    while (writers_left > 0) {
      changed.wait_for(lock, kTick);
      const bool late = options.max_seconds > 0 && std::chrono::duration<double>(clock.Now() - began).count() > options.max_seconds;
      const bool cancelled = cancel.stop_requested() && !stop;
      lock.unlock();
      if (late) Fail(MakeError(Category::limit, fmt::format("--max-duration of {} s was reached", options.max_seconds), "run the same command again: it resumes"));
      if (cancelled) Stop();
      events.Send({Event::Kind::progress, "", Snapshot(began), {}});
      lock.lock();
    }
  }

  Result<TransferResult> Run() {
    ARROW_RETURN_NOT_OK(LoadSplits());
    WriteContext context;
    context.retry = options.retry;
    context.clock = &clock;
    context.cancel = &cancel;
    context.on_retry = [this](const Status& status) { OnRetry(status); };
    context.on_request = [this](const Request& request) { OnRequest(request); };
    context.in_flight = &in_flight;
    writers_left = options.flushes ? 1 : std::max(1, std::min(options.jobs, options.writers));
    if (options.adapts) flow = std::make_unique<Flow>(Flow::Options{writers_left, options.climbs, options.batch_bytes}, clock, cancel);
    context.flow = flow.get();
    pacer = std::make_unique<Pacer>(options.records_per_second, clock);
    writer = std::make_unique<BatchWriter>(sink, journal, events, options, std::move(context));
    const auto began = clock.Now();
    const auto todo = static_cast<int>(std::count_if(progress.begin(), progress.end(), [](const auto& s) { return !s.done; }));
    readers_left = std::max(1, std::min(options.jobs, todo));
    std::vector<std::thread> threads;
    for (int i = 0, n = readers_left; i < n; ++i) threads.emplace_back([this] { ReadLoop(); });
    for (int i = 0, n = writers_left; i < n; ++i) threads.emplace_back([this] { WriteLoop(); });
    Watch(began);
    Stop();
    for (auto& thread : threads) thread.join();
    const Status drained = acks->Drain();
    ARROW_RETURN_NOT_OK(failure);
    ARROW_RETURN_NOT_OK(drained);
    ARROW_RETURN_NOT_OK(cancel.Check());
    return Finish(began);
  }

  Result<TransferResult> Finish(Clock::Steady::time_point began) {
    const Progress last = Snapshot(began);
    TransferResult result;
    result.written = last.written;
    result.skipped = last.skipped;
    result.rejected = last.rejected;
    result.retried = last.retried;
    result.batches = last.batches;
    result.bytes = last.bytes;
    result.session_records = last.session;
    result.seconds = last.seconds;
    ARROW_ASSIGN_OR_RAISE(const auto state, journal.splits());
    result.complete = std::all_of(state.begin(), state.end(), [](const auto& split) { return split.done; });
    result.digest = acks->Total();
    if (options.stored_digest) result.stored = acks->StoredTotal();
    if (result.stored && result.stored->count() != result.digest.count()) result.stored.reset();
    events.Send({Event::Kind::progress, "", last, {}});
    return result;
  }
};

Transfer::Transfer(Source& source, Sink& sink, Journal& journal, Events& events, const CancelToken& cancel, TransferOptions options, const Clock& clock)
    : impl_(std::make_unique<Impl>(source, sink, journal, events, cancel, std::move(options), clock)) {}
Transfer::~Transfer() = default;

Result<TransferResult> Transfer::Run() { return impl_->Run(); }

}  // namespace vecferry
