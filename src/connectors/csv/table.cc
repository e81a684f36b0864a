#include "connectors/csv/table.h"

#include <algorithm>
#include <charconv>
#include <set>

#include <fmt/format.h>

#include "base/text.h"

namespace vecferry::csv {
namespace {

using Role = Column::Role;

/// "vector(768)" and the like, taken apart; nothing where the name is no vector's.
struct VectorType {
  VectorKind kind = VectorKind::dense;
  Element element = Element::f32;
  int64_t number = 0;
};
std::optional<VectorType> VectorTypeOf(std::string_view name) {
  static constexpr std::pair<std::string_view, VectorType> kTypes[] = {
      {"vector", {}}, {"f32", {}}, {"halfvec", {VectorKind::dense, Element::f16}}, {"f16", {VectorKind::dense, Element::f16}},
      {"bf16", {VectorKind::dense, Element::bf16}}, {"u8", {VectorKind::dense, Element::u8}}, {"i8", {VectorKind::dense, Element::i8}},
      {"bit", {VectorKind::dense, Element::bit}}, {"sparsevec", {VectorKind::sparse}}, {"multi", {VectorKind::multi}}};
  const std::string lower = ToLower(name);
  const size_t open = lower.find('(');
  for (const auto& [known, type] : kTypes) {
    if (lower.substr(0, open) != known) continue;
    VectorType found = type;
    if (open == lower.npos) return found;
    const char* end = lower.data() + lower.size();
    const auto [at, error] = std::from_chars(lower.data() + open + 1, end, found.number);
    if (error != std::errc() || at == end || *at != ')' || at + 1 != end || found.number < 1 || found.number > int64_t{1} << 32) return std::nullopt;
    if (found.kind != VectorKind::sparse && found.number > 1'000'000) return std::nullopt;
    return found;
  }
  return std::nullopt;
}

bool IsOurVector(std::string_view name) {
  return name == "vector" || name.starts_with("vector:") || name.starts_with("sparse:") || name.starts_with("multi:");
}

bool Contains(const std::vector<std::string>& list, std::string_view name) { return std::find(list.begin(), list.end(), name) != list.end(); }

std::string Or(const std::string& name, std::string_view otherwise) { return name.empty() ? std::string(otherwise) : name; }

const std::string* TypeIn(const Wishes& wishes, const std::string& name) {
  const auto found = wishes.types.find(name);
  return found == wishes.types.end() ? nullptr : &found->second;
}

Status NoColumn(std::string_view what, std::string_view name, const std::vector<std::string>& names) {
  std::vector<std::string> shown;
  for (size_t i = 0; i < std::min<size_t>(names.size(), 40); ++i) shown.push_back(Printable(names[i], 60));
  return MakeError(Category::usage, fmt::format("there is no column '{}' for {}{}", Printable(name, 100), what, Suggestion(name, names)),
                   fmt::format("the columns are {}; name them with id=, document=, metadata=, vector=, tenant=", fmt::join(shown, ", ")));
}

/// A vector that has no name stands where tables of pgvector have theirs.
std::string NameOf(const VectorSpec& spec) { return spec.kind == VectorKind::dense && spec.name.empty() ? "embedding" : spec.column(); }

/// The parts of a schema in the order in which they are written, with the names of their columns.
Result<std::vector<Column>> PartsOf(const RecordSchema& schema, const Wishes& wishes) {
  std::vector<Column> parts = {{Or(wishes.id, "id"), Role::id, 0, 0, {}}};
  if (schema.has_tenant) parts.push_back({Or(wishes.tenant, Or(wishes.layout_tenant, "tenant")), Role::tenant, 0, 0, {}});
  if (schema.has_document) parts.push_back({Or(wishes.document, Or(wishes.layout_document, "document")), Role::document, 0, 0, {}});
  for (size_t i = 0; i < schema.vectors.size(); ++i) {
    const VectorSpec& spec = schema.vectors[i];
    parts.push_back({i < wishes.vectors.size() ? wishes.vectors[i] : NameOf(spec), Role::vector, i, 0, {}});
    if (const std::string* type = TypeIn(wishes, parts.back().name)) {
      const auto wanted = VectorTypeOf(*type);
      if (!wanted || wanted->kind != spec.kind || wanted->element != spec.element || (spec.kind != VectorKind::sparse && wanted->number && wanted->number != spec.dims)) {
        return MakeError(Category::unsupported, fmt::format("the column {} cannot be of type {}: the vectors are {} of {}, {} dimensions", Printable(parts.back().name, 100),
                                                            Printable(*type, 60), Name(spec.kind), Name(spec.element), spec.dims), "leave its type out");
      }
      if (spec.kind == VectorKind::sparse) parts.back().size = wanted->number;
    }
  }
  for (size_t i = 0; i < schema.extras.size(); ++i) parts.push_back({"extra:" + schema.extras[i], Role::extra, i, 0, {}});
  return parts;
}

/// The type of a column of metadata: the one that is wished, else what the source says of the field.
Status SetType(const RecordSchema& schema, const Wishes& wishes, Column* column) {
  if (const std::string* type = TypeIn(wishes, column->name)) {
    ARROW_ASSIGN_OR_RAISE(column->type, TypeOfName(*type));
    return Status::OK();
  }
  const auto native = schema.field_types.find(column->name);
  if (native == schema.field_types.end()) return Status::OK();
  if (const auto type = TypeOfName(native->second); type.ok()) column->type = *type;
  return Status::OK();
}

Status CheckUnique(const std::vector<Column>& columns) {
  std::set<std::string> names;
  for (const Column& column : columns) {
    if (names.insert(column.name).second) continue;
    return MakeError(Category::usage, fmt::format("two columns are named '{}'", Printable(column.name, 100)), "give one of them another name");
  }
  return Status::OK();
}

}  // namespace

bool Table::Has(Column::Role role) const {
  return std::any_of(columns.begin(), columns.end(), [&](const Column& column) { return column.role == role; });
}

Result<Table> TableFor(const RecordSchema& schema, const Wishes& wishes) {
  Table table;
  table.schema = schema;
  ARROW_ASSIGN_OR_RAISE(std::vector<Column> parts, PartsOf(schema, wishes));
  const std::string metadata = Or(wishes.metadata, Or(wishes.layout_metadata, "metadata"));
  const std::vector<std::string>& columns = wishes.columns.empty() ? wishes.layout_columns : wishes.columns;
  if (columns.empty()) {
    const auto vectors = std::find_if(parts.begin(), parts.end(), [](const Column& part) { return part.role == Role::vector || part.role == Role::extra; });
    std::vector<Column> fields;
    if (wishes.fields_as_columns) {
      for (const auto& [name, type] : schema.field_types) fields.push_back({name, Role::field, 0, 0, {}});
    }
    fields.push_back({metadata, Role::metadata, 0, 0, {}});
    parts.insert(vectors, fields.begin(), fields.end());
    table.columns = std::move(parts);
  } else {
    for (const std::string& name : columns) {
      const auto part = std::find_if(parts.begin(), parts.end(), [&](const Column& each) { return each.name == name; });
      if (part != parts.end()) table.columns.push_back(*part);
      else table.columns.push_back({name, name == metadata ? Role::metadata : Role::field, 0, 0, {}});
    }
    for (const Column& part : parts) {
      if (Contains(columns, part.name)) continue;
      return MakeError(Category::refused, fmt::format("the column '{}' of the records is not among the columns that were named", Printable(part.name, 100)),
                       "add it to columns=, or say which column it is with id=, document=, vector=, tenant=");
    }
  }
  ARROW_RETURN_NOT_OK(CheckUnique(table.columns));
  for (Column& column : table.columns) {
    if (column.role == Role::field) ARROW_RETURN_NOT_OK(SetType(schema, wishes, &column));
  }
  return table;
}

namespace {

/// Gives the columns of a file their roles.
class Finder {
 public:
  Finder(const std::vector<std::string>& names, const Wishes& wishes) : names_(names), wishes_(wishes) {}

