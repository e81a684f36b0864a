#include "migration/lookup_differ.h"

#include <unordered_map>
#include <unordered_set>

namespace vecferry {
namespace {

/// Records asked for at once, at most so many and such bytes.
constexpr size_t kChunk = 200;
constexpr int64_t kChunkBytes = 8 << 20;

class LookupDiffer {
 public:
  LookupDiffer(const Engine& engine, const DifferRequest& request, DifferenceLog* log) : engine_(engine), request_(request), log_(*log), hasher_(request.compare.scope) {}

  Status Run() {
    const bool by_key = request_.source->lookup() != nullptr;
    ARROW_RETURN_NOT_OK(Scan(engine_, *request_.source, Options(by_key), "verify: source", -1,
                             [&](const RecordView& view, int64_t row, const RecordHash& hash) { return TakeSource(view, row, hash, by_key); }).status());
    ARROW_RETURN_NOT_OK(Flush());
    return Scan(engine_, *request_.target, Options(true), "verify: target", -1, [&](const RecordView& view, int64_t row, const RecordHash& hash) -> Status {
             TakeTarget(view, row, hash);
             return Status::OK();
           }).status();
  }

  std::set<int> Unexplained() const {
    std::set<int> buckets;
    for (const int bucket : request_.buckets) {
      if (!log_.told().contains(bucket) && !excused_.contains(bucket)) buckets.insert(bucket);
    }
    return buckets;
  }

 private:
  ScanOptions Options(bool keys_only) const {
    ScanOptions options;
    options.scope = request_.compare.scope;
    options.keys_only = keys_only;
    return options;
  }

  bool Concerns(const RecordHash& hash) const { return request_.buckets.contains(Digest::BucketOf(hash.key)); }

  Status TakeSource(const RecordView& view, int64_t row, const RecordHash& hash, bool by_key) {
    if (!Concerns(hash)) return Status::OK();
    if (log_.NotAsked(hash)) {
      excused_.insert(Digest::BucketOf(hash.key));
      return Status::OK();
    }
    known_.insert(hash.key.low);
    tenants_.emplace_back(view.tenant(row).value_or(""));
    ids_.emplace_back(view.id(row));
    has_tenant_ = view.schema().has_tenant;
    if (!by_key) {
      ARROW_ASSIGN_OR_RAISE(RecordView record, view.Take({row}));
      bytes_ += record.bytes();
      records_.push_back(std::move(record));
    }
    return ids_.size() >= kChunk || bytes_ >= kChunkBytes ? Flush() : Status::OK();
  }

  Result<RecordView> Get(Lookup& lookup) const {
    const std::vector<std::string_view> ids(ids_.begin(), ids_.end());
    return lookup.Get(has_tenant_ ? std::vector<std::string_view>(tenants_.begin(), tenants_.end()) : std::vector<std::string_view>(), ids);
  }

  /// Compares the records gathered with those of the target.
  Status Flush() {
    if (ids_.empty()) return Status::OK();
    if (request_.source->lookup()) {
      ARROW_ASSIGN_OR_RAISE(RecordView found, Get(*request_.source->lookup()));
      records_.assign(1, std::move(found));
    }
    ARROW_ASSIGN_OR_RAISE(const RecordView target, Get(*request_.target->lookup()));
    std::unordered_map<uint64_t, int64_t> rows;
    for (int64_t row = 0; row < target.rows(); ++row) rows.emplace(RecordHasher::Key(target.tenant(row), target.id(row)).low, row);
    for (const RecordView& view : records_) {
      for (int64_t row = 0; row < view.rows(); ++row) ARROW_RETURN_NOT_OK(CompareOne(view, row, target, rows));
    }
    tenants_.clear();
    ids_.clear();
    records_.clear();
    bytes_ = 0;
    return Status::OK();
  }

  Status CompareOne(const RecordView& view, int64_t row, const RecordView& target, const std::unordered_map<uint64_t, int64_t>& rows) {
    ARROW_ASSIGN_OR_RAISE(const RecordHash hash, hasher_.Hash(view, row));
    const auto at = rows.find(hash.key.low);
    if (at == rows.end()) {
      log_.Lost(view, row, hash);
      return Status::OK();
    }
    if (request_.keys_only) return Status::OK();
    ARROW_ASSIGN_OR_RAISE(const RecordHash theirs, hasher_.Hash(target, at->second));
    if (hash == theirs) return Status::OK();
    return log_.Compare(view, row, target, at->second, theirs);
  }

  void TakeTarget(const RecordView& view, int64_t row, const RecordHash& hash) {
    if (!Concerns(hash)) return;
    const bool again = !seen_.insert(hash.key.low).second;
    if (again || !known_.contains(hash.key.low)) log_.Extra(view, row, hash, again && known_.contains(hash.key.low));
  }

  const Engine& engine_;
  const DifferRequest& request_;
  DifferenceLog& log_;
  RecordHasher hasher_;
  std::vector<std::string> tenants_, ids_;
  std::vector<RecordView> records_;   ///< of those keys, where the source is not asked for them
  bool has_tenant_ = false;
  int64_t bytes_ = 0;
  std::unordered_set<uint64_t> known_, seen_;   ///< keys in the buckets: of the source, of the target
  std::set<int> excused_;                       ///< buckets with records that the target need not have
};

}  // namespace

Status DifferByLookup(const Engine& engine, const DifferRequest& request, DifferenceLog* log, std::set<int>* unexplained) {
  LookupDiffer differ(engine, request, log);
  ARROW_RETURN_NOT_OK(differ.Run());
  *unexplained = differ.Unexplained();
  return Status::OK();
}

}  // namespace vecferry
