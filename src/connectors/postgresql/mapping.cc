#include "connectors/postgresql/mapping.h"

#include <algorithm>
#include <set>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "connectors/postgresql/vector_mark.h"
#include "layouts/layouts.h"

namespace vecferry::postgresql {
namespace {

using Role = TableLayout::Role;

/// Bits of fewer than a byte are flags, unless something says that they are a vector.
constexpr int32_t kLeastBits = 8;

const Registry& Layouts() {
  static const Registry registry = [] {
    Registry all;
    RegisterLayouts(all);
    return all;
  }();
  return registry;
}

bool Fits(const TableLayout& table, const Relation& relation) {
  for (const auto& column : table.columns) {
    if (column.required && relation.Find(column.name) < 0) return false;
  }
  if (!table.fixed_table.empty() && relation.name.table != table.fixed_table) return false;
  if (!table.table_prefix.empty() && !relation.name.table.starts_with(table.table_prefix)) return false;
  if (table.more_columns) return true;
  return std::all_of(relation.columns.begin(), relation.columns.end(), [&](const Column& column) {
    return std::any_of(table.columns.begin(), table.columns.end(), [&](const auto& known) { return known.name == column.name; });
  });
}

/// The layout in force: the one named, or the one detected, or the default one.
const Layout* Effective(const Relation& relation, const Layout& layout) {
  const Layout* detected = layout.name == "default" ? DetectLayout(relation) : nullptr;
  return detected ? detected : &layout;
}

class Mapper {
 public:
  Mapper(const Relation& relation, const Options& options, const Layout& layout, const SampledDims& sampled)
      : relation_(relation), options_(options), layout_(*Effective(relation, layout)), table_(layout_.table ? &*layout_.table : nullptr), sampled_(sampled) {}

  Result<Mapping> Make() {
    if (layout_.name != "default") {
      mapping_.layout = layout_.name;
      ARROW_RETURN_NOT_OK(CheckLayout());
    }
    ARROW_RETURN_NOT_OK(ChooseGroup());
    ARROW_ASSIGN_OR_RAISE(mapping_.tenant, Single(options_.tenant, "tenant", Role::tenant));
    ARROW_RETURN_NOT_OK(ChooseId());
    ARROW_RETURN_NOT_OK(ChooseKey());
    ARROW_ASSIGN_OR_RAISE(mapping_.document, Single(options_.document, "document", Role::document));
    ARROW_ASSIGN_OR_RAISE(mapping_.metadata, Single(options_.metadata, "metadata", Role::metadata));
    ARROW_RETURN_NOT_OK(CheckKinds());
    ARROW_RETURN_NOT_OK(ChooseVectors());
    ARROW_RETURN_NOT_OK(ChooseFields());
    FillSchema();
    return std::move(mapping_);
  }

  std::vector<int> VectorColumns() const {
    std::vector<int> found;
    for (size_t i = 0; i < relation_.columns.size(); ++i) {
      if (IsVector(static_cast<int>(i))) found.push_back(static_cast<int>(i));
    }
    return found;
  }
  /// The dimension that type, index or option declare; 0 where nothing does.
  int32_t Declared(int column) const {
    const Type& type = At(column).type;
    if (!type.array && type.typmod > 0) return type.typmod;
    if (options_.dims > 0) return options_.dims;
    const Index* index = relation_.VectorIndexOf(column);
    return index && index->keys[0].dims > 0 ? index->keys[0].dims : 0;
  }

 private:
  const Column& At(int column) const { return relation_.columns[static_cast<size_t>(column)]; }

  Status Missing(std::string_view name, std::string_view option) const {
    std::vector<std::string> names;
    for (const Column& column : relation_.columns) names.push_back(column.name);
    return MakeError(Category::usage, fmt::format("there is no column '{}', which {} names{}", Printable(name, 100), option, Suggestion(name, names)), "`vecferry inspect` lists the columns");
  }
  Status CheckLayout() const {
    if (!table_) return MakeError(Category::usage, fmt::format("the layout {} knows no tables", layout_.name), "name another with layout=, or none");
    for (const auto& column : table_->columns) {
      if (column.required && relation_.Find(column.name) < 0) return Missing(column.name, "the layout " + layout_.name);
    }
    return Status::OK();
  }

