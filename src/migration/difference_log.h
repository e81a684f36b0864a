#pragma once
#include <set>

#include "migration/differ.h"
#include "pipeline/batch_writer.h"

namespace vecferry {

/// Judges records that differ, counts and lists them.
class DifferenceLog {
 public:
  DifferenceLog(const DifferRequest& request, DifferResult* result)
      : request_(request), comparer_(request.compare), plain_(request.compare.scope), word_(WordScope(request.compare.vector_change)), result_(*result) {}

  /// The copy did not move this record, or was not to: it is no loss.
  bool NotAsked(const RecordHash& hash) const;
  /// The target has a record that the source lacks; `again`: one that was met before.
  void Extra(const RecordView& target, int64_t row, const RecordHash& hash, bool again);
  void Lost(const RecordView& source, int64_t row, const RecordHash& hash);
  /// Two records of one key whose hashes differ.
  Status Compare(const RecordView& source, int64_t row, const RecordView& target, int64_t target_row, const RecordHash& target_hash);
  /// Records of the target that cannot be read.
  void Unreadable(const ScanResult& scan);
  /// Buckets of which something was told.
  const std::set<int>& told() const { return told_; }

 private:
  DifferenceClass ExtraClass(const RecordHash& hash) const;
  /// Class, and whether it is doubtful.
  Result<std::pair<DifferenceClass, bool>> Judge(const RecordView& source, int64_t row, const RecordView& target, int64_t target_row, uint64_t key) const;
  void Gather(FoundRecord found, const RecordView& view, int64_t row);
  void Count(DifferenceClass kind, int64_t n);
  void List(Difference difference);

  const DifferRequest& request_;
  RecordComparer comparer_;
  RecordHasher plain_, word_;
  DifferResult& result_;
  std::set<int> told_;
};

}  // namespace vecferry
