#include "migration/differ.h"

#include <cstring>
#include <unordered_set>
#include <utility>

#include "base/text.h"
#include "pipeline/batch_writer.h"

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
  Differ(const Engine& engine, const DifferRequest& request, DifferResult* result)
      : engine_(engine), request_(request), comparer_(request.compare), plain_(request.compare.scope), result_(*result) {}

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
  bool NotAsked(const RecordHash& hash) const {
    if (request_.only_written && request_.written && !request_.written->contains(hash.key.low)) return true;
    return request_.rejected && request_.rejected->contains(hash.key.low);
  }

  ScanOptions Options(bool target) const {
    ScanOptions options;
    options.scope = request_.compare.scope;
    options.exact_values = target;
    return options;
  }

  Status ReadSource() {
    return Scan(engine_, *request_.source, Options(false), "verify: source", -1,
                [&](const RecordView&, int64_t, const RecordHash& hash) -> Status {
                  if (Concerns(hash) && !NotAsked(hash)) source_.emplace(hash.key.low, hash);
                  return Status::OK();
                }).status();
  }

  Status ReadTarget(bool first) {
    ARROW_ASSIGN_OR_RAISE(const ScanResult scan, Scan(engine_, *request_.target, Options(true), "verify: target", -1,
                                                     [&](const RecordView& view, int64_t row, const RecordHash& hash) { return TakeTarget(view, row, hash); }));
    if (!first) return Status::OK();
    for (const auto& reject : scan.first_rejects) {
      List({DifferenceClass::corrupt, reject.id, reject.tenant, "record", "present", Printable(reject.message, 200)});
    }
    Count(DifferenceClass::corrupt, scan.rejects);
    return Status::OK();
  }

  Status TakeTarget(const RecordView& view, int64_t row, const RecordHash& hash) {
    if (!Concerns(hash)) return Status::OK();
    const auto at = source_.find(hash.key.low);
    if (at == source_.end()) {
      const bool again = matched_.contains(hash.key.low);
      const DifferenceClass kind = again ? DifferenceClass::corrupt : ExtraClass(hash);
      Count(kind, 1);
      if (kind == DifferenceClass::unrelated) return Status::OK();
      List({kind, std::string(view.id(row)), std::string(view.tenant(row).value_or("")), "record", again ? "once" : "(none)", again ? "twice" : "present"});
      return Status::OK();
    }
    const bool same = request_.keys_only || (at->second.content == hash.content && at->second.vectors == hash.vectors);
    if (same) {
      source_.erase(at);
      matched_.insert(hash.key.low);
      return Status::OK();
    }
    ARROW_ASSIGN_OR_RAISE(RecordView record, view.Take({row}));
    held_bytes_ += record.bytes();
    held_.emplace(hash.key.low, Held{std::move(record), hash});
    source_.erase(at);
    matched_.insert(hash.key.low);
    return held_bytes_ > kHeldBytes ? CompareHeld(false) : Status::OK();
  }

  DifferenceClass ExtraClass(const RecordHash& hash) const {
    if (request_.written && request_.written->contains(hash.key.low)) return DifferenceClass::changed_at_source;
    return request_.shared_target ? DifferenceClass::unrelated : DifferenceClass::extra;
  }

  /// Reads the source once more and says what differs in the records held; at the end of a pass, which are lost.
  Status CompareHeld(bool last) {
    if (held_.empty() && (source_.empty() || !last)) return Status::OK();
    ARROW_RETURN_NOT_OK(Scan(engine_, *request_.source, Options(false), "verify: differences", -1,
                             [&](const RecordView& view, int64_t row, const RecordHash& hash) -> Status {
                               if (last && source_.erase(hash.key.low) > 0) return Lost(view, row, hash);
                               const auto at = held_.find(hash.key.low);
                               if (at == held_.end()) return Status::OK();
                               const Held held = std::move(at->second);
                               held_.erase(at);
                               return Compare(view, row, hash, held);
                             }).status());
    held_.clear();
    held_bytes_ = 0;
    return Status::OK();
  }

  Status Lost(const RecordView& view, int64_t row, const RecordHash& hash) {
    const bool moved_later = request_.written && !request_.fresh && !request_.written->contains(hash.key.low);
    const DifferenceClass kind = moved_later ? DifferenceClass::changed_at_source : DifferenceClass::lost;
    Count(kind, 1);
    result_.keys.insert(hash.key.low);
    List({kind, std::string(view.id(row)), std::string(view.tenant(row).value_or("")), "record", "present", "missing"});
    return Status::OK();
  }

  Status Compare(const RecordView& view, int64_t row, const RecordHash& hash, const Held& held) {
    ARROW_ASSIGN_OR_RAISE(auto fields, comparer_.Compare(view, row, held.record, 0));
    const uint64_t key = held.hash.key.low;
    if (fields.empty()) {
      ARROW_ASSIGN_OR_RAISE(const RecordHash plain, plain_.Hash(held.record, 0));
      if (plain.vectors == held.hash.vectors || request_.compare.min_cosine > 0) {
        ++result_.within_tolerance;
        return Status::OK();
      }
      fields.push_back({"vector", "as written", "altered below the precision of its element type"});
    }
    ARROW_ASSIGN_OR_RAISE(const DifferenceClass kind, ChangedClass(hash, held));
    Count(kind, 1);
    result_.keys.insert(key);
    for (const auto& field : fields) {
      List({kind, std::string(view.id(row)), std::string(view.tenant(row).value_or("")), field.field, field.source_value, field.target_value});
    }
    return Status::OK();
  }

  /// By the journalled hash of what was written: the source changed where it no longer has it and the target still
  /// does; else it was the target.
  Result<DifferenceClass> ChangedClass(const RecordHash& source, const Held& held) {
    if (request_.fresh || !request_.written) return DifferenceClass::corrupt;
    const auto at = request_.written->find(held.hash.key.low);
    if (at == request_.written->end()) return DifferenceClass::corrupt;
    RecordHasher hasher;
    ARROW_ASSIGN_OR_RAISE(const RecordHash target, hasher.Hash(held.record, 0));
    const bool scoped = !request_.compare.scope.plain();
    const bool source_moved = scoped || RecordWord(source) != at->second;
    return source_moved && RecordWord(target) == at->second ? DifferenceClass::changed_at_source : DifferenceClass::changed_at_target;
  }

  void Count(DifferenceClass kind, int64_t n) {
    if (n > 0) result_.counts[kind] += n;
  }

  void List(Difference difference) {
    if (static_cast<int64_t>(result_.listed.size()) < request_.list_at_most) result_.listed.push_back(std::move(difference));
  }

  const Engine& engine_;
  const DifferRequest& request_;
  RecordComparer comparer_;
  RecordHasher plain_;
  DifferResult& result_;
  std::set<int> buckets_;
  std::unordered_map<uint64_t, RecordHash> source_;   ///< not met in the target so far
  std::unordered_map<uint64_t, Held> held_;
  std::unordered_set<uint64_t> matched_;
  int64_t held_bytes_ = 0;
};

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
  return written;
}

Result<DifferResult> FindDifferences(const Engine& engine, const DifferRequest& request) {
  DifferResult result;
  Differ differ(engine, request, &result);
  const int64_t concerned = request.records * static_cast<int64_t>(request.buckets.size()) / Digest::kBuckets;
  const size_t per_pass = request.buckets.size() / static_cast<size_t>(concerned / kRecordsPerPass + 1) + 1;
  std::set<int> buckets;
  bool first = true;
  for (const int bucket : request.buckets) {
    buckets.insert(bucket);
    if (buckets.size() < per_pass && bucket != *request.buckets.rbegin()) continue;
    ARROW_RETURN_NOT_OK(differ.Pass(std::exchange(buckets, {}), std::exchange(first, false)));
  }
  // Unreadable records of the target are found even where no digest differs.
  if (request.buckets.empty()) ARROW_RETURN_NOT_OK(differ.Pass({}, true));
  return result;
}

}  // namespace vecferry
