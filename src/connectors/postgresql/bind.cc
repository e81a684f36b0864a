#include "connectors/postgresql/bind.h"

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "base/text.h"
#include "connectors/postgresql/vector_mark.h"

namespace vecferry::postgresql {
namespace {

using Role = TargetColumn::Role;

Status Refuse(const std::string& message, const std::string& next_step) { return MakeError(Category::refused, message, next_step); }

class Binder {
 public:
  Binder(const Relation& relation, const RecordSchema& schema, const Layout& layout, const Options& options, bool own)
      : relation_(relation), schema_(schema), layout_(layout), options_(options), own_(own) {}

  Result<TargetTable> Make() {
    table_.name = relation_.name;
    ARROW_RETURN_NOT_OK(BindId());
    ARROW_RETURN_NOT_OK(BindTenant());
    ARROW_RETURN_NOT_OK(BindDocument());
    for (size_t i = 0; i < schema_.vectors.size(); ++i) ARROW_RETURN_NOT_OK(BindVector(i));
    ARROW_RETURN_NOT_OK(BindMetadata());
    ARROW_RETURN_NOT_OK(BindFields());
    ARROW_RETURN_NOT_OK(FindKey());
    // In the table's own order, so that what is sent is what a row is.
    std::sort(table_.columns.begin(), table_.columns.end(), [&](const auto& a, const auto& b) { return relation_.Find(a.name) < relation_.Find(b.name); });
    return std::move(table_);
  }

 private:
  std::string Shown() const { return Printable(relation_.name.Display(), 200); }

  const TableLayout::Column* Of(TableLayout::Role role) const { return layout_.table ? layout_.table->Find(role) : nullptr; }

  /// The column named by the user, else by the layout where the table has it, else one of those names; -1 where there is none.
  int Choose(const std::optional<std::string>& named, TableLayout::Role role, std::initializer_list<const char*> usual) const {
    if (named) return named->empty() ? -1 : relation_.Find(*named);
    for (size_t i = 0; i < relation_.columns.size(); ++i) {
      if (relation_.columns[i].comment == RoleMark(NameOf(role))) return static_cast<int>(i);
    }
    if (const auto* const column = Of(role)) {
      if (const int at = relation_.Find(column->name); at >= 0) return at;
    }
    for (const char* const name : usual) {
      if (const int at = relation_.Find(name); at >= 0 && !taken_.contains(at)) return at;
    }
    return -1;
  }

  static const char* NameOf(TableLayout::Role role) {
    switch (role) {
      case TableLayout::Role::id: return "id";
      case TableLayout::Role::document: return "document";
      case TableLayout::Role::tenant: return "tenant";
      case TableLayout::Role::metadata: return "metadata";
      default: return "";
    }
  }

  TargetColumn* Take(int at, Role role) {
    const Column& column = relation_.columns[static_cast<size_t>(at)];
    taken_.insert(at);
    TargetColumn target;
    target.name = column.name;
    target.role = role;
    target.type = column.type;
    target.not_null = column.not_null;
    // Where the column takes NULL that says it better: what comes back is what the record was.
    target.has_default = column.not_null && (!column.default_sql.empty() || column.identity);
    table_.columns.push_back(std::move(target));
    return &table_.columns.back();
  }

  Status NoColumn(const std::string& named) const {
    std::vector<std::string> names;
    for (const Column& column : relation_.columns) names.push_back(column.name);
    return MakeError(Category::not_found, fmt::format("the table {} has no column '{}'{}", Shown(), Printable(named, 100), Suggestion(named, names)), "see which there are with `vecferry inspect`");
  }

  Status BindId() {
    std::optional<std::string> named;
    if (options_.id.size() > 1) return Refuse("an id of several columns cannot be written", "name the one column that takes the id");
    if (!options_.id.empty()) named = options_.id[0];
    id_ = Choose(named, TableLayout::Role::id, {});
    if (id_ < 0 && named) return NoColumn(*named);
    if (id_ < 0 && relation_.primary_key.size() == 1) id_ = relation_.primary_key[0];
    if (id_ < 0) id_ = Choose(std::nullopt, TableLayout::Role::id, {"id"});
    if (id_ < 0) return Refuse(fmt::format("no column of the table {} is known to take the id", Shown()), "name it with --target-opt id=COLUMN");
    Take(id_, Role::id);
    return Status::OK();
  }

