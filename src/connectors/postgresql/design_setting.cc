#include <algorithm>

#include <nlohmann/json.hpp>

#include "connectors/postgresql/design.h"
#include "connectors/postgresql/types.h"

namespace vecferry::postgresql {
namespace {

using Role = TableLayout::Role;

/// The name in pg_type of a type as SQL spells it; modifiers and brackets do not matter.
std::string_view CoreName(std::string_view type) {
  static constexpr std::pair<std::string_view, std::string_view> kSpelled[] = {
      {"character varying", "varchar"}, {"character", "bpchar"}, {"timestamp with time zone", "timestamptz"}, {"timestamp without time zone", "timestamp"},
      {"time with time zone", "timetz"}, {"time without time zone", "time"}, {"double precision", "float8"}, {"real", "float4"}, {"integer", "int4"},
      {"bigint", "int8"}, {"smallint", "int2"}, {"boolean", "bool"}, {"bit varying", "varbit"}};
  for (const auto& [spelled, name] : kSpelled) {
    if (type.starts_with(spelled)) return name;
  }
  return type.substr(0, type.find_first_of("(["));
}

/// Types of extensions and of the user's own need not be there; their values travel as text.
std::string PortableType(const std::string& type) { return KindOf(CoreName(type), "") == Kind::other ? "text" : type; }

std::string TextOf(const nlohmann::json& object, const char* key) { return object.contains(key) && object[key].is_string() ? object[key].get<std::string>() : ""; }
bool FlagOf(const nlohmann::json& object, const char* key) { return object.contains(key) && object[key].is_boolean() && object[key].get<bool>(); }

}  // namespace

std::optional<TableLayout> LayoutOfSetting(const std::string& setting) {
  const auto json = nlohmann::json::parse(setting, nullptr, false);
  if (!json.is_object() || !json.contains("columns") || !json["columns"].is_array()) return std::nullopt;
  TableLayout layout;
  int ids = 0;
  for (const auto& entry : json["columns"]) {
    if (!entry.is_object() || FlagOf(entry, "generated")) continue;
    TableLayout::Column column;
    column.name = TextOf(entry, "name");
    column.not_null = FlagOf(entry, "not_null");
    column.type = PortableType(TextOf(entry, "type"));
    const std::string role = TextOf(entry, "role");
    if (column.name.empty() || column.type.empty()) return std::nullopt;
    if (role == "id") ++ids, column.role = Role::id, column.primary_key = true;
    else if (role == "document") column.role = Role::document, column.required = false;
    else if (role == "metadata") column.role = Role::metadata;
    else if (role == "tenant") column.role = Role::tenant;
    else if (role == "vector") column.role = Role::vector;
    // A record need not have a field.
    else column.not_null = false;
    layout.columns.push_back(std::move(column));
  }
  // What has no column of its own goes somewhere.
  if (!layout.Find(Role::metadata)) {
    const bool taken = std::any_of(layout.columns.begin(), layout.columns.end(), [](const auto& column) { return column.name == "metadata"; });
    if (!taken) layout.columns.push_back({"metadata", Role::metadata, "jsonb"});
  }
  return ids == 1 ? std::optional(layout) : std::nullopt;
}

}  // namespace vecferry::postgresql