  int OfRole(Role role) const {
    if (!table_) return -1;
    for (const auto& column : table_->columns) {
      const int at = column.role == role ? relation_.Find(column.name) : -1;
      if (at >= 0) return at;
    }
    return -1;
  }
  bool HasRole(int column, Role role) const {
    return table_ && std::any_of(table_->columns.begin(), table_->columns.end(), [&](const auto& c) { return c.role == role && c.name == At(column).name; });
  }

  Result<std::vector<int>> Positions(const std::vector<std::string>& names, std::string_view option) const {
    std::vector<int> found;
    for (const auto& name : names) {
      found.push_back(relation_.Find(name));
      if (found.back() < 0) return Missing(name, option);
    }
    return found;
  }
  Result<int> Single(const std::optional<std::string>& named, std::string_view option, Role role) const {
    if (!named) {
      const int found = OfRole(role);
      // A column that only bears the default layout's name may be something else.
      const bool fits = found < 0 || layout_.name != "default" || (role == Role::metadata ? IsJson(found) : IsText(found));
      return fits && !IsId(found) ? found : -1;
    }
    if (named->empty()) return -1;
    const int found = relation_.Find(*named);
    return found < 0 ? Result<int>(Missing(*named, option)) : found;
  }
  bool IsJson(int column) const { return !At(column).type.array && (At(column).type.kind == Kind::json || At(column).type.kind == Kind::jsonb); }
  bool IsText(int column) const { return !At(column).type.array && At(column).type.kind == Kind::text; }
  bool IsId(int column) const { return std::find(mapping_.id.begin(), mapping_.id.end(), column) != mapping_.id.end(); }

  Status ChooseGroup() {
    mapping_.collection = options_.collection;
    if (!table_ || !table_->groups) {
      if (options_.collection.empty()) return Status::OK();
      return MakeError(Category::usage, "collection= names a part of a table that only some layouts have", "name the layout too, layout=langchain-postgres");
    }
    mapping_.group = OfRole(Role::group);
    mapping_.groups = table_->groups;
    return Status::OK();
  }

  /// The columns that say which row it is, where the catalog knows.
  std::vector<int> KnownKey() const {
    if (!relation_.primary_key.empty()) return relation_.primary_key;
    std::vector<int> key;
    if (const Index* index = relation_.UniqueIndex()) {
      for (const IndexKey& part : index->keys) key.push_back(part.column);
    }
    return key;
  }

  Status ChooseId() {
    const std::vector<int> known = KnownKey();
    if (!options_.id.empty()) {
      ARROW_ASSIGN_OR_RAISE(mapping_.id, Positions(options_.id, "id="));
    } else if (const int at = OfRole(Role::id); at >= 0 && layout_.name != "default") {
      mapping_.id = {at};
    } else if (!known.empty()) {
      mapping_.id = WithoutTenant(known);
    } else if (const int id = relation_.Find("id"); id >= 0) {
      mapping_.id = {id};
    } else if (!options_.key.empty()) {
      ARROW_ASSIGN_OR_RAISE(mapping_.id, Positions(options_.key, "key="));
    }
    std::vector<int> told = mapping_.id;
    if (mapping_.tenant >= 0) told.push_back(mapping_.tenant);
    mapping_.unique_ids = !mapping_.id.empty() && IsUnique(told);
    if (mapping_.id.empty() && !relation_.parts.empty()) {
      mapping_.id_is_place = true;
      mapping_.unique_ids = true;
      mapping_.notes.push_back({"no-key", "the table has no key: a record's id is the place of its row, which an UPDATE changes; id= names columns that identify one", -1, true});
      return Status::OK();
    }
    if (mapping_.id.empty()) return MakeError(Category::usage, "nothing says which column identifies a record", "name it with id=COLUMN");
    if (!mapping_.unique_ids) mapping_.notes.push_back({"ids-not-unique", "nothing in the database keeps the ids unique: those that are there twice are looked for first", -1, false});
    return Status::OK();
  }

