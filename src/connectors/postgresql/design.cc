#include "connectors/postgresql/design.h"

#include <algorithm>
#include <array>
#include <set>

#include <fmt/format.h>

#include "base/text.h"
#include "connectors/postgresql/types.h"
#include "connectors/postgresql/vector_mark.h"

namespace vecferry::postgresql {
namespace {

using Role = TableLayout::Role;

constexpr int kMostDims = 16000;

std::string IdType(const RecordSchema& schema, const TableLayout::Column& column, const TableWish& wish) {
  const auto spelled = [](const std::string& type) {
    if (type == "numeric") return std::string("numeric(20,0)");
    return type == "text" ? std::string("text COLLATE \"C\"") : type;
  };
  if (!wish.id_type.empty()) return spelled(wish.id_type);
  // An application's own type stays; a text is what the ids make of it.
  if (column.type != "text") return column.type;
  switch (schema.id_kind) {
    case IdKind::i64: return "bigint";
    case IdKind::u64: return spelled("numeric");
    case IdKind::uuid: return "uuid";
    default: return spelled("text");
  }
}

Result<std::string> VectorType(const VectorSpec& spec, const TableWish& wish, const std::string& extension_schema) {
  const auto kind = KindFor(spec);
  if (!kind) return MakeError(Category::unsupported, fmt::format("{}: pgvector has no type for such vectors", Printable(spec.column(), 200)), "leave it out with --map, or convert it");
  const std::string name = *kind == Kind::bit ? "bit" : QuoteName(extension_schema) + "." + std::string(Name(*kind));
  if (spec.kind == VectorKind::sparse) return fmt::format("{}({})", name, wish.sparse_dims);
  if (*kind != Kind::bit && spec.dims > kMostDims) {
    return MakeError(Category::unsupported, fmt::format("{}: {} dimensions, and {} is the most", Printable(spec.column(), 200), spec.dims, kMostDims), "reduce them with --reduce");
  }
  return fmt::format("{}({})", name, spec.dims);
}

class Designer {
 public:
  Designer(const RecordSchema& schema, const TableLayout& layout, const TableWish& wish, std::string extension_schema, std::string schema_name)
      : schema_(schema), table_(layout), wish_(wish), extension_(std::move(extension_schema)), schema_name_(std::move(schema_name)) {}

  Result<TableDesign> Make() {
    for (const auto& column : table_.columns) ARROW_RETURN_NOT_OK(Add(column));
    if (schema_.has_tenant && design_.tenant.empty()) ARROW_RETURN_NOT_OK(AddTenant({"tenant", Role::tenant, "text"}));
    if (schema_.has_document && !document_) ARROW_RETURN_NOT_OK(AddColumn("document", "text"));
    for (size_t i = 0; i < schema_.vectors.size(); ++i) {
      if (!placed_.contains(i)) ARROW_RETURN_NOT_OK(AddVector(schema_.vectors[i].name.empty() ? "embedding" : schema_.vectors[i].name, i, false));
    }
    ARROW_RETURN_NOT_OK(AddFields());
    if (!design_.tenant.empty()) design_.key = {design_.tenant, id_};
    else design_.key = {id_};
    return std::move(design_);
  }

 private:
  Status AddColumn(const std::string& name, const std::string& type, bool not_null = false, const std::string& default_sql = {}) {
    if (name.empty() || name.size() > 63 || name.find('\0') != std::string::npos) {
      return MakeError(Category::unsupported, fmt::format("'{}' cannot be a column's name", Printable(name, 200)), "name it otherwise with --map");
    }
    if (!names_.insert(name).second) {
      return MakeError(Category::unsupported, fmt::format("two columns would have the name '{}'", Printable(name, 200)), "name one of them otherwise with --map, or choose another layout");
    }
    design_.columns.push_back(QuoteName(name) + " " + type + (not_null ? " NOT NULL" : "") + (default_sql.empty() ? "" : " DEFAULT " + default_sql));
    return Status::OK();
  }

