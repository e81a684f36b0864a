#pragma once
#include <string>

#include "connector/layout.h"
#include "connectors/postgresql/client.h"
#include "connectors/postgresql/names.h"

/// Layouts that keep several datasets in one table, and name them in another beside it.
namespace vecferry::postgresql {

/// What the group column holds for the rows of a collection; "" where there is none of that name.
Result<std::string> CollectionKey(Client& client, const RelationName& table, const TableLayout::Groups& groups, const std::string& name);
/// Makes the collection, and the table of collections where that is missing; its key.
Result<std::string> MakeCollection(Client& client, const RelationName& table, const TableLayout::Groups& groups, const std::string& name);
/// CREATE TABLE IF NOT EXISTS of the table of collections.
std::string CollectionTableSql(const RelationName& table, const TableLayout::Groups& groups);
/// Removes a collection that holds no rows any more.
Status DropCollection(Client& client, const RelationName& table, const TableLayout::Groups& groups, const std::string& name);

}  // namespace vecferry::postgresql