  /// A key of tenant and id is that of a record.
  std::vector<int> WithoutTenant(std::vector<int> key) const {
    const auto tenant = std::find(key.begin(), key.end(), mapping_.tenant);
    if (key.size() > 1 && tenant != key.end()) key.erase(tenant);
    return key;
  }

  /// Whether the catalog says that no two rows have the same values there.
  bool IsUnique(const std::vector<int>& columns) const {
    if (relation_.has_children) return false;
    const std::set<int> there(columns.begin(), columns.end());
    const auto within = [&](const std::vector<int>& key) { return !key.empty() && std::all_of(key.begin(), key.end(), [&](int c) { return there.contains(c); }); };
    if (within(relation_.primary_key)) return true;
    return std::any_of(relation_.indexes.begin(), relation_.indexes.end(), [&](const Index& index) {
      std::vector<int> key;
      for (const IndexKey& part : index.keys) key.push_back(part.expression || part.column < 0 || !At(part.column).not_null ? -1 : part.column);
      return index.unique && index.valid && index.predicate.empty() && within(key);
    });
  }

  Status ChooseKey() {
    const std::vector<int> known = relation_.has_children ? std::vector<int>{} : KnownKey();
    if (!options_.key.empty()) {
      ARROW_ASSIGN_OR_RAISE(mapping_.key, Positions(options_.key, "key="));
    } else if (!known.empty()) {
      mapping_.key = known;
    } else if (relation_.parts.empty()) {
      mapping_.key = mapping_.id;
    }
    mapping_.unique_key = !mapping_.key.empty() && IsUnique(mapping_.key);
    return Status::OK();
  }

  Status CheckKinds() const {
    if (mapping_.metadata >= 0 && !IsJson(mapping_.metadata)) {
      return MakeError(Category::usage, fmt::format("the column '{}' is not json or jsonb, and cannot be the metadata", At(mapping_.metadata).name), "name another with metadata=, or leave it a field");
    }
    for (const int column : {mapping_.document, mapping_.tenant}) {
      if (column >= 0 && (At(column).type.is_vector() || At(column).type.array)) {
        return MakeError(Category::usage, fmt::format("the column '{}' holds no text", At(column).name), "name another");
      }
    }
    return Status::OK();
  }

  bool IsVector(int column) const {
    const Type& type = At(column).type;
    if (!options_.vectors.empty()) return std::find(options_.vectors.begin(), options_.vectors.end(), At(column).name) != options_.vectors.end();
    if (!type.is_vector()) return false;
    if (type.kind != Kind::bit) return true;
    return type.typmod >= kLeastBits || HasRole(column, Role::vector) || relation_.VectorIndexOf(column);
  }

  Metric MetricOf(int column) const {
    const Index* index = relation_.VectorIndexOf(column);
    Metric known = index ? MetricOfOpclass(index->keys[0].opclass) : Metric::unknown;
    if (const auto mark = ParseVectorMark(At(column).comment); mark && known == Metric::unknown) known = mark->metric;
    return known == Metric::unknown && options_.metric ? *options_.metric : known;
  }