  /// A column of an unusual name says what it takes, for who comes without the options that said so.
  void Say(const TableLayout::Column& column, const char* role, const char* usual) {
    if (column.name != usual) design_.comments.emplace_back(column.name, RoleMark(role));
  }

  Status Add(const TableLayout::Column& column) {
    switch (column.role) {
      case Role::id:
        id_ = column.name;
        Say(column, "id", "id");
        design_.primary = column.primary_key;
        return AddId(column);
      case Role::tenant: return schema_.has_tenant ? AddTenant(column) : Status::OK();
      case Role::document:
        document_ = true;
        if (schema_.has_document || column.required) Say(column, "document", "document");
        return schema_.has_document || column.required ? AddColumn(column.name, column.type, column.not_null) : Status::OK();
      case Role::metadata:
        design_.metadata = column.type == "jsonb" ? column.name : "";
        Say(column, "metadata", "metadata");
        return AddColumn(column.name, column.type, column.not_null, column.default_sql);
      case Role::vector: return AddMainVector(column);
      case Role::field: return AddColumn(column.name, TypeOfField(column.name, column.type), column.not_null, column.default_sql);
      case Role::surrogate: return AddColumn(column.name, column.type + (column.primary_key ? " PRIMARY KEY" : ""), column.not_null);
      case Role::group: {
        const auto& groups = *table_.groups;
        const std::string table = (schema_name_.empty() ? "" : QuoteName(schema_name_) + ".") + QuoteName(groups.table);
        return AddColumn(column.name, fmt::format("{} REFERENCES {} ({}) ON DELETE CASCADE", column.type, table, QuoteName(groups.key)), column.not_null);
      }
    }
    return Status::OK();
  }

  Status AddId(const TableLayout::Column& column) {
    const std::string type = IdType(schema_, column, wish_);
    const bool check = schema_.id_kind == IdKind::u64 && (type.starts_with("numeric") || type == "bigint");
    return AddColumn(column.name, type + (check ? fmt::format(" CHECK ({} >= 0)", QuoteName(column.name)) : ""), true);
  }

  /// A record without a tenant has the empty one: a key takes no null.
  Status AddTenant(const TableLayout::Column& column) {
    design_.tenant = column.name;
    Say(column, "tenant", "tenant");
    return AddColumn(column.name, "text COLLATE \"C\"", true, "''");
  }

  /// The unnamed vector, else the one of the column's name, else the only one there is.
  Status AddMainVector(const TableLayout::Column& column) {
    for (size_t i = 0; i < schema_.vectors.size(); ++i) {
      if (schema_.vectors[i].name.empty() || schema_.vectors[i].name == column.name) return AddVector(column.name, i, column.not_null);
    }
    if (schema_.vectors.size() == 1) return AddVector(column.name, 0, column.not_null);
    return Status::OK();
  }

  Status AddVector(const std::string& name, size_t at, bool not_null) {
    const VectorSpec& spec = schema_.vectors[at];
    placed_.insert(at);
    ARROW_ASSIGN_OR_RAISE(const std::string type, VectorType(spec, wish_, extension_));
    design_.vectors.push_back({name, std::string(Name(*KindFor(spec))), spec});
    design_.comments.emplace_back(name, VectorMark(spec));
    return AddColumn(name, type, not_null);
  }

  std::string TypeOfField(const std::string& name, const std::string& otherwise) const {
    const auto at = std::find_if(wish_.fields.begin(), wish_.fields.end(), [&](const auto& field) { return field.first == name; });
    return at == wish_.fields.end() ? otherwise : at->second;
  }

  Status AddFields() {
    for (const auto& [name, type] : wish_.fields) {
      if (!names_.contains(name)) ARROW_RETURN_NOT_OK(AddColumn(name, type));
    }
    return Status::OK();
  }

