#include <algorithm>
#include <array>

#include <fmt/format.h>
#include <simdjson.h>

#include "base/text.h"
#include "connectors/csv/table.h"
#include "record/json.h"

namespace vecferry::csv {
namespace {

using Role = Column::Role;
constexpr int64_t kVersion = 1;
constexpr size_t kMaxSettings = size_t{16} << 20;

constexpr std::array<std::pair<Role, std::string_view>, 8> kRoles = {{{Role::id, "id"}, {Role::tenant, "tenant"}, {Role::document, "document"}, {Role::metadata, "metadata"},
                                                                      {Role::vector, "vector"}, {Role::extra, "extra"}, {Role::field, "field"}, {Role::ignored, "ignored"}}};

std::string_view NameOfRole(Role role) {
  return std::find_if(kRoles.begin(), kRoles.end(), [&](const auto& each) { return each.first == role; })->second;
}

void AppendColumn(const Table& table, const Column& column, std::string* out) {
  *out += "{\"name\":";
  AppendJsonString(column.name, out);
  *out += fmt::format(",\"role\":\"{}\"", NameOfRole(column.role));
  if (column.role == Role::vector || column.role == Role::extra) {
    *out += ",\"of\":";
    AppendJsonString(column.role == Role::vector ? table.schema.vectors[column.index].column() : table.schema.extras[column.index], out);
  }
  if (column.size > 0) *out += fmt::format(",\"size\":{}", column.size);
  if (column.role == Role::field && column.type) *out += fmt::format(",\"type\":\"{}\"", NameOf(*column.type));
  *out += '}';
}

Status Corrupt(std::string_view what) {
  return MakeError(Category::corrupt, fmt::format("the side-car is not what it should be: {}", what), "remove it and name the columns by options");
}

Status ReadOf(simdjson::dom::element element, Table* table, Column* column) {
  std::string_view of;
  if (element["of"].get(of)) return Corrupt("a column that does not say what it holds");
  const RecordSchema& schema = table->schema;
  if (column->role == Role::vector) {
    const auto found = std::find_if(schema.vectors.begin(), schema.vectors.end(), [&](const VectorSpec& spec) { return spec.column() == of; });
    if (found == schema.vectors.end()) return Corrupt("a column of a vector that the schema does not have");
    column->index = static_cast<size_t>(found - schema.vectors.begin());
  } else {
    const auto found = std::find(schema.extras.begin(), schema.extras.end(), of);
    if (found == schema.extras.end()) return Corrupt("a column of an extra that the schema does not have");
    column->index = static_cast<size_t>(found - schema.extras.begin());
  }
  return Status::OK();
}

Status ReadColumn(simdjson::dom::element element, Table* table) {
  Column column;
  std::string_view name, role, type;
  if (element["name"].get(name) || element["role"].get(role)) return Corrupt("a column without name or role");
  const auto known = std::find_if(kRoles.begin(), kRoles.end(), [&](const auto& each) { return each.second == role; });
  if (known == kRoles.end()) return Corrupt("a role that is not known");
  column.name = name;
  column.role = known->first;
  if (column.role == Role::vector || column.role == Role::extra) ARROW_RETURN_NOT_OK(ReadOf(element, table, &column));
  if (element["size"].get(column.size) || column.size < 0) column.size = 0;
  // A column that never had a value has no type.
  if (column.role == Role::field && !element["type"].get(type)) {
    ARROW_ASSIGN_OR_RAISE(column.type, TypeOfName(type));
  }
  table->columns.push_back(std::move(column));
  return Status::OK();
}

/// Every part of the record has one column, and no two.
Status CheckWhole(const Table& table) {
  const auto count = [&](Role role) { return std::count_if(table.columns.begin(), table.columns.end(), [&](const Column& column) { return column.role == role; }); };
  if (count(Role::id) != 1 || count(Role::metadata) > 1 || count(Role::tenant) != table.schema.has_tenant || count(Role::document) != table.schema.has_document) {
    return Corrupt("the columns do not hold the record");
  }
  std::vector<int> vectors(table.schema.vectors.size()), extras(table.schema.extras.size());
  for (const Column& column : table.columns) {
    if (column.role == Role::vector) ++vectors[column.index];
    if (column.role == Role::extra) ++extras[column.index];
  }
  const auto once = [](const std::vector<int>& counts) { return std::all_of(counts.begin(), counts.end(), [](int n) { return n == 1; }); };
  if (!once(vectors) || !once(extras)) return Corrupt("the columns do not hold the record");
  for (const VectorSpec& spec : table.schema.vectors) {
    if (spec.kind != VectorKind::sparse && spec.dims <= 0) return Corrupt("a vector of no dimensions");
    if (spec.kind != VectorKind::dense && spec.element != Element::f32) return Corrupt("a sparse or multi-vector that is not f32");
  }
  return Status::OK();
}

Status ReadSettings(simdjson::dom::element root, Table* table) {
  simdjson::dom::object settings;
  if (root["settings"].get(settings)) return Status::OK();
  size_t bytes = 0;
  for (const auto field : settings) {
    std::string_view text;
    if (field.value.get(text) || (bytes += field.key.size() + text.size()) > kMaxSettings) return Corrupt("settings that are no texts, or too many");
    table->settings.emplace(field.key, text);
  }
  return Status::OK();
}

}  // namespace

std::string SideCarOf(const Table& table) {
  std::string out = fmt::format("{{\"vecferry\":{},\"format\":\"csv\",\"columns\":[", kVersion);
  for (size_t i = 0; i < table.columns.size(); ++i) {
    out += i == 0 ? "\n  " : ",\n  ";
    AppendColumn(table, table.columns[i], &out);
  }
  out += "],\n\"schema\":" + table.schema.ToJson();
  if (!table.layout.empty()) {
    out += ",\n\"layout\":";
    AppendJsonString(table.layout, &out);
  }
  const char* separator = ",\n\"settings\":{";
  for (const auto& [name, text] : table.settings) {
    out += std::exchange(separator, ",");
    AppendJsonString(name, &out);
    out += ':';
    AppendJsonString(text, &out);
  }
  return out + (table.settings.empty() ? "}\n" : "}}\n");
}

Result<Table> ParseSideCar(std::string_view json) {
  simdjson::dom::parser parser;
  simdjson::dom::element root, schema;
  simdjson::dom::array columns;
  int64_t version = 0;
  std::string_view format, layout;
  if (parser.parse(json.data(), json.size()).get(root) || root["vecferry"].get(version) || root["format"].get(format) || root["schema"].get(schema) || root["columns"].get(columns)) {
    return Corrupt("it is no description of a CSV file");
  }
  if (version != kVersion || format != "csv") {
    return MakeError(Category::unsupported, fmt::format("the side-car is of version {} of the format, and {} is known", version, kVersion), "read it with the release that wrote it");
  }
  Table table;
  ARROW_ASSIGN_OR_RAISE(table.schema, RecordSchema::FromJson(simdjson::minify(schema)));
  for (const auto column : columns) {
    if (table.columns.size() >= kMaxColumns) return Corrupt("too many columns");
    ARROW_RETURN_NOT_OK(ReadColumn(column, &table));
  }
  ARROW_RETURN_NOT_OK(CheckWhole(table));
  if (!root["layout"].get(layout) && layout.size() <= 200) table.layout = layout;
  ARROW_RETURN_NOT_OK(ReadSettings(root, &table));
  return table;
}

}  // namespace vecferry::csv
