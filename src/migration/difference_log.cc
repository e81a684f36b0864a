#include "migration/difference_log.h"

#include "base/text.h"

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
  if (!again) Gather({kind, false, true, false, hash.key.low, {}, {}}, target, row);
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
  Gather({kind, true, false, false, hash.key.low, {}, {}}, source, row);
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
      if (!request_.gather || request_.compare.vector_change != VectorChange::cosine_normalised) return Status::OK();
      ARROW_ASSIGN_OR_RAISE(const RecordHash held, word_.Hash(target, target_row));
      result_.held[target_hash.key.low] = RecordWord(held);
      return Status::OK();
    }
    fields.push_back({"vector", "as written", "altered below the precision of its element type"});
  }
  ARROW_ASSIGN_OR_RAISE(const auto judged, Judge(source, row, target, target_row, target_hash.key.low));
  const DifferenceClass kind = judged.first;
  Count(kind, 1);
  Gather({kind, true, true, judged.second, target_hash.key.low, {}, {}}, source, row);
  result_.keys.insert(target_hash.key.low);
  for (const auto& field : fields) List({kind, IdOf(source, row), TenantOf(source, row), field.field, field.source_value, field.target_value});
  return Status::OK();
}

/// By the journalled hash of what was written, as stored: the source changed where it no longer has it and the target
/// still does; else it was the target. Where the hash leaves out what differs both sides have it: who changed is not known.
Result<std::pair<DifferenceClass, bool>> DifferenceLog::Judge(const RecordView& source, int64_t row, const RecordView& target, int64_t target_row,
                                                              uint64_t key) const {
  if (request_.fresh || !request_.written) return std::pair(DifferenceClass::corrupt, false);
  const auto at = request_.written->find(key);
  if (at == request_.written->end()) return std::pair(DifferenceClass::corrupt, false);
  RecordHasher hasher(WordScope(request_.compare.vector_change));
  ARROW_ASSIGN_OR_RAISE(const RecordHash theirs, hasher.Hash(source, row));
  ARROW_ASSIGN_OR_RAISE(const RecordHash held, hasher.Hash(target, target_row));
  const bool scoped = !request_.compare.scope.plain();
  const bool source_moved = RecordWord(theirs) != at->second, target_moved = RecordWord(held) != at->second;
  const DifferenceClass kind = (scoped || source_moved) && !target_moved ? DifferenceClass::changed_at_source : DifferenceClass::changed_at_target;
  return std::pair(kind, !source_moved && !target_moved);
}

void DifferenceLog::Gather(FoundRecord found, const RecordView& view, int64_t row) {
  if (!request_.gather) return;
  found.tenant = TenantOf(view, row);
  found.id = IdOf(view, row);
  result_.records.push_back(std::move(found));
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
