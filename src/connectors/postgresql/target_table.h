#pragma once
#include <optional>
#include <string>
#include <vector>

#include "connector/connector.h"
#include "connectors/postgresql/catalog.h"
#include "record/schema.h"

/// A table that records are written into: which column takes what.
namespace vecferry::postgresql {

struct TargetColumn {
  enum class Role { id, tenant, document, metadata, vector, field, group };
  std::string name;
  Role role = Role::field;
  Type type;
  bool not_null = false;
  bool has_default = false;     ///< takes no NULL, and is filled by the server where the record has no value
  bool timestamp = false;       ///< a field whose meaning is a moment, however the record spells it
  size_t vector = 0;            ///< place in the schema's vectors, of Role::vector
  std::string field;            ///< key of the metadata, of Role::field
  std::string constant;         ///< of Role::group: what stands in every row

  bool json() const { return !type.array && (type.kind == Kind::json || type.kind == Kind::jsonb); }
  /// Values travel as text into a staging table and are cast there.
  bool cast() const { return type.as_text(); }
};

struct TargetTable {
  RelationName name;            ///< with its schema
  std::vector<TargetColumn> columns;   ///< those that are written
  std::vector<std::string> key;        ///< columns of the unique index that tells records apart: tenant and id, or id

  std::string Sql() const { return name.Sql(); }
  const TargetColumn* Find(TargetColumn::Role role) const;
  bool NeedsCast() const;
  /// The column of a metadata field, nullptr where it has none.
  const TargetColumn* FieldColumn(std::string_view key) const;
};

}  // namespace vecferry::postgresql
