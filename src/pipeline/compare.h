#pragma once
#include <string>
#include <vector>

#include "connector/capabilities.h"
#include "connector/layout.h"
#include "record/batch.h"
#include "record/digest.h"

namespace vecferry {

/// When two records count as the same.
struct CompareOptions {
  DigestScope scope;            ///< what is left out
  double min_cosine = 0;        ///< 0: vectors must be equal; else dense and multi-vectors by direction, at least this
  /// What the target does to vectors: those that it changes are compared by direction where `min_cosine` is 0, others exactly.
  VectorChange vector_change = VectorChange::none;
  double least_cosine = 0.999;  ///< of VectorChange::reduced_precision, as the target declares it
  double time_tolerance = 0;    ///< seconds, for fields that the layout says are times
  const Layout* layout = nullptr;
};

struct FieldDifference {
  std::string field;            ///< "document", "metadata.tags", "vector"
  std::string source_value, target_value;  ///< printable, shortened
};

/// Compares two records field by field. Not for use by two threads at once.
class RecordComparer {
 public:
  explicit RecordComparer(CompareOptions options) : options_(std::move(options)) {}
  Result<std::vector<FieldDifference>> Compare(const RecordView& source, int64_t source_row, const RecordView& target, int64_t target_row) const;
  const CompareOptions& options() const { return options_; }

 private:
  CompareOptions options_;
};

}  // namespace vecferry
