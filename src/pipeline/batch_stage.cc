#include "pipeline/batch_stage.h"

#include <fmt/format.h>

#include "base/text.h"

namespace vecferry {

JournalReject RejectOf(const RecordView& view, int64_t row, int split, std::string code, std::string message) {
  return {split, 0, std::string(view.id(row)), std::string(view.tenant(row).value_or("")), std::move(code), std::move(message), RecordLine(view, row)};
}

RowReject BatchStage::Refusal(const RecordView& view, int64_t row, int64_t row_in_split) const {
  const Duplicates& duplicates = options_.duplicates;
  const bool duplicate = duplicates.by_key ? !duplicates.keys.empty() && duplicates.keys.contains(RecordHasher::Key(view.tenant(row), view.id(row)).low)
                                           : !duplicates.rows.empty() && duplicates.rows.contains({split_, row_in_split});
  if (duplicate) return {row, "duplicate-id", "an earlier record has the same id, or one that becomes the same in the target"};
  if (options_.reject_missing_vectors) {
    for (const auto& column : view.vectors()) {
      if (column.IsNull(row)) return {row, "missing-vector", fmt::format("the record has no {}, which the target needs", column.spec.column())};
    }
  }
  return {};
}

bool BatchStage::Wanted(const std::vector<uint64_t>& source_keys, const RecordView& view, int64_t row) const {
  if (options_.only_keys.contains(RecordHasher::Key(view.tenant(row), view.id(row)).low)) return true;
  return !source_keys.empty() && options_.only_keys.contains(source_keys[static_cast<size_t>(row)]);
}

Status BatchStage::Admit(SourceBatch batch, WorkItem* item) {
  const RecordView view = std::move(batch.records);
  item->rows_read = view.rows();
  std::vector<int64_t> kept;
  const bool again = split_ >= options_.first_again_split;
  for (int64_t row = 0; row < view.rows(); ++row) {
    if (again && !Wanted(batch.source_keys, view, row)) continue;
    RowReject refusal = Refusal(view, row, item->first_row + row);
    if (refusal.code.empty()) {
      const auto hash = hasher_.Hash(view, row);
      if (hash.ok()) {
        kept.push_back(row);
        item->hashes.push_back(*hash);
        if (options_.vector_change == VectorChange::reduced_precision) item->stored.push_back(without_vectors_.StoredVectors(view, row, hash->key));
        if (options_.vector_change == VectorChange::cosine_normalised) item->stored.push_back(hasher_.StoredVectors(view, row, hash->key));
        continue;
      }
      if (!IsCategory(hash.status(), Category::bad_content)) return hash.status();
      refusal = {row, "bad-metadata", Printable(hash.status().message(), 500)};
    }
    item->rejects.push_back(RejectOf(view, row, split_, refusal.code, refusal.message));
  }
  for (Reject& reject : batch.rejects) {
    item->rejects.push_back({split_, 0, std::move(reject.id), std::move(reject.tenant), std::move(reject.code), std::move(reject.message),
                             std::move(reject.record)});
  }
  if (kept.size() == static_cast<size_t>(view.rows())) {
    item->records = view;
    return Status::OK();
  }
  ARROW_ASSIGN_OR_RAISE(item->records, view.Take(kept));
  return Status::OK();
}

}  // namespace vecferry
