#include "migration/scan.h"

#include <algorithm>
#include <atomic>
#include <thread>

#include <fmt/format.h>

#include "base/text.h"

namespace vecferry {
namespace {

constexpr size_t kMostRejects = 100;
/// Mixed into the vectors lane of a row that was altered below its element type's precision.
constexpr Hash128 kAltered = {0x616c7465726564ull, 1};

class Scanner {
 public:
  Scanner(const Engine& engine, Source& source, const ScanOptions& options, std::string phase, int64_t total, const OnRecord& on_record)
      : engine_(engine), source_(source), options_(options), phase_(std::move(phase)), total_(total), on_record_(on_record) {}

  Result<ScanResult> Run() {
    began_ = engine_.clock.Now();
    ARROW_ASSIGN_OR_RAISE(splits_, source_.Splits(std::max(1, options_.jobs)));
    std::vector<std::thread> threads;
    const auto n = std::min<size_t>(static_cast<size_t>(std::max(1, options_.jobs)), std::max<size_t>(1, splits_.size()));
    for (size_t i = 1; i < n; ++i) threads.emplace_back([this] { Loop(); });
    Loop();
    for (auto& thread : threads) thread.join();
    ARROW_RETURN_NOT_OK(failure_);
    CountDuplicates();
    Report();
    return std::move(result_);
  }

 private:
  void Loop() {
    for (size_t i = next_++; i < splits_.size(); i = next_++) {
      const Status status = ReadSplit(splits_[i]);
      if (status.ok()) continue;
      std::lock_guard lock(mutex_);
      if (failure_.ok()) failure_ = status;
      next_ = splits_.size();
    }
  }

  Status ReadSplit(const Split& split) {
    ReadOptions read;
    read.keys_only = options_.keys_only;
    ARROW_ASSIGN_OR_RAISE(auto reader, source_.Read(split, "", read));
    RecordHasher hasher(options_.scope);
    while (true) {
      ARROW_RETURN_NOT_OK(engine_.cancel.Check());
      ARROW_ASSIGN_OR_RAISE(auto batch, reader->Next());
      if (!batch) return Status::OK();
      ARROW_RETURN_NOT_OK(Take(*batch, hasher));
    }
  }

  Status Take(SourceBatch& batch, RecordHasher& hasher) {
    const RecordView& view = batch.records;
    std::vector<std::pair<int64_t, RecordHash>> hashes;
    for (int64_t row = 0; row < view.rows(); ++row) {
      auto hash = options_.keys_only ? Result<RecordHash>(RecordHash{RecordHasher::Key(view.tenant(row), view.id(row)), {}, {}}) : hasher.Hash(view, row);
      if (!hash.ok()) {
        batch.rejects.push_back({std::string(view.id(row)), "", "bad-metadata", Printable(hash.status().message(), 500), ""});
        continue;
      }
      if (options_.exact_values && std::binary_search(batch.rounded.begin(), batch.rounded.end(), row)) hash->vectors += kAltered;
      hashes.emplace_back(row, *hash);
    }
    std::lock_guard lock(mutex_);
    for (const auto& [row, hash] : hashes) ARROW_RETURN_NOT_OK(Add(view, row, hash));
    result_.rejects += static_cast<int64_t>(batch.rejects.size());
    for (auto& reject : batch.rejects) {
      if (result_.first_rejects.size() < kMostRejects) result_.first_rejects.push_back(std::move(reject));
    }
    if (engine_.clock.Now() - reported_ > std::chrono::milliseconds(200)) Report();
    return Status::OK();
  }

  Status Add(const RecordView& view, int64_t row, const RecordHash& hash) {
    result_.digest.Add(hash);
    ++result_.records;
    if (options_.gather_keys && keys_.size() <= kMostKeys) keys_.push_back(hash.key.low);
    if (hash.key.low < options_.sample_below) KeepSample(view, row, hash.key.low);
    return on_record_ ? on_record_(view, row, hash) : Status::OK();
  }

  void KeepSample(const RecordView& view, int64_t row, uint64_t key) {
    for (const auto& column : view.vectors()) {
      if (column.spec.kind != VectorKind::dense) continue;
      result_.sample_spec = column.spec;
      if (!column.IsNull(row)) result_.sample.emplace(key, column.Dense(row));
      return;
    }
  }

  void CountDuplicates() {
    if (keys_.size() > kMostKeys) {
      result_.duplicates = -1;
      return;
    }
    std::sort(keys_.begin(), keys_.end());
    for (size_t i = 1; i < keys_.size(); ++i) result_.duplicates += keys_[i] == keys_[i - 1];
  }

  void Report() {
    reported_ = engine_.clock.Now();
    Progress progress;
    progress.phase = phase_;
    progress.done = progress.session = result_.records + result_.rejects;
    progress.rejected = result_.rejects;
    progress.total = total_;
    progress.seconds = std::chrono::duration<double>(reported_ - began_).count();
    engine_.events.Send({Event::Kind::progress, "", progress, {}});
  }

  const Engine& engine_;
  Source& source_;
  const ScanOptions& options_;
  const std::string phase_;
  const int64_t total_;
  const OnRecord& on_record_;
  std::vector<Split> splits_;
  std::atomic<size_t> next_{0};
  Clock::Steady::time_point began_, reported_;
  std::mutex mutex_;
  Status failure_;
  ScanResult result_;
  std::vector<uint64_t> keys_;
};

}  // namespace

Result<ScanResult> Scan(const Engine& engine, Source& source, const ScanOptions& options, const std::string& phase, int64_t total,
                        const OnRecord& on_record) {
  return Scanner(engine, source, options, phase, total, on_record).Run();
}

Result<CompareOptions> CompareOptionsOf(const VerifyOptions& options, const Layout* layout) {
  CompareOptions compare;
  compare.layout = layout;
  compare.min_cosine = options.min_cosine;
  compare.time_tolerance = options.time_tolerance;
  for (const auto& name : options.ignore) {
    if (name == "vector") compare.scope.vectors = false;
    else if (name == "document") compare.scope.document = false;
    else if (name == "metadata") compare.scope.metadata = false;
    else if (name.starts_with("metadata.") && name.size() > 9) compare.scope.fields.ignored.insert(name.substr(9));
    else return MakeError(Category::usage, fmt::format("--ignore does not know '{}'", Printable(name, 100)), "use vector, document, metadata or metadata.KEY");
  }
  return compare;
}

}  // namespace vecferry
