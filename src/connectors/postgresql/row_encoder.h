#pragma once
#include <memory>
#include <string>
#include <vector>

#include "connectors/postgresql/target_table.h"
#include "record/batch.h"

namespace vecferry::postgresql {

/// Rows of a batch that fill the same columns, as a binary COPY of them without its header and trailer.
struct EncodedRows {
  std::vector<size_t> columns;   ///< places in TargetTable::columns
  std::string bytes;
  int64_t rows = 0;
};

/// Turns records into rows of a table. Buffers are reused from batch to batch. Not for use by two threads at once.
class RowEncoder {
 public:
  RowEncoder(const TargetTable& table, const RecordSchema& schema);
  ~RowEncoder();
  /// The rows of a batch, in one stretch for each set of columns: one that has a default and for which a row has no value is left to the
  /// server. Rows that the table cannot hold as they are become rejects: "field-type", "nul-character", "value-out-of-range", "id-type",
  /// "missing-value". Valid until the next call.
  Result<const std::vector<EncodedRows>*> Encode(const RecordView& batch, std::vector<RowReject>* rejects);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// What RowEncoder refuses.
RowJudge JudgeBy(const TargetTable& table, const RecordSchema& schema);
/// The same of a table that is yet to be made: it holds everything but sparse vectors of indices that are too large.
RowJudge JudgeSparse(const RecordSchema& schema, int64_t dims);

/// The one spelling of an id that the id column holds, as SQL text; nothing where it cannot hold that id, or would change its spelling.
std::optional<std::string> SpellId(const TargetColumn& column, std::string_view id);

}  // namespace vecferry::postgresql
