#include "connectors/postgresql/collection.h"

#include <fmt/format.h>

#include "base/uuid.h"

namespace vecferry::postgresql {
namespace {

RelationName TableOf(const RelationName& table, const TableLayout::Groups& groups) { return {table.schema, groups.table, true, true}; }

}  // namespace

Result<std::string> CollectionKey(Client& client, const RelationName& table, const TableLayout::Groups& groups, const std::string& name) {
  const RelationName names = TableOf(table, groups);
  ARROW_ASSIGN_OR_RAISE(const Answer there, client.Exec(fmt::format("SELECT pg_catalog.to_regclass({}) IS NOT NULL", QuoteText(names.Sql())), Act::read, "looking for the collection"));
  if (!there.Bool(0, 0)) return std::string();
  ARROW_ASSIGN_OR_RAISE(const Answer found, client.ExecParams(fmt::format("SELECT {}::text FROM {} WHERE {} = $1", QuoteName(groups.key), names.Sql(), QuoteName(groups.name)), {{name}},
                                                              Act::read, "looking for the collection"));
  return found.rows() == 0 ? std::string() : found.Text(0, 0);
}

std::string CollectionTableSql(const RelationName& table, const TableLayout::Groups& groups) {
  std::string columns;
  for (const auto& column : groups.columns) {
    columns += fmt::format("{}{} {}{}{}{}", columns.empty() ? "" : ", ", QuoteName(column.name), column.type, column.primary_key ? " PRIMARY KEY" : "", column.not_null ? " NOT NULL" : "",
                           column.name == groups.name ? " UNIQUE" : "");
  }
  return fmt::format("CREATE TABLE IF NOT EXISTS {} ({})", TableOf(table, groups).Sql(), columns);
}

Result<std::string> MakeCollection(Client& client, const RelationName& table, const TableLayout::Groups& groups, const std::string& name) {
  ARROW_RETURN_NOT_OK(client.Exec(CollectionTableSql(table, groups), Act::commit, "making the table of collections").status());
  const std::string key = FormatUuid(RandomUuid());
  ARROW_RETURN_NOT_OK(client.ExecParams(fmt::format("INSERT INTO {} ({}, {}) VALUES ($1::uuid, $2) ON CONFLICT DO NOTHING", TableOf(table, groups).Sql(), QuoteName(groups.key), QuoteName(groups.name)),
                                        {{key}, {name}}, Act::commit, "making the collection").status());
  return CollectionKey(client, table, groups, name);
}

Status DropCollection(Client& client, const RelationName& table, const TableLayout::Groups& groups, const std::string& name) {
  return client.ExecParams(fmt::format("DELETE FROM {} WHERE {} = $1", TableOf(table, groups).Sql(), QuoteName(groups.name)), {{name}}, Act::commit, "removing the collection").status();
}

}  // namespace vecferry::postgresql
