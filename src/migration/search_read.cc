#include "migration/search_read.h"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <thread>

namespace vecferry {
namespace {

class BatchReader {
 public:
  BatchReader(const Engine& engine, Source& source, const std::string& phase, int64_t total, const std::function<std::unique_ptr<BatchWorker>()>& worker)
      : engine_(engine), source_(source), worker_(worker), began_(engine.clock.Now()) {
    progress_.phase = phase;
    progress_.total = total;
  }

  Result<int64_t> Run(int jobs, const std::vector<Split>* splits) {
    const int wanted = std::max(1, jobs);
    if (splits) {
      splits_ = *splits;
    } else {
      ARROW_ASSIGN_OR_RAISE(splits_, source_.Splits(wanted));
    }
    std::vector<std::thread> threads;
    const auto n = std::min<size_t>(static_cast<size_t>(wanted), std::max<size_t>(1, splits_.size()));
    for (size_t i = 1; i < n; ++i) threads.emplace_back([this] { Loop(); });
    Loop();
    for (auto& thread : threads) thread.join();
    ARROW_RETURN_NOT_OK(failure_);
    Report();
    return progress_.done;
  }

 private:
  void Loop() {
    const auto worker = worker_();
    for (size_t i = next_++; i < splits_.size(); i = next_++) {
      const Status status = ReadSplit(splits_[i], *worker);
      if (status.ok()) continue;
      std::lock_guard lock(mutex_);
      if (failure_.ok()) failure_ = status;
      next_ = splits_.size();
    }
    std::lock_guard lock(mutex_);
    worker->Merge();
  }

  Status ReadSplit(const Split& split, BatchWorker& worker) {
    ARROW_ASSIGN_OR_RAISE(auto reader, source_.Read(split, "", ReadOptions{}));
    while (true) {
      ARROW_RETURN_NOT_OK(engine_.cancel.Check());
      ARROW_ASSIGN_OR_RAISE(const auto batch, reader->Next());
      if (!batch) return Status::OK();
      ARROW_RETURN_NOT_OK(worker.Take(batch->records));
      std::lock_guard lock(mutex_);
      progress_.done += batch->records.rows();
      if (engine_.clock.Now() - reported_ > std::chrono::milliseconds(200)) Report();
    }
  }

  void Report() {
    reported_ = engine_.clock.Now();
    progress_.session = progress_.done;
    progress_.seconds = std::chrono::duration<double>(reported_ - began_).count();
    if (!progress_.phase.empty()) engine_.events.Send({Event::Kind::progress, "", progress_, {}});
  }

  const Engine& engine_;
  Source& source_;
  const std::function<std::unique_ptr<BatchWorker>()>& worker_;
  const Clock::Steady::time_point began_;
  Clock::Steady::time_point reported_;
  std::vector<Split> splits_;
  std::atomic<size_t> next_{0};
  std::mutex mutex_;
  Status failure_;
  Progress progress_;
};

}  // namespace

Result<int64_t> ReadBatches(const Engine& engine, Source& source, const std::string& phase, int64_t total, int jobs,
                            const std::function<std::unique_ptr<BatchWorker>()>& worker, const std::vector<Split>* splits) {
  return BatchReader(engine, source, phase, total, worker).Run(jobs, splits);
}

}  // namespace vecferry
