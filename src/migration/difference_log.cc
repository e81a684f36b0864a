#include "migration/difference_log.h"

#include "base/text.h"
#include "pipeline/batch_writer.h"

namespace vecferry {
namespace {

std::string IdOf(const RecordView& view, int64_t row) { return std::string(view.id(row)); }
std::string TenantOf(const RecordView& view, int64_t row) { return std::string(view.tenant(row).value_or("")); }

}  // namespace

bool DifferenceLog::NotAsked(const RecordHash& hash) const {
  if (request_.only_written && request_.written && !request_.written->contains(hash.key.low)) return true;
  return request_.rejected && request_.rejected->contains(hash.key.low);
}

DifferenceClass DifferenceLog::ExtraClass(const RecordHash& hash) const {
  if (request_.written && request_.written->contains(hash.key.low)) return DifferenceClass::changed_at_source;
  return request_.shared_target ? DifferenceClass::unrelated : DifferenceClass::extra;
}

void DifferenceLog::Extra(const RecordView& target, int64_t row, const RecordHash& hash, bool again) {
  told_.insert(Digest::BucketOf(hash.key));
  const DifferenceClass kind = again ? DifferenceClass::corrupt : ExtraClass(hash);
  Count(kind, 1);
  if (kind == DifferenceClass::unrelated) return;
  if (kind == DifferenceClass::extra) result_.extra.insert(hash.key.low);
  List({kind, IdOf(target, row), TenantOf(target, row), "record", again ? "once" : "(none)", again ? "twice" : "present"});
}

void DifferenceLog::Lost(const RecordView& source, int64_t row, const RecordHash& hash) {
  told_.insert(Digest::BucketOf(hash.key));
  const bool moved_later = request_.written && !request_.fresh && !request_.written->contains(hash.key.low);
  const DifferenceClass kind = moved_later ? DifferenceClass::changed_at_source : DifferenceClass::lost;
  Count(kind, 1);
  result_.keys.insert(hash.key.low);
  List({kind, IdOf(source, row), TenantOf(source, row), "record", "present", "missing"});
}

Status DifferenceLog::Compare(const RecordView& source, int64_t row, const RecordView& target, int64_t target_row, const RecordHash& target_hash) {
  told_.insert(Digest::BucketOf(target_hash.key));
  ARROW_ASSIGN_OR_RAISE(auto fields, comparer_.Compare(source, row, target, target_row));
  if (fields.empty()) {
    ARROW_ASSIGN_OR_RAISE(const RecordHash plain, plain_.Hash(target, target_row));
    const bool tolerant = request_.compare.min_cosine > 0 || request_.compare.vector_change != VectorChange::none;
    if (plain.vectors == target_hash.vectors || tolerant) {
      ++result_.within_tolerance;
      return Status::OK();
    }
    fields.push_back({"vector", "as written", "altered below the precision of its element type"});
  }
  ARROW_ASSIGN_OR_RAISE(const DifferenceClass kind, ChangedClass(source, row, target, target_row, target_hash.key.low));
  Count(kind, 1);
  result_.keys.insert(target_hash.key.low);
  for (const auto& field : fields) List({kind, IdOf(source, row), TenantOf(source, row), field.field, field.source_value, field.target_value});
  return Status::OK();
}

/// By the journalled hash of what was written, as stored: the source changed where it no longer has it and the target
/// still does; else it was the target.
Result<DifferenceClass> DifferenceLog::ChangedClass(const RecordView& source, int64_t row, const RecordView& target, int64_t target_row, uint64_t key) const {
  if (request_.fresh || !request_.written) return DifferenceClass::corrupt;
  const auto at = request_.written->find(key);
  if (at == request_.written->end()) return DifferenceClass::corrupt;
  RecordHasher hasher(WordScope(request_.compare.vector_change));
  ARROW_ASSIGN_OR_RAISE(const RecordHash theirs, hasher.Hash(source, row));
  ARROW_ASSIGN_OR_RAISE(const RecordHash held, hasher.Hash(target, target_row));
  const bool scoped = !request_.compare.scope.plain();
  const bool source_moved = scoped || RecordWord(theirs) != at->second;
  return source_moved && RecordWord(held) == at->second ? DifferenceClass::changed_at_source : DifferenceClass::changed_at_target;
}

void DifferenceLog::Unreadable(const ScanResult& scan) {
  for (const auto& reject : scan.first_rejects) {
    List({DifferenceClass::corrupt, reject.id, reject.tenant, "record", "present", Printable(reject.message, 200)});
  }
  Count(DifferenceClass::corrupt, scan.rejects);
}

void DifferenceLog::Count(DifferenceClass kind, int64_t n) {
  if (n > 0) result_.counts[kind] += n;
}

void DifferenceLog::List(Difference difference) {
  if (static_cast<int64_t>(result_.listed.size()) < request_.list_at_most) result_.listed.push_back(std::move(difference));
}

}  // namespace vecferry
