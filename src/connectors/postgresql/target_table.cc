#include "connectors/postgresql/target_table.h"

#include <algorithm>

namespace vecferry::postgresql {

const TargetColumn* TargetTable::Find(TargetColumn::Role role) const {
  const auto at = std::find_if(columns.begin(), columns.end(), [&](const TargetColumn& column) { return column.role == role; });
  return at == columns.end() ? nullptr : &*at;
}

bool TargetTable::NeedsCast() const {
  return std::any_of(columns.begin(), columns.end(), [](const TargetColumn& column) { return column.cast(); });
}

const TargetColumn* TargetTable::FieldColumn(std::string_view key) const {
  const auto at = std::find_if(columns.begin(), columns.end(), [&](const TargetColumn& column) { return column.role == TargetColumn::Role::field && column.field == key; });
  return at == columns.end() ? nullptr : &*at;
}

}  // namespace vecferry::postgresql