  Status BindTenant() {
    if (!schema_.has_tenant) return Status::OK();
    const int at = Choose(options_.tenant, TableLayout::Role::tenant, {"tenant"});
    if (at < 0) return Refuse(fmt::format("no column of the table {} is known to take the tenant", Shown()), "name it with --target-opt tenant=COLUMN");
    if (relation_.columns[static_cast<size_t>(at)].type.kind != Kind::text) return Refuse(fmt::format("the tenant's column '{}' is no text", Printable(relation_.columns[static_cast<size_t>(at)].name)), "name another");
    Take(at, Role::tenant);
    return Status::OK();
  }

  Status BindDocument() {
    if (!schema_.has_document) return Status::OK();
    const int at = Choose(options_.document, TableLayout::Role::document, {"document", "content", "text", "body"});
    if (at < 0 && options_.document && !options_.document->empty()) return NoColumn(*options_.document);
    if (at < 0) return Refuse(fmt::format("no column of the table {} is known to take the document", Shown()), "name it with --target-opt document=COLUMN");
    Take(at, Role::document);
    return Status::OK();
  }

  std::vector<int> VectorColumns() const {
    std::vector<int> columns;
    for (size_t i = 0; i < relation_.columns.size(); ++i) {
      if (relation_.columns[i].type.is_vector() && !relation_.columns[i].generated) columns.push_back(static_cast<int>(i));
    }
    return columns;
  }

  int VectorFor(size_t i) const {
    if (options_.vectors.size() == schema_.vectors.size()) return relation_.Find(options_.vectors[i]);
    const std::string& name = schema_.vectors[i].name;
    for (const int at : VectorColumns()) {
      const auto mark = ParseVectorMark(relation_.columns[static_cast<size_t>(at)].comment);
      if (mark && mark->name == name && !taken_.contains(at)) return at;
    }
    if (!name.empty()) {
      if (const int at = relation_.Find(name); at >= 0) return at;
    }
    const auto* const main = Of(TableLayout::Role::vector);
    const bool first = name.empty() || schema_.vectors.size() == 1;
    if (first && main) {
      if (const int at = relation_.Find(main->name); at >= 0) return at;
    }
    const auto all = VectorColumns();
    return first && all.size() == 1 ? all[0] : -1;
  }

  Status BindVector(size_t i) {
    const VectorSpec& spec = schema_.vectors[i];
    const std::string shown = spec.name.empty() ? "the vector" : fmt::format("the vector '{}'", Printable(spec.name, 100));
    const int at = VectorFor(i);
    if (at < 0 || taken_.contains(at)) return Refuse(fmt::format("no column of the table {} is known to take {}", Shown(), shown), "name the columns, in the vectors' order, with --target-opt vector=COLUMN,...");
    const Type& type = relation_.columns[static_cast<size_t>(at)].type;
    const auto wanted = KindFor(spec);
    if (!type.is_vector() || !wanted || type.kind != *wanted) {
      return Refuse(fmt::format("{} has elements of type {}, and the column '{}' is {}", shown, Name(spec.element), Printable(relation_.columns[static_cast<size_t>(at)].name, 100), type.name),
                    "use a column of the same element type");
    }
    if (spec.kind == VectorKind::dense && type.typmod > 0 && type.typmod != spec.dims) {
      return Refuse(fmt::format("{} has {} dimensions, and the column '{}' takes {}", shown, spec.dims, Printable(relation_.columns[static_cast<size_t>(at)].name, 100), type.typmod),
                    "use a column of that dimension, another embedding model, or --reduce");
    }
    Take(at, Role::vector)->vector = i;
    return Status::OK();
  }