  Result<Table> Find() {
    for (const std::string& name : names_) table_.columns.push_back({name, name.empty() ? Role::ignored : Role::field, 0, 0, {}});
    ARROW_RETURN_NOT_OK(Assign(Role::id, Or(wishes_.id, "id"), "the id", true));
    ARROW_RETURN_NOT_OK(Assign(Role::document, Or(wishes_.document, Or(wishes_.layout_document, "document")), "the document", !wishes_.document.empty()));
    ARROW_RETURN_NOT_OK(Assign(Role::tenant, Or(wishes_.tenant, Or(wishes_.layout_tenant, "tenant")), "the tenant", !wishes_.tenant.empty()));
    ARROW_RETURN_NOT_OK(Assign(Role::metadata, Or(wishes_.metadata, Or(wishes_.layout_metadata, "metadata")), "the metadata", !wishes_.metadata.empty()));
    ARROW_RETURN_NOT_OK(Vectors());
    ARROW_RETURN_NOT_OK(Types());
    table_.schema.id_kind = wishes_.id_kind.value_or(IdKind::string);
    table_.schema.has_document = table_.Has(Role::document);
    table_.schema.has_tenant = table_.Has(Role::tenant);
    return std::move(table_);
  }

 private:
  Status Assign(Role role, const std::string& name, std::string_view what, bool needed) {
    const auto found = std::find_if(table_.columns.begin(), table_.columns.end(), [&](const Column& column) { return column.name == name; });
    if (found == table_.columns.end()) return needed ? NoColumn(what, name, names_) : Status::OK();
    if (found->role != Role::field) {
      if (needed) return MakeError(Category::usage, fmt::format("the column '{}' cannot be {} too", Printable(name, 100), what), "name another one");
      return Status::OK();
    }
    found->role = role;
    return Status::OK();
  }