  const RecordSchema& schema_;
  const TableLayout& table_;
  const TableWish& wish_;
  const std::string extension_, schema_name_;
  TableDesign design_;
  std::set<std::string> names_;
  std::set<size_t> placed_;
  std::string id_;
  bool document_ = false;
};

/// Only what can be a type's name, with its modifiers: the option becomes part of a statement.
bool IsTypeName(std::string_view type) {
  return !type.empty() && type.size() < 128 && std::all_of(type.begin(), type.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == ' ' || c == '.' || c == '(' || c == ')' || c == ',' || c == '[' || c == ']';
  });
}

}  // namespace

Result<TableWish> TableWishOf(const std::map<std::string, std::string>& options) {
  TableWish wish;
  const auto text = [&](const char* name) {
    const auto at = options.find(name);
    return at == options.end() ? std::string() : at->second;
  };
  wish.id_type = text("id-type");
  if (wish.id_type == "auto") wish.id_type.clear();
  if (const auto dims = text("sparse-dims"); !dims.empty()) {
    ARROW_ASSIGN_OR_RAISE(wish.sparse_dims, ParseInt(dims));
    if (wish.sparse_dims < 1 || wish.sparse_dims > 1000000000) return MakeError(Category::usage, "sparse-dims is from 1 to 1000000000");
  }
  std::string_view fields = options.contains("fields") ? std::string_view(options.at("fields")) : std::string_view();
  while (!fields.empty()) {
    const std::string_view one = fields.substr(0, fields.find(';'));
    fields.remove_prefix(std::min(fields.size(), one.size() + 1));
    const size_t colon = one.rfind(':');
    if (colon == std::string_view::npos || colon == 0 || !IsTypeName(one.substr(colon + 1))) {
      return MakeError(Category::usage, fmt::format("fields: '{}' is not FIELD:TYPE", Printable(one, 200)), "write fields=year:integer;seen:timestamptz");
    }
    wish.fields.emplace_back(one.substr(0, colon), one.substr(colon + 1));
  }
  return wish;
}

Result<TableDesign> DesignTable(const RecordSchema& schema, const TableLayout& layout, const TableWish& wish, const std::string& extension_schema, const RelationName& name) {
  if (!layout.fixed_table.empty() && name.table != layout.fixed_table) {
    return MakeError(Category::usage, fmt::format("this layout keeps its records in the table {}", layout.fixed_table), "name that table, or another layout");
  }
  if (!name.table.starts_with(layout.table_prefix)) {
    return MakeError(Category::usage, fmt::format("tables of this layout have names that begin with {}", layout.table_prefix), "name the table so, or another layout");
  }
  return Designer(schema, layout, wish, extension_schema, name.schema).Make();
}

std::string TableDesign::CreateSql(const RelationName& name, const std::string& mark) const {
  std::string sql = "CREATE TABLE " + name.Sql() + " (";
  for (size_t i = 0; i < columns.size(); ++i) sql += (i == 0 ? "" : ", ") + columns[i];
  std::string key_list;
  for (const auto& column : key) key_list += (key_list.empty() ? "" : ", ") + QuoteName(column);
  if (primary) sql += ", PRIMARY KEY (" + key_list + ")";
  sql += ")";
  if (!primary) sql += fmt::format("; CREATE UNIQUE INDEX {} ON {} ({})", QuoteName(RunKeyName(name)), name.Sql(), key_list);
  sql += fmt::format("; COMMENT ON TABLE {} IS {}", name.Sql(), QuoteText(mark));
  for (const auto& [column, comment] : comments) sql += fmt::format("; COMMENT ON COLUMN {}.{} IS {}", name.Sql(), QuoteName(column), QuoteText(comment));
  return sql;
}

std::string RunKeyName(const RelationName& name) { return ShortName(name.table, "vecferry_key"); }

}  // namespace vecferry::postgresql
