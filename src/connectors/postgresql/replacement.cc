#include "connectors/postgresql/replacement.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/failpoint.h"
#include "base/text.h"
#include "base/uuid.h"

namespace vecferry::postgresql {
namespace {

constexpr std::string_view kWhat = "replacing the table";

Result<Answer> Ask(Client& client, const std::string& sql) { return client.Exec(sql, Act::manage, kWhat); }

std::string RegClass(const RelationName& name) { return QuoteText(name.Sql()) + "::regclass"; }

/// Statements of one column of text, run one after the other.
Status RunAll(Client& client, const std::string& query) {
  ARROW_ASSIGN_OR_RAISE(const Answer statements, Ask(client, query));
  for (int i = 0; i < statements.rows(); ++i) ARROW_RETURN_NOT_OK(Ask(client, statements.Text(i, 0)).status());
  return Status::OK();
}

/// Sequences that the old table's columns own would go with it; the new table's defaults use them.
Status MoveSequences(Client& client, const RelationName& from, const RelationName& to) {
  return RunAll(client, fmt::format(
      "SELECT pg_catalog.format('ALTER SEQUENCE %s OWNED BY {}.%I', d.objid::regclass, a.attname) FROM pg_catalog.pg_depend d "
      "JOIN pg_catalog.pg_class s ON s.oid = d.objid AND s.relkind = 'S' "
      "JOIN pg_catalog.pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid "
      "JOIN pg_catalog.pg_attribute n ON n.attrelid = {} AND n.attname = a.attname "
      "WHERE d.classid = 'pg_catalog.pg_class'::regclass AND d.refobjid = {} AND d.deptype = 'a'",
      // %s and %I are format()'s own; a name with a percent sign must not be.
      [&] {
        std::string sql;
        for (const char c : to.Sql()) sql += c == '%' ? "%%" : c == '\'' ? "''" : std::string(1, c);
        return sql;
      }(), RegClass(to), RegClass(from)));
}

Status CopyGrants(Client& client, const RelationName& from, const RelationName& to) {
  return RunAll(client, fmt::format(
      "SELECT pg_catalog.format('GRANT %s ON %s TO %s%s', x.privilege_type, {1}, CASE x.grantee WHEN 0 THEN 'PUBLIC' ELSE x.grantee::regrole::text END, "
      "CASE WHEN x.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END) "
      "FROM pg_catalog.pg_class c CROSS JOIN LATERAL pg_catalog.aclexplode(c.relacl) x WHERE c.oid = {0} AND x.grantee <> c.relowner", RegClass(from), RegClass(to)));
}

}  // namespace

RelationName ReplacementName(const RelationName& name, const std::string& run_id) {
  const std::string mark = FormatUuid(UuidV5(kIdNamespace, run_id + name.Sql())).substr(0, 8);
  return {name.schema, ShortName(name.table, "vf_" + mark), true, true};
}

Status CheckReplaceable(Client& client, const Relation& old) {
  ARROW_ASSIGN_OR_RAISE(const Answer rows, client.Exec(fmt::format(
      "SELECT pg_catalog.format('the foreign key %s of %s', conname, conrelid::regclass) FROM pg_catalog.pg_constraint "
      "WHERE contype = 'f' AND confrelid = {0} AND conrelid <> {0} "
      "UNION ALL SELECT pg_catalog.format('the view %s', r.ev_class::regclass) FROM pg_catalog.pg_depend d JOIN pg_catalog.pg_rewrite r ON r.oid = d.objid "
      "WHERE d.classid = 'pg_catalog.pg_rewrite'::regclass AND d.refobjid = {0} AND r.ev_class <> {0} "
      "UNION ALL SELECT 'its partitions' WHERE {1} LIMIT 5", old.oid, old.kind == 'p' || old.has_children ? "true" : "false"), Act::read, kWhat));
  if (rows.rows() == 0) return Status::OK();
  std::string who;
  for (int i = 0; i < rows.rows(); ++i) who += (i == 0 ? "" : ", ") + Printable(rows.Get(i, 0), 200);
  return MakeError(Category::refused, fmt::format("the table {} cannot be replaced: {} depend on it", Printable(old.name.Display(), 200), who),
                   "use --on-exists upsert, or empty the table first and copy into it");
}

std::string LikeSql(const Relation& old, const RelationName& name, const std::string& mark, std::vector<IndexDefinition>* indexes) {
  std::string sql = fmt::format("CREATE TABLE {} (LIKE {} INCLUDING ALL EXCLUDING INDEXES)", name.Sql(), old.name.Sql());
  size_t n = 0;
  for (const Index& index : old.indexes) {
    const size_t at = index.definition.find(" USING ");
    if (at == std::string::npos) continue;
    const std::string own = ShortName(name.table, std::to_string(n++)), body = index.definition.substr(at + 1);
    if (!index.unique) {
      indexes->push_back({own, body});
      continue;
    }
    sql += fmt::format("; CREATE UNIQUE INDEX {} ON {} {}", QuoteName(own), name.Sql(), body);
    if (index.primary) sql += fmt::format("; ALTER TABLE {} ADD PRIMARY KEY USING INDEX {}", name.Sql(), QuoteName(own));
  }
  return sql + fmt::format("; COMMENT ON TABLE {} IS {}", name.Sql(), QuoteText(mark));
}

Status Swap(Client& client, const RelationName& old_name, const RelationName& new_name) {
  ARROW_ASSIGN_OR_RAISE(const auto old, FindRelation(client, old_name));
  ARROW_ASSIGN_OR_RAISE(const auto fresh, FindRelation(client, new_name));
  if (!fresh) return MakeError(Category::not_found, fmt::format("the table {} is gone", Printable(new_name.Display(), 200)), "begin anew with --restart");
  VF_FAILPOINT("postgresql.swap.before");
  ARROW_RETURN_NOT_OK(client.Begin());
  if (old) {
    ARROW_RETURN_NOT_OK(Ask(client, "LOCK TABLE " + old_name.Sql() + " IN ACCESS EXCLUSIVE MODE").status());
    ARROW_RETURN_NOT_OK(MoveSequences(client, old_name, new_name));
    ARROW_RETURN_NOT_OK(CopyGrants(client, old_name, new_name));
    ARROW_RETURN_NOT_OK(Ask(client, "DROP TABLE " + old_name.Sql()).status());
    ARROW_RETURN_NOT_OK(Ask(client, fmt::format("COMMENT ON TABLE {} IS {}", new_name.Sql(), old->comment.empty() ? "NULL" : QuoteText(old->comment))).status());
  }
  ARROW_RETURN_NOT_OK(Ask(client, fmt::format("ALTER TABLE {} RENAME TO {}", new_name.Sql(), QuoteName(old_name.table))).status());
  // Names of indexes: those of the old table for what is like it, else made from the table's own.
  std::vector<std::string> taken;
  size_t n = 0;
  for (const Index& index : old ? old->indexes : std::vector<Index>()) {
    const std::string like = ShortName(new_name.table, std::to_string(n++));
    const bool there = std::any_of(fresh->indexes.begin(), fresh->indexes.end(), [&](const Index& own) { return own.name == like; });
    if (!there) continue;
    ARROW_RETURN_NOT_OK(Ask(client, fmt::format("ALTER INDEX {}.{} RENAME TO {}", QuoteName(old_name.schema), QuoteName(like), QuoteName(index.name))).status());
    taken.push_back(like);
  }
  for (const Index& index : fresh->indexes) {
    if (!index.name.starts_with(new_name.table) || std::find(taken.begin(), taken.end(), index.name) != taken.end()) continue;
    const std::string name = old_name.table + index.name.substr(new_name.table.size());
    ARROW_ASSIGN_OR_RAISE(const Answer free, Ask(client, fmt::format("SELECT pg_catalog.to_regclass({}) IS NULL", QuoteText(QuoteName(old_name.schema) + "." + QuoteName(name)))));
    if (name.size() > 63 || !free.Bool(0, 0)) continue;
    ARROW_RETURN_NOT_OK(Ask(client, fmt::format("ALTER INDEX {}.{} RENAME TO {}", QuoteName(old_name.schema), QuoteName(index.name), QuoteName(name))).status());
  }
  ARROW_RETURN_NOT_OK(client.Commit());
  VF_FAILPOINT("postgresql.swap.after");
  return Status::OK();
}

}  // namespace vecferry::postgresql