  Status ChooseVectors() {
    ARROW_RETURN_NOT_OK(Positions(options_.vectors, "vector=").status());
    for (const int column : VectorColumns()) {
      const Type& type = At(column).type;
      if (!type.is_vector() && !type.is_float_array()) {
        return MakeError(Category::usage, fmt::format("the column '{}' is {} and holds no vectors", At(column).name, type.name), "name one of type vector, halfvec, sparsevec, bit, real[] or double precision[]");
      }
      ARROW_RETURN_NOT_OK(AddVector(column));
    }
    auto& vectors = mapping_.schema.vectors;
    for (size_t i = 0; i < vectors.size(); ++i) {
      if (const auto mark = ParseVectorMark(At(mapping_.vectors[i].column).comment)) vectors[i].name = mark->name;
      else if (vectors.size() == 1) vectors[i].name = "";
    }
    if (vectors.size() == 1 && !options_.vector_name.empty()) vectors[0].name = options_.vector_name;
    return Status::OK();
  }

  Status AddVector(int column) {
    const Type& type = At(column).type;
    VectorSpec spec;
    spec.name = At(column).name;
    spec.metric = MetricOf(column);
    if (type.kind == Kind::sparsevec) {
      spec.kind = VectorKind::sparse;
    } else {
      spec.element = type.is_float_array() ? Element::f32 : *ElementOf(type.kind);
      spec.dims = Declared(column);
      if (const auto at = sampled_.find(column); spec.dims == 0 && at != sampled_.end()) spec.dims = at->second;
      if (spec.dims == 0) {
        return MakeError(Category::usage, fmt::format("the column '{}' declares no dimension and holds no vector to take it from", spec.name), "say it with dims=N");
      }
      if (Declared(column) == 0) {
        mapping_.notes.push_back({"dimension-not-declared", fmt::format("the column {} declares no dimension; most of a sample have {}, and rows of another are rejects", Printable(spec.name, 100), spec.dims), -1, false});
      }
    }
    mapping_.vectors.push_back({column, type, spec.dims});
    mapping_.schema.vectors.push_back(std::move(spec));
    return Status::OK();
  }

  /// A column of vectors that vector= left out.
  bool IsOtherVector(int column) const { return At(column).type.is_vector() && At(column).type.kind != Kind::bit; }

  bool IsTaken(int column) const {
    if (IsId(column) && mapping_.id.size() == 1) return true;
    if (column == mapping_.document || column == mapping_.metadata || column == mapping_.tenant || column == mapping_.group) return true;
    return std::any_of(mapping_.vectors.begin(), mapping_.vectors.end(), [&](const auto& vector) { return vector.column == column; });
  }

  Status ChooseFields() {
    if (!options_.columns.empty()) {
      ARROW_ASSIGN_OR_RAISE(const auto named, Positions(options_.columns, "columns="));
      for (const int column : named) {
        if (IsTaken(column)) continue;
        if (IsOtherVector(column)) return MakeError(Category::usage, fmt::format("the column '{}' holds vectors and is no field", At(column).name), "name it with vector=");
        mapping_.fields.push_back(column);
      }
      return Status::OK();
    }
    std::string left;
    int64_t count = 0;
    for (int column = 0; column < static_cast<int>(relation_.columns.size()); ++column) {
      if (IsTaken(column)) continue;
      if (!At(column).generated && !HasRole(column, Role::surrogate) && !IsOtherVector(column)) {
        mapping_.fields.push_back(column);
        continue;
      }
      left += (left.empty() ? "" : ", ") + Printable(At(column).name, 100);
      ++count;
    }
    if (count > 0) mapping_.notes.push_back({"not-carried", "columns that the database computes or numbers itself, and vectors that were not named: " + left, count, false});
    return Status::OK();
  }

  void FillSchema() {
    RecordSchema& schema = mapping_.schema;
    schema.has_document = mapping_.document >= 0;
    schema.has_tenant = mapping_.tenant >= 0 || (mapping_.group >= 0 && mapping_.collection.empty());
    for (const int column : mapping_.fields) schema.field_types[At(column).name] = At(column).type.short_name;
    schema.id_kind = IdKind::string;
    if (mapping_.id.size() != 1) return;
    const Type& type = At(mapping_.id[0]).type;
    if (type.array) return;
    if (type.kind == Kind::int2 || type.kind == Kind::int4 || type.kind == Kind::int8) schema.id_kind = IdKind::i64;
    if (type.kind == Kind::uuid) schema.id_kind = IdKind::uuid;
    // As many digits as 64 bits have.
    if (type.name == "numeric(20,0)") schema.id_kind = IdKind::u64;
  }

