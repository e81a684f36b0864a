#pragma once
#include "connectors/postgresql/options.h"
#include "connectors/postgresql/target_table.h"

namespace vecferry::postgresql {

/// Which column of a table takes what of records of a schema: by the options, the layout's names, the key and the types. `own`: the run made the
/// table, and sees to its key.
/// Category::refused, with what to name or to alter, where the table has no place for a part of the records, none that fits, or no usable key.
Result<TargetTable> BindTable(const Relation& relation, const RecordSchema& schema, const Layout& layout, const Options& options, bool own);

}  // namespace vecferry::postgresql