  Status BindMetadata() {
    const int at = Choose(options_.metadata, TableLayout::Role::metadata, {"metadata", "meta", "attributes"});
    if (at < 0) return options_.metadata && !options_.metadata->empty() ? NoColumn(*options_.metadata) : Status::OK();
    const Type& type = relation_.columns[static_cast<size_t>(at)].type;
    if (type.array || (type.kind != Kind::json && type.kind != Kind::jsonb)) {
      return options_.metadata ? Refuse(fmt::format("the metadata's column '{}' is no json", Printable(*options_.metadata, 100)), "name another") : Status::OK();
    }
    Take(at, Role::metadata);
    return Status::OK();
  }

  bool IsOthers(const std::string& name) const {
    if (!layout_.table) return false;
    return std::any_of(layout_.table->columns.begin(), layout_.table->columns.end(), [&](const auto& column) {
      return column.name == name && (column.role == TableLayout::Role::surrogate || column.role == TableLayout::Role::group);
    });
  }

  Status BindFields() {
    for (const auto& name : options_.columns) {
      if (relation_.Find(name) < 0) return NoColumn(name);
    }
    for (size_t i = 0; i < relation_.columns.size(); ++i) {
      const Column& column = relation_.columns[i];
      const bool wanted = options_.columns.empty() || std::find(options_.columns.begin(), options_.columns.end(), column.name) != options_.columns.end();
      if (!wanted || taken_.contains(static_cast<int>(i)) || column.generated || IsOthers(column.name)) continue;
      // A vector that the records do not have, and a tenant that they do not have: not for a field of the metadata.
      if (column.type.is_vector() || (Of(TableLayout::Role::tenant) && Of(TableLayout::Role::tenant)->name == column.name)) continue;
      TargetColumn* const field = Take(static_cast<int>(i), Role::field);
      field->field = column.name;
      const auto meaning = layout_.meanings.find(column.name);
      field->timestamp = meaning != layout_.meanings.end() && meaning->second == FieldMeaning::timestamp && (column.type.kind == Kind::timestamptz || column.type.kind == Kind::timestamp) && !column.type.array;
    }
    return Status::OK();
  }

  /// A unique index over whole columns that is just the id, or tenant and id.
  Status FindKey() {
    const TargetColumn* const tenant = table_.Find(Role::tenant);
    const std::string& id = relation_.columns[static_cast<size_t>(id_)].name;
    const auto* const tenants = Of(TableLayout::Role::tenant);
    for (const Index& index : relation_.indexes) {
      if (!index.unique || !index.valid || !index.predicate.empty() || index.method != "btree") continue;
      std::vector<std::string> names;
      for (const IndexKey& key : index.keys) names.push_back(key.expression || key.column < 0 ? "" : relation_.columns[static_cast<size_t>(key.column)].name);
      std::set<std::string> wanted = {id};
      if (tenant) wanted.insert(tenant->name);
      else if (tenants && relation_.Find(tenants->name) >= 0 && names.size() == 2) wanted.insert(tenants->name);
      if (std::set<std::string>(names.begin(), names.end()) != wanted) continue;
      table_.key = names;
      return Status::OK();
    }
    // Its run sees to the key, and a rollback needs none.
    if (own_) {
      table_.key = tenant ? std::vector<std::string>{tenant->name, id} : std::vector<std::string>{id};
      return Status::OK();
    }
    const std::string columns = tenant ? QuoteName(tenant->name) + ", " + QuoteName(id) : QuoteName(id);
    return Refuse(fmt::format("the table {} has no unique index over {}, by which a record could be found again", Shown(), columns),
                  fmt::format("make one first: CREATE UNIQUE INDEX ON {} ({}); or name another id column with --target-opt id=COLUMN", relation_.name.Sql(), columns));
  }

  const Relation& relation_;
  const RecordSchema& schema_;
  const Layout& layout_;
  const Options& options_;
  const bool own_;
  TargetTable table_;
  std::set<int> taken_;
  int id_ = -1;
};

}  // namespace

Result<TargetTable> BindTable(const Relation& relation, const RecordSchema& schema, const Layout& layout, const Options& options, bool own) {
  if (relation.kind != 'r' && relation.kind != 'p') {
    return Refuse(fmt::format("{} is no table", Printable(relation.name.Display(), 200)), "name a table; views and foreign tables are only read");
  }
  return Binder(relation, schema, layout, options, own).Make();
}

}  // namespace vecferry::postgresql
