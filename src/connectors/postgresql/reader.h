#pragma once
#include <memory>

#include "connectors/postgresql/row_decoder.h"
#include "connectors/postgresql/snapshot.h"
#include "connectors/postgresql/splits.h"

namespace vecferry::postgresql {

/// What the readers of a dataset share. Outlives none of them: they hold it.
struct ReadContext {
  TableShape shape;
  std::shared_ptr<Snapshot> snapshot;
  /// FileNode of each table that holds rows, when the snapshot was taken: position as in Relation::parts.
  std::vector<int64_t> file_nodes;
  std::mutex mutex;                  ///< of file_nodes
};

/// Reads a split, by one COPY of its range that goes on over the batches; after a failure a new one begins behind the last batch.
Result<std::unique_ptr<SplitReader>> MakeReader(std::shared_ptr<ReadContext> context, const Split& split, const Cursor& from, const ReadOptions& options);

/// A session for reading rows of the dataset: in the snapshot, the tables that hold the rows locked against being altered and known to be as they
/// were. Rows that no snapshot shields (TRUNCATE, an ALTER that rewrites) lead to a new snapshot; columns that are no longer as the plan found
/// them to Category::refused.
Result<std::unique_ptr<Client>> OpenReadSession(ReadContext& context, const std::string& select_sql, const RowSelect& select);

}  // namespace vecferry::postgresql
