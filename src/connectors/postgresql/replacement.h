#pragma once
#include <string>
#include <vector>

#include "connectors/postgresql/catalog.h"
#include "connectors/postgresql/client.h"
#include "connectors/postgresql/index_plan.h"

/// A table that takes the place of another, at once.
namespace vecferry::postgresql {

/// The name under which it is filled.
RelationName ReplacementName(const RelationName& name, const std::string& run_id);

/// Category::refused where the old table cannot be dropped: views, or foreign keys of other tables, depend on it.
Status CheckReplaceable(Client& client, const Relation& old);

/// CREATE TABLE for one that is like the old: columns, defaults, constraints, unique indexes; without its other indexes, which are `indexes`.
std::string LikeSql(const Relation& old, const RelationName& name, const std::string& mark, std::vector<IndexDefinition>* indexes);

/// In one transaction: the old table goes, its sequences, grants and comment move, the new one and its indexes get the names.
Status Swap(Client& client, const RelationName& old_name, const RelationName& new_name);

}  // namespace vecferry::postgresql