  const Relation& relation_;
  const Options& options_;
  const Layout& layout_;
  const TableLayout* const table_;
  const SampledDims& sampled_;
  Mapping mapping_;
};

const char* RoleOf(const Mapping& mapping, int column) {
  if (std::find(mapping.id.begin(), mapping.id.end(), column) != mapping.id.end()) return "id";
  if (column == mapping.document) return "document";
  if (column == mapping.metadata) return "metadata";
  if (column == mapping.tenant) return "tenant";
  return std::any_of(mapping.vectors.begin(), mapping.vectors.end(), [&](const auto& v) { return v.column == column; }) ? "vector" : "field";
}

}  // namespace

std::vector<int> ColumnsWithoutDims(const Relation& relation, const Options& options, const Layout& layout) {
  const Mapper mapper(relation, options, layout, {});
  std::vector<int> found;
  for (const int column : mapper.VectorColumns()) {
    const Type& type = relation.columns[static_cast<size_t>(column)].type;
    if (type.kind != Kind::sparsevec && (type.is_vector() || type.is_float_array()) && mapper.Declared(column) == 0) found.push_back(column);
  }
  return found;
}

const Layout* DetectLayout(const Relation& relation) {
  for (const auto& layout : Layouts().layouts()) {
    if (layout->table && layout->name != "default" && Fits(*layout->table, relation)) return layout.get();
  }
  return nullptr;
}

Result<Mapping> MakeMapping(const Relation& relation, const Options& options, const Layout& layout, const SampledDims& sampled) {
  return Mapper(relation, options, layout, sampled).Make();
}

bool IsColumnName(const Relation& relation, const Mapping& mapping, std::string_view key) {
  key.remove_prefix(std::min(key.find_first_not_of('\\'), key.size()));
  if (mapping.metadata >= 0 && relation.columns[static_cast<size_t>(mapping.metadata)].name == key) return true;
  return std::any_of(mapping.fields.begin(), mapping.fields.end(), [&](int column) { return relation.columns[static_cast<size_t>(column)].name == key; });
}

std::string EscapedKey(std::string_view key) { return "\\" + std::string(key); }

std::string TableSetting(const Relation& relation, const Mapping& mapping) {
  nlohmann::ordered_json json = {{"columns", nlohmann::json::array()}, {"primary_key", nlohmann::json::array()}, {"indexes", nlohmann::json::array()}};
  for (int i = 0; i < static_cast<int>(relation.columns.size()); ++i) {
    const Column& column = relation.columns[static_cast<size_t>(i)];
    json["columns"].push_back({{"name", column.name}, {"type", column.type.name}, {"role", RoleOf(mapping, i)}, {"not_null", column.not_null},
                               {"default", column.default_sql}, {"identity", column.identity_always}, {"generated", column.generated}});
  }
  for (const int column : relation.primary_key) json["primary_key"].push_back(relation.columns[static_cast<size_t>(column)].name);
  for (const Index& index : relation.indexes) {
    nlohmann::ordered_json entry = {{"name", index.name}, {"method", index.method}, {"unique", index.unique}, {"primary", index.primary}, {"definition", index.definition},
                                    {"predicate", index.predicate}, {"keys", nlohmann::json::array()}, {"options", index.options}};
    for (const IndexKey& key : index.keys) {
      const std::string column = key.column >= 0 ? relation.columns[static_cast<size_t>(key.column)].name : "";
      entry["keys"].push_back({{"text", key.text}, {"opclass", key.opclass}, {"expression", key.expression}, {"column", column}});
    }
    json["indexes"].push_back(std::move(entry));
  }
  return json.dump();
}

}  // namespace vecferry::postgresql
