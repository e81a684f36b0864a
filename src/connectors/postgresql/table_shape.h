#pragma once
#include "connectors/postgresql/mapping.h"
#include "connectors/postgresql/options.h"
#include "connectors/postgresql/row_decoder.h"
#include "connectors/postgresql/target_table.h"

namespace vecferry::postgresql {

/// The layout of tables that no application has shaped.
const Layout* DefaultTableLayout();
/// The layout in force for a table: `layout` where it knows tables and is not the default one, else the one that is detected.
const Layout* EffectiveLayout(const Relation& relation, const Layout& layout);

/// How the rows of a table that is written become records of the schema that they were.
TableShape ShapeOf(const Relation& relation, const TargetTable& table, const RecordSchema& schema, const Layout& layout, const std::string& collection);

}  // namespace vecferry::postgresql