  bool IsVector(const Column& column) const {
    if (column.role != Role::field) return false;
    if (!wishes_.vectors.empty()) return Contains(wishes_.vectors, column.name);
    const std::string* type = TypeIn(wishes_, column.name);
    return (type && VectorTypeOf(*type)) || IsOurVector(column.name) || column.name == "embedding";
  }

  Status Vectors() {
    for (const std::string& name : wishes_.vectors) {
      if (!Contains(names_, name)) return NoColumn("a vector", name, names_);
    }
    const auto several = std::count_if(table_.columns.begin(), table_.columns.end(), [&](const Column& column) { return IsVector(column); }) > 1;
    for (Column& column : table_.columns) {
      if (column.role == Role::field && column.name.starts_with("extra:")) {
        column.role = Role::extra;
        column.index = table_.schema.extras.size();
        table_.schema.extras.push_back(column.name.substr(6));
      }
      if (!IsVector(column)) continue;
      column.role = Role::vector;
      column.index = table_.schema.vectors.size();
      ARROW_RETURN_NOT_OK(AddVector(column, several));
    }
    return Status::OK();
  }

  Status AddVector(Column& column, bool several) {
    VectorSpec spec;
    spec.metric = wishes_.metric;
    const size_t colon = column.name.find(':');
    if (IsOurVector(column.name)) spec.name = colon == column.name.npos ? "" : column.name.substr(colon + 1);
    else if (several) spec.name = column.name;
    if (column.name.starts_with("sparse:")) spec.kind = VectorKind::sparse;
    if (column.name.starts_with("multi:")) spec.kind = VectorKind::multi;
    if (const std::string* name = TypeIn(wishes_, column.name)) {
      const auto type = VectorTypeOf(*name);
      if (!type) return MakeError(Category::usage, fmt::format("'{}' is no type of a vector", Printable(*name, 60)), "vector(N), halfvec(N), sparsevec(N), bit(N), u8(N), i8(N), bf16(N), multi(N)");
      spec.kind = type->kind;
      spec.element = type->element;
      if (spec.kind == VectorKind::sparse) column.size = type->number;
      else spec.dims = static_cast<int32_t>(type->number);
    }
    table_.schema.vectors.push_back(std::move(spec));
    return Status::OK();
  }

  Status Types() {
    for (const auto& [name, type] : wishes_.types) {
      const auto found = std::find_if(table_.columns.begin(), table_.columns.end(), [&](const Column& column) { return column.name == name; });
      if (found == table_.columns.end()) return NoColumn("a type", name, names_);
      if (found->role != Role::field) continue;
      ARROW_ASSIGN_OR_RAISE(found->type, TypeOfName(type));
      table_.schema.field_types[name] = type;
    }
    for (Column& column : table_.columns) {
      if (column.role != Role::field || column.type) continue;
      column.type = FieldType::text;
      const auto named = wishes_.layout_types.find(column.name);
      if (named == wishes_.layout_types.end()) continue;
      ARROW_ASSIGN_OR_RAISE(column.type, TypeOfName(named->second));
      table_.schema.field_types.insert(*named);
    }
    return Status::OK();
  }

  const std::vector<std::string>& names_;
  const Wishes& wishes_;
  Table table_;
};

bool SameNames(const Table& table, const std::vector<std::string>& names) {
  return std::equal(table.columns.begin(), table.columns.end(), names.begin(), names.end(), [](const Column& column, const std::string& name) { return column.name == name; });
}

}  // namespace

Result<Table> TableOf(const std::vector<std::string>& names, const Wishes& wishes, const std::optional<Table>& described) {
  if (described && SameNames(*described, names) && !wishes.named) {
    Table table = *described;
    table.described = true;
    for (VectorSpec& spec : table.schema.vectors) {
      if (wishes.metric != Metric::unknown) spec.metric = wishes.metric;
    }
    if (wishes.id_kind) table.schema.id_kind = *wishes.id_kind;
    return table;
  }
  ARROW_ASSIGN_OR_RAISE(Table table, Finder(names, wishes).Find());
  ARROW_RETURN_NOT_OK(CheckUnique(table.columns));
  return table;
}

}  // namespace vecferry::csv
