#pragma once
#include <memory>
#include <optional>

#include "connector/connector.h"

namespace vecferry {

/// Tells which records a store would refuse for limits that its capabilities have no word for: bytes of metadata, kinds of lists. It
/// asks the store nothing. Not for use by two threads at once.
class RowJudge {
 public:
  virtual ~RowJudge() = default;
  /// Why the sink would reject that row, with the same code.
  virtual std::optional<RowReject> Judge(const RecordView& view, int64_t row) = 0;
};

/// A connector whose sinks have such limits is one of these too: a plan asks it.
class JudgesRows {
 public:
  virtual ~JudgesRows() = default;
  /// For records of that schema, on their way into that dataset.
  virtual Result<std::unique_ptr<RowJudge>> JudgeOf(const Location& location, const Layout& layout, const RecordSchema& schema) const = 0;
};

}  // namespace vecferry
