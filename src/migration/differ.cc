#include "migration/differ.h"

#include <cstring>
#include <unordered_set>
#include <utility>

#include "migration/lookup_differ.h"

namespace vecferry {
namespace {

/// Differing records of the target kept at once for comparison, bytes.
constexpr int64_t kHeldBytes = 32 << 20;
/// Records whose hashes are held at once.
constexpr int64_t kRecordsPerPass = 400'000;

struct Held {
  RecordView record;    ///< one row
  RecordHash hash;
};

class Differ {
 public:
  Differ(const Engine& engine, const DifferRequest& request, DifferenceLog* log) : engine_(engine), request_(request), log_(*log) {}

  /// Looks at the records of these buckets. The target's unreadable records are counted with the first pass.
  Status Pass(std::set<int> buckets, bool first) {
    buckets_ = std::move(buckets);
    source_.clear();
    matched_.clear();
    ARROW_RETURN_NOT_OK(ReadSource());
    ARROW_RETURN_NOT_OK(ReadTarget(first));
    return CompareHeld(true);
  }

 private:
  bool Concerns(const RecordHash& hash) const { return buckets_.contains(Digest::BucketOf(hash.key)); }

  ScanOptions Options(bool target) const {
    ScanOptions options;
    options.scope = request_.compare.scope;
    options.exact_values = target;
    return options;
  }

  Status ReadSource() {
    return Scan(engine_, *request_.source, Options(false), "verify: source", -1,
                [&](const RecordView&, int64_t, const RecordHash& hash) -> Status {
                  if (Concerns(hash) && !log_.NotAsked(hash)) source_.emplace(hash.key.low, hash);
                  return Status::OK();
                }).status();
  }

  Status ReadTarget(bool first) {
    ARROW_ASSIGN_OR_RAISE(const ScanResult scan, Scan(engine_, *request_.target, Options(true), "verify: target", -1,
                                                     [&](const RecordView& view, int64_t row, const RecordHash& hash) { return TakeTarget(view, row, hash); }));
    if (first) log_.Unreadable(scan);
    return Status::OK();
  }

  Status TakeTarget(const RecordView& view, int64_t row, const RecordHash& hash) {
    if (!Concerns(hash)) return Status::OK();
    const auto at = source_.find(hash.key.low);
    if (at == source_.end()) {
      log_.Extra(view, row, hash, matched_.contains(hash.key.low));
      return Status::OK();
    }
    const bool same = request_.keys_only || (at->second.content == hash.content && at->second.vectors == hash.vectors);
    source_.erase(at);
    matched_.insert(hash.key.low);
    if (same) return Status::OK();
    ARROW_ASSIGN_OR_RAISE(RecordView record, view.Take({row}));
    held_bytes_ += record.bytes();
    held_.emplace(hash.key.low, Held{std::move(record), hash});
    return held_bytes_ > kHeldBytes ? CompareHeld(false) : Status::OK();
  }

  /// Reads the source once more and says what differs in the records held; at the end of a pass, which are lost.
  Status CompareHeld(bool last) {
    if (held_.empty() && (source_.empty() || !last)) return Status::OK();
    ARROW_RETURN_NOT_OK(Scan(engine_, *request_.source, Options(false), "verify: differences", -1,
                             [&](const RecordView& view, int64_t row, const RecordHash& hash) -> Status {
                               if (last && source_.erase(hash.key.low) > 0) {
                                 log_.Lost(view, row, hash);
                                 return Status::OK();
                               }
                               const auto at = held_.find(hash.key.low);
                               if (at == held_.end()) return Status::OK();
                               const Held held = std::move(at->second);
                               held_.erase(at);
                               return log_.Compare(view, row, held.record, 0, held.hash);
                             }).status());
    held_.clear();
    held_bytes_ = 0;
    return Status::OK();
  }

  const Engine& engine_;
  const DifferRequest& request_;
  DifferenceLog& log_;
  std::set<int> buckets_;
  std::unordered_map<uint64_t, RecordHash> source_;   ///< not met in the target so far
  std::unordered_map<uint64_t, Held> held_;
  std::unordered_set<uint64_t> matched_;
  int64_t held_bytes_ = 0;
};

/// Whether asking by key reads less than reading all.
bool Few(const DifferRequest& request, int64_t concerned) {
  return request.target->lookup() && request.unique_ids && !request.unreadable && !request.buckets.empty() && concerned < request.records / 8 &&
         concerned <= kRecordsPerPass;
}

}  // namespace

Result<WrittenHashes> LoadWritten(Journal& journal) {
  WrittenHashes written;
  ARROW_RETURN_NOT_OK(journal.EachHashes([&](std::string_view part) -> Status {
    for (size_t at = 0; at + 16 <= part.size(); at += 16) {
      uint64_t words[2];
      std::memcpy(words, part.data() + at, sizeof words);
      written[words[0]] = words[1];
    }
    return Status::OK();
  }));
  ARROW_RETURN_NOT_OK(LoadHeld(journal, &written));
  return written;
}

Status LoadHeld(Journal& journal, WrittenHashes* written) {
  return journal.EachPart(kHeldPart, [&](std::string_view part) -> Status {
    for (size_t at = 0; at + 16 <= part.size(); at += 16) {
      uint64_t words[2];
      std::memcpy(words, part.data() + at, sizeof words);
      const auto known = written->find(words[0]);
      if (known != written->end()) known->second = words[1];
    }
    return Status::OK();
  });
}

Result<DifferResult> FindDifferences(const Engine& engine, const DifferRequest& request) {
  DifferResult result;
  DifferenceLog log(request, &result);
  std::set<int> todo = request.buckets;
  const int64_t concerned = request.records * static_cast<int64_t>(todo.size()) / Digest::kBuckets;
  const bool few = Few(request, concerned);
  if (few) ARROW_RETURN_NOT_OK(DifferByLookup(engine, request, &log, &todo));
  Differ differ(engine, request, &log);
  const size_t per_pass = todo.size() / static_cast<size_t>(concerned / kRecordsPerPass + 1) + 1;
  std::set<int> buckets;
  bool first = true;
  for (const int bucket : todo) {
    buckets.insert(bucket);
    if (buckets.size() < per_pass && bucket != *todo.rbegin()) continue;
    ARROW_RETURN_NOT_OK(differ.Pass(std::exchange(buckets, {}), std::exchange(first, false)));
  }
  // Unreadable records of the target are found even where no digest differs.
  if (request.buckets.empty()) ARROW_RETURN_NOT_OK(differ.Pass({}, true));
  return result;
}

}  // namespace vecferry
