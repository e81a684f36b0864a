#pragma once
#include <vector>

#include "connector/connector.h"
#include "journal/journal.h"
#include "pipeline/compare.h"

namespace vecferry {

/// How much of each batch is read back after it was written.
enum class ValidateMode { off, sample, full };

/// What the read-back of one batch found.
struct ValidateResult {
  std::vector<int64_t> bad_rows;              ///< rows of the batch that differ or are missing
  std::vector<JournalMismatch> mismatches;    ///< the same, field by field
};

/// Reads rows of a batch back and compares: the number of all of them, and content, vectors, sets and times of a sample
/// (or of all), within the comparer's tolerances. `rows` are those that the sink accepted.
Result<ValidateResult> ValidateBatch(Lookup& lookup, const RecordView& batch, const std::vector<int64_t>& rows,
                                     ValidateMode mode, const RecordComparer& comparer);

/// Rows of each batch that ValidateMode::sample compares in full.
inline constexpr int64_t kValidateSample = 8;

}  // namespace vecferry
