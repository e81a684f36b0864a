#include "connectors/postgresql/catalog_types.h"

#include <map>
#include <set>

#include <fmt/format.h>

namespace vecferry::postgresql {
namespace {

struct Row {
  std::string typname, extension, schema;
  char typtype = 'b';
  bool is_array = false;
  uint32_t element = 0, base = 0;
  int32_t base_typmod = -1;
};
using Rows = std::map<uint32_t, Row>;

/// The rows of pg_type for those oids, and for what arrays and domains among them are made of.
Result<Rows> LoadRows(Client& client, std::set<uint32_t> wanted) {
  Rows rows;
  while (!wanted.empty()) {
    std::string list = "{";
    for (const uint32_t oid : wanted) list += (list.size() > 1 ? "," : "") + std::to_string(oid);
    list += "}";
    wanted.clear();
    ARROW_ASSIGN_OR_RAISE(const Answer found, client.ExecParams(
        "SELECT t.oid, t.typname, t.typtype, t.typcategory = 'A' AND t.typelem <> 0 AND t.typlen = -1 AND t.typname NOT IN ('int2vector','oidvector'), "
        "t.typelem, t.typbasetype, t.typtypmod, n.nspname, "
        "(SELECT e.extname FROM pg_catalog.pg_depend d JOIN pg_catalog.pg_extension e ON e.oid = d.refobjid WHERE d.classid = 'pg_catalog.pg_type'::regclass "
        " AND d.objid = t.oid AND d.refclassid = 'pg_catalog.pg_extension'::regclass AND d.deptype = 'e' LIMIT 1) "
        "FROM pg_catalog.pg_type t JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace WHERE t.oid = ANY($1::oid[])", {{list}}, Act::read, "looking at types"));
    for (int i = 0; i < found.rows(); ++i) {
      Row row;
      row.typname = found.Text(i, 1);
      row.typtype = found.Text(i, 2)[0];
      row.is_array = found.Bool(i, 3);
      row.element = static_cast<uint32_t>(found.Int(i, 4));
      row.base = static_cast<uint32_t>(found.Int(i, 5));
      row.base_typmod = static_cast<int32_t>(found.Int(i, 6));
      row.schema = found.Text(i, 7);
      row.extension = found.Text(i, 8);
      for (const uint32_t next : {row.is_array ? row.element : 0, row.base}) {
        if (next != 0 && !rows.contains(next)) wanted.insert(next);
      }
      rows[static_cast<uint32_t>(found.Int(i, 0))] = std::move(row);
    }
  }
  return rows;
}

/// The type that a domain is over, in the end.
uint32_t BaseOf(const Rows& rows, uint32_t oid, int32_t* typmod) {
  for (auto at = rows.find(oid); at != rows.end() && at->second.typtype == 'd'; at = rows.find(oid)) {
    oid = at->second.base;
    if (*typmod < 0) *typmod = at->second.base_typmod;
  }
  return oid;
}

/// Core types are those of pg_catalog, whatever else bears their name.
Kind KindOfRow(const Row& row) {
  if (row.typtype != 'b') return Kind::other;
  if (row.extension.empty() && row.schema != "pg_catalog") return Kind::other;
  return KindOf(row.typname, row.extension);
}

void Resolve(const Rows& rows, Type* type) {
  if (const auto at = rows.find(type->oid); at != rows.end()) type->short_name = at->second.typname;
  uint32_t oid = BaseOf(rows, type->oid, &type->typmod);
  type->base_oid = oid;
  auto at = rows.find(oid);
  if (at == rows.end()) return;
  if (at->second.is_array) {
    type->array = true;
    type->element_oid = at->second.element;
    oid = BaseOf(rows, at->second.element, &type->typmod);
    at = rows.find(oid);
    if (at == rows.end()) return;
  }
  type->kind = KindOfRow(at->second);
  // Arrays of vectors and of what has no binary form here travel as text.
  if (type->array && (type->kind == Kind::other || type->kind == Kind::vector || type->kind == Kind::halfvec || type->kind == Kind::sparsevec || type->kind == Kind::bit)) {
    type->kind = Kind::other;
  }
}

Status LoadNames(Client& client, const std::vector<Type*>& types) {
  std::string oids = "{", typmods = "{";
  for (const Type* type : types) {
    oids += (oids.size() > 1 ? "," : "") + std::to_string(type->oid);
    typmods += (typmods.size() > 1 ? "," : "") + std::to_string(type->typmod);
  }
  oids += "}", typmods += "}";
  ARROW_ASSIGN_OR_RAISE(const Answer names, client.ExecParams(
      "SELECT pg_catalog.format_type(o, t) FROM ROWS FROM (pg_catalog.unnest($1::oid[]), pg_catalog.unnest($2::int4[])) WITH ORDINALITY AS x(o, t, n) ORDER BY n",
      {{oids}, {typmods}}, Act::read, "looking at types"));
  for (int i = 0; i < names.rows() && static_cast<size_t>(i) < types.size(); ++i) types[static_cast<size_t>(i)]->name = names.Text(i, 0);
  return Status::OK();
}

Status ResolveAll(Client& client, const std::vector<Type*>& types) {
  if (types.empty()) return Status::OK();
  ARROW_RETURN_NOT_OK(LoadNames(client, types));
  std::set<uint32_t> wanted;
  for (const Type* type : types) wanted.insert(type->oid);
  ARROW_ASSIGN_OR_RAISE(const Rows rows, LoadRows(client, std::move(wanted)));
  for (Type* type : types) Resolve(rows, type);
  return Status::OK();
}

}  // namespace

Status ResolveTypes(Client& client, Relation* relation) {
  std::vector<Type*> types;
  for (Column& column : relation->columns) types.push_back(&column.type);
  return ResolveAll(client, types);
}

Result<Type> ResolveType(Client& client, uint32_t oid, int32_t typmod) {
  Type type;
  type.oid = oid;
  type.typmod = typmod;
  ARROW_RETURN_NOT_OK(ResolveAll(client, {&type}));
  return type;
}

}  // namespace vecferry::postgresql
