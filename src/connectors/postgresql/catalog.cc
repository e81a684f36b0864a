#include "connectors/postgresql/catalog.h"

#include <algorithm>
#include <set>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "connectors/postgresql/catalog_types.h"

namespace vecferry::postgresql {
namespace {

constexpr const char* kWhat = "looking at the catalog";

Result<Answer> Ask(Client& client, const std::string& sql, const std::vector<std::string>& texts) {
  std::vector<Param> params;
  for (const auto& text : texts) params.push_back({text});
  return client.ExecParams(sql, params, Act::read, kWhat);
}

constexpr const char* kFindSql =
    "SELECT c.oid, n.nspname, c.relname, c.relkind, c.reltuples::float8, pg_catalog.pg_table_is_visible(c.oid), c.relhassubclass, "
    "CASE WHEN c.relkind IN ('r','m') THEN pg_catalog.pg_total_relation_size(c.oid) END, pg_catalog.obj_description(c.oid, 'pg_class'), "
    "EXISTS (SELECT FROM pg_catalog.pg_stats s WHERE s.schemaname = n.nspname AND s.tablename = c.relname) "
    "FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace "
    "WHERE c.relname = $2 AND CASE WHEN $1 = '' THEN pg_catalog.pg_table_is_visible(c.oid) ELSE n.nspname = $1 END "
    "AND c.relkind IN ('r','p','v','m','f')";

Status LoadColumns(Client& client, Relation* relation) {
  ARROW_ASSIGN_OR_RAISE(const Answer rows, Ask(client,
      "SELECT a.attname, a.atttypid, a.atttypmod, a.attnum, a.attnotnull, a.attgenerated <> '', a.attidentity = 'a', "
      "CASE WHEN a.attgenerated = '' THEN pg_catalog.pg_get_expr(d.adbin, d.adrelid) END, a.attidentity <> '', pg_catalog.col_description(a.attrelid, a.attnum) "
      "FROM pg_catalog.pg_attribute a LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum "
      "WHERE a.attrelid = $1::oid AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum", {std::to_string(relation->oid)}));
  for (int i = 0; i < rows.rows(); ++i) {
    Column column;
    column.name = rows.Text(i, 0);
    column.type.oid = static_cast<uint32_t>(rows.Int(i, 1));
    column.type.typmod = static_cast<int32_t>(rows.Int(i, 2));
    column.number = static_cast<int>(rows.Int(i, 3));
    column.not_null = rows.Bool(i, 4);
    column.generated = rows.Bool(i, 5);
    column.identity_always = rows.Bool(i, 6);
    column.default_sql = rows.Text(i, 7);
    column.identity = rows.Bool(i, 8);
    column.comment = rows.Text(i, 9);
    relation->columns.push_back(std::move(column));
  }
  return ResolveTypes(client, relation);
}

/// Names of operator classes, types and dependencies of each key, as JSON arrays.
constexpr const char* kIndexSql =
    "SELECT ic.relname, am.amname, i.indisunique, i.indisprimary, i.indisvalid AND i.indisready, pg_catalog.pg_get_expr(i.indpred, i.indrelid), "
    "pg_catalog.to_json(ic.reloptions), pg_catalog.pg_get_indexdef(i.indexrelid), "
    "(SELECT pg_catalog.json_agg(pg_catalog.json_build_array(k.attnum, oc.opcname, ia.atttypid::int8, ia.atttypmod, "
    "   pg_catalog.pg_get_indexdef(i.indexrelid, k.n::int, false)) ORDER BY k.n) "
    "   FROM pg_catalog.unnest(i.indkey::int2[]) WITH ORDINALITY AS k(attnum, n) "
    "   JOIN pg_catalog.unnest(i.indclass::oid[]) WITH ORDINALITY AS o(opc, n) ON o.n = k.n "
    "   JOIN pg_catalog.pg_opclass oc ON oc.oid = o.opc "
    "   JOIN pg_catalog.pg_attribute ia ON ia.attrelid = i.indexrelid AND ia.attnum = k.n), "
    "(SELECT pg_catalog.json_agg(DISTINCT d.refobjsubid) FROM pg_catalog.pg_depend d WHERE d.classid = 'pg_catalog.pg_class'::regclass "
    "   AND d.objid = i.indexrelid AND d.refclassid = 'pg_catalog.pg_class'::regclass AND d.refobjid = i.indrelid AND d.refobjsubid > 0) "
    "FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class ic ON ic.oid = i.indexrelid JOIN pg_catalog.pg_am am ON am.oid = ic.relam "
    "WHERE i.indrelid = $1::oid ORDER BY i.indisprimary DESC, ic.relname";

int PositionOf(const Relation& relation, int number) {
  for (size_t i = 0; i < relation.columns.size(); ++i) {
    if (relation.columns[i].number == number) return static_cast<int>(i);
  }
  return -1;
}

/// The vector column that an expression is over.
int VectorAmong(const Relation& relation, const nlohmann::json& numbers) {
  for (const auto& number : numbers) {
    const int at = PositionOf(relation, number.get<int>());
    if (at >= 0 && (relation.columns[static_cast<size_t>(at)].type.is_vector() || relation.columns[static_cast<size_t>(at)].type.is_float_array())) return at;
  }
  return -1;
}

Status ParseKeys(Client& client, const Relation& relation, std::string_view keys_text, std::string_view depends_text, Index* index) {
  const auto keys = nlohmann::json::parse(keys_text, nullptr, false), depends = nlohmann::json::parse(depends_text.empty() ? "[]" : depends_text, nullptr, false);
  if (!keys.is_array()) return Status::OK();
  for (const auto& entry : keys) {
    IndexKey key;
    const int number = entry[0].get<int>();
    key.expression = number == 0;
    key.column = key.expression ? VectorAmong(relation, depends) : PositionOf(relation, number);
    key.opclass = entry[1].get<std::string>();
    key.text = entry[4].is_string() ? entry[4].get<std::string>() : "";
    if (index->is_vector()) {
      ARROW_ASSIGN_OR_RAISE(const Type type, ResolveType(client, static_cast<uint32_t>(entry[2].get<int64_t>()), entry[3].get<int32_t>()));
      key.kind = type.kind;
      key.dims = type.typmod;
    }
    index->keys.push_back(std::move(key));
  }
  return Status::OK();
}

Status LoadIndexes(Client& client, Relation* relation) {
  ARROW_ASSIGN_OR_RAISE(const Answer rows, Ask(client, kIndexSql, {std::to_string(relation->oid)}));
  for (int i = 0; i < rows.rows(); ++i) {
    Index index;
    index.name = rows.Text(i, 0);
    index.method = rows.Text(i, 1);
    index.unique = rows.Bool(i, 2);
    index.primary = rows.Bool(i, 3);
    index.valid = rows.Bool(i, 4);
    index.predicate = rows.Text(i, 5);
    const auto options = nlohmann::json::parse(rows.Get(i, 6), nullptr, false);
    if (options.is_array()) {
      for (const auto& option : options) {
        const std::string text = option.get<std::string>();
        index.options[text.substr(0, text.find('='))] = text.substr(std::min(text.find('='), text.size() - 1) + 1);
      }
    }
    index.definition = rows.Text(i, 7);
    ARROW_RETURN_NOT_OK(ParseKeys(client, *relation, rows.Get(i, 8), rows.Get(i, 9), &index));
    if (index.primary) {
      for (const IndexKey& key : index.keys) relation->primary_key.push_back(key.column);
    }
    relation->indexes.push_back(std::move(index));
  }
  return Status::OK();
}

/// Leaves of partitions, and children of tables that others inherit from, with the table itself where it holds rows.
Status LoadParts(Client& client, Relation* relation) {
  if (relation->kind != 'r' && relation->kind != 'p' && relation->kind != 'm') return Status::OK();
  ARROW_ASSIGN_OR_RAISE(const Answer rows, Ask(client,
      "WITH RECURSIVE tree(oid) AS (SELECT $1::oid UNION SELECT i.inhrelid FROM pg_catalog.pg_inherits i JOIN tree t ON t.oid = i.inhparent) "
      "SELECT c.oid, n.nspname, c.relname, pg_catalog.pg_relation_size(c.oid) / pg_catalog.current_setting('block_size')::int8, c.reltuples::float8, "
      "pg_catalog.pg_total_relation_size(c.oid), c.relkind FROM tree t JOIN pg_catalog.pg_class c ON c.oid = t.oid "
      "JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind IN ('r','m','f') ORDER BY n.nspname, c.relname",
      {std::to_string(relation->oid)}));
  double total = 0;
  int64_t bytes = 0;
  bool foreign = false;
  for (int i = 0; i < rows.rows(); ++i) {
    Part part;
    part.oid = static_cast<uint32_t>(rows.Int(i, 0));
    part.name = {rows.Text(i, 1), rows.Text(i, 2), true, true};
    part.pages = rows.Int(i, 3);
    foreign |= rows.Get(i, 6) == "f";
    if (rows.Real(i, 4) > 0) total += rows.Real(i, 4);
    bytes += rows.Int(i, 5);
    relation->parts.push_back(std::move(part));
  }
  if (total > 0) relation->estimated_rows = static_cast<int64_t>(total);
  relation->bytes = bytes;
  // Rows of a foreign partition have no places of ours to be read by.
  if (foreign) relation->parts.clear();
  return Status::OK();
}

}  // namespace

int Relation::Find(std::string_view column) const {
  for (size_t i = 0; i < columns.size(); ++i) {
    if (columns[i].name == column) return static_cast<int>(i);
  }
  return -1;
}

std::string Relation::FromSql() const { return kind == 'q' ? fmt::format("({}) AS \"q\"", query) : name.Sql(); }

const Index* Relation::UniqueIndex() const {
  const Index* best = nullptr;
  for (const Index& index : indexes) {
    if (!index.unique || index.primary || !index.valid || !index.predicate.empty() || index.method != "btree") continue;
    const bool whole = std::all_of(index.keys.begin(), index.keys.end(), [&](const IndexKey& key) {
      return !key.expression && key.column >= 0 && columns[static_cast<size_t>(key.column)].not_null;
    });
    if (whole && (!best || index.keys.size() < best->keys.size())) best = &index;
  }
  return best;
}

const Index* Relation::VectorIndexOf(int column) const {
  const Index* best = nullptr;
  for (const Index& index : indexes) {
    if (!index.is_vector() || index.keys.empty() || index.keys[0].column != column) continue;
    if (!best || (index.valid && !best->valid)) best = &index;
  }
  return best;
}

Result<std::optional<Relation>> FindRelation(Client& client, const RelationName& name) {
  std::vector<std::pair<std::string, std::string>> spellings = {{name.schema, name.table}};
  const auto folded = [](const std::string& part, bool quoted) { return quoted ? part : ToLower(part); };
  spellings.emplace_back(folded(name.schema, name.schema_quoted), folded(name.table, name.table_quoted));
  for (const auto& [schema, table] : spellings) {
    ARROW_ASSIGN_OR_RAISE(const Answer found, Ask(client, kFindSql, {schema, table}));
    if (found.rows() == 0) continue;
    Relation relation;
    relation.oid = static_cast<uint32_t>(found.Int(0, 0));
    relation.name = {found.Text(0, 1), found.Text(0, 2), true, true};
    relation.kind = found.Text(0, 3)[0];
    if (found.Real(0, 4) >= 0 && relation.kind != 'v') relation.estimated_rows = static_cast<int64_t>(found.Real(0, 4));
    relation.visible = found.Bool(0, 5);
    relation.has_children = found.Bool(0, 6) && relation.kind == 'r';
    if (!found.IsNull(0, 7)) relation.bytes = found.Int(0, 7);
    relation.comment = found.Text(0, 8);
    relation.analysed = found.Bool(0, 9);
    ARROW_RETURN_NOT_OK(LoadColumns(client, &relation));
    ARROW_RETURN_NOT_OK(LoadIndexes(client, &relation));
    ARROW_RETURN_NOT_OK(LoadParts(client, &relation));
    return relation;
  }
  return std::nullopt;
}

Result<Relation> DescribeQuery(Client& client, const std::string& query) {
  Relation relation;
  relation.kind = 'q';
  relation.query = query;
  while (!relation.query.empty() && (relation.query.back() == ';' || relation.query.back() == ' ')) relation.query.pop_back();
  ARROW_ASSIGN_OR_RAISE(const Answer shape, client.Describe(fmt::format("SELECT * FROM {} LIMIT 0", relation.FromSql()), "looking at the query"));
  std::set<std::string> names;
  for (int i = 0; i < shape.columns(); ++i) {
    Column column;
    column.name = shape.ColumnName(i);
    if (!names.insert(column.name).second) {
      return MakeError(Category::usage, fmt::format("the query gives two columns named '{}'", Printable(column.name, 100)), "name one of them otherwise with AS");
    }
    column.type.oid = shape.TypeOf(i);
    column.type.typmod = shape.TypmodOf(i);
    column.number = i + 1;
    relation.columns.push_back(std::move(column));
  }
  if (relation.columns.empty()) return MakeError(Category::usage, "the query gives no columns", "name a SELECT");
  ARROW_RETURN_NOT_OK(ResolveTypes(client, &relation));
  return relation;
}

Status NoSuchRelation(Client& client, const RelationName& name) {
  ARROW_ASSIGN_OR_RAISE(const auto listed, ListRelations(client));
  std::vector<std::string> names;
  for (const Listed& entry : listed) names.push_back((entry.name.schema.empty() ? "" : entry.name.schema + ".") + entry.name.table);
  // The quotes that a capital letter asks for are not what was mistyped.
  const std::string word = (name.schema.empty() ? "" : name.schema + ".") + name.table;
  return MakeError(Category::not_found, fmt::format("there is no table {}{}", Printable(word, 200), Suggestion(word, names)),
                   "`vecferry inspect` without '#' lists those with vectors");
}

Result<std::vector<Listed>> ListRelations(Client& client) {
  ARROW_ASSIGN_OR_RAISE(const Answer rows, Ask(client,
      "SELECT CASE WHEN pg_catalog.pg_table_is_visible(c.oid) THEN '' ELSE n.nspname END, c.relname, c.relkind, c.reltuples::float8, "
      "pg_catalog.string_agg(a.attname || ' ' || pg_catalog.format_type(a.atttypid, a.atttypmod), ', ' ORDER BY a.attnum) "
      "FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace "
      "JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped "
      "JOIN pg_catalog.pg_type t ON t.oid = a.atttypid "
      "JOIN pg_catalog.pg_depend d ON d.classid = 'pg_catalog.pg_type'::regclass AND d.objid = t.oid AND d.deptype = 'e' "
      "JOIN pg_catalog.pg_extension e ON e.oid = d.refobjid AND e.extname = 'vector' "
      "WHERE c.relkind IN ('r','p','v','m','f') AND NOT c.relispartition AND n.nspname NOT LIKE 'pg\\_temp\\_%' "
      "GROUP BY c.oid, n.nspname, c.relname, c.relkind, c.reltuples ORDER BY 1, 2", {}));
  std::vector<Listed> listed;
  for (int i = 0; i < rows.rows(); ++i) {
    Listed entry;
    entry.name = {rows.Text(i, 0), rows.Text(i, 1), true, true};
    entry.kind = rows.Text(i, 2)[0];
    if (rows.Real(i, 3) >= 0) entry.estimated_rows = static_cast<int64_t>(rows.Real(i, 3));
    entry.vectors = rows.Text(i, 4);
    listed.push_back(std::move(entry));
  }
  return listed;
}

Result<std::optional<VectorExtension>> FindVectorExtension(Client& client) {
  ARROW_ASSIGN_OR_RAISE(const Answer rows, Ask(client,
      "SELECT n.nspname, e.extversion FROM pg_catalog.pg_extension e JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace WHERE e.extname = 'vector'", {}));
  if (rows.rows() == 0) return std::nullopt;
  return VectorExtension{rows.Text(0, 0), rows.Text(0, 1)};
}

Result<std::string> DatabaseIdentity(Client& client) {
  ARROW_ASSIGN_OR_RAISE(const Answer database, Ask(client, "SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database()", {}));
  // Where an administrator took the function away, the address has to do.
  const bool inside = client.in_transaction();
  if (inside) ARROW_RETURN_NOT_OK(client.Exec("SAVEPOINT vecferry_identity", Act::read, kWhat).status());
  const auto system = Ask(client, "SELECT system_identifier FROM pg_catalog.pg_control_system()", {});
  if (inside) ARROW_RETURN_NOT_OK(client.Exec("ROLLBACK TO SAVEPOINT vecferry_identity", Act::read, kWhat).status());
  if (!system.ok() && !client.alive()) return system.status();
  return fmt::format("postgresql:{}/{}", system.ok() ? system->Text(0, 0) : client.host(), database.Text(0, 0));
}

std::string DatasetIdentity(const std::string& database, const RelationName& name, const std::string& collection) {
  return fmt::format("{}/{}{}", database, name.Sql(), collection.empty() ? "" : "/" + QuoteText(collection));
}

Result<std::string> CurrentSchema(Client& client) {
  ARROW_ASSIGN_OR_RAISE(const Answer row, Ask(client, "SELECT pg_catalog.current_schema()", {}));
  return row.Text(0, 0);
}

Result<int64_t> FileNode(Client& client, uint32_t oid) {
  ARROW_ASSIGN_OR_RAISE(const Answer row, Ask(client, "SELECT pg_catalog.pg_relation_filenode($1::oid)::int8", {std::to_string(oid)}));
  return row.Int(0, 0);
}

}  // namespace vecferry::postgresql
