#include "connectors/sqlite_vec/new_table.h"

#include <algorithm>
#include <cctype>
#include <set>
#include <vector>

#include <fmt/format.h>

#include "base/text.h"
#include "connectors/sqlite_vec/mapping.h"
#include "sqlite/vec0_parser.h"

namespace vecferry::sqlite_vec {
namespace {

using sqlite::Vec0Column;
using sqlite::Vec0Kind;
using sqlite::Vec0Type;

constexpr int32_t kMostDims = 8192;

/// vec0 takes bare identifiers alone, and keeps some for itself.
bool IsColumnName(std::string_view name) {
  static const std::set<std::string> kTaken = {"distance", "k", "rowid"};
  if (name.empty() || name.size() > 64 || kTaken.contains(ToLower(name))) return false;
  const auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
  if (!letter(name[0])) return false;
  return std::all_of(name.begin(), name.end(), [&](char c) { return letter(c) || (c >= '0' && c <= '9') || c == '_'; });
}

/// A column as it is declared. Bits are compared by Hamming distance, which the module does not let be said.
std::string Declaration(const Vec0Column& column) {
  if (column.kind == Vec0Kind::vector) {
    const char* type = column.element == sqlite::Vec0Element::f32 ? "float" : column.element == sqlite::Vec0Element::i8 ? "int8" : "bit";
    const std::string metric = column.element == sqlite::Vec0Element::bit ? "" : " distance_metric=" + column.metric;
    return fmt::format("{} {}[{}]{}", column.name, type, column.dims, metric);
  }
  static const std::map<Vec0Type, const char*> kTypes = {{Vec0Type::integer, "integer"}, {Vec0Type::real, "float"}, {Vec0Type::boolean, "boolean"},
                                                         {Vec0Type::text, "text"}, {Vec0Type::blob, "blob"}};
  return fmt::format("{}{} {}{}", column.kind == Vec0Kind::auxiliary ? "+" : "", column.name, kTypes.at(column.type),
                     column.kind == Vec0Kind::partition ? " partition key" : "");
}

class Designer {
 public:
  Designer(const SinkSpec& spec, const std::map<std::string, std::string>& options) : spec_(spec), options_(options) {}

  Result<NewTable> Make() {
    table_.mark.schema = spec_.schema;
    const auto handed_on = spec_.settings.find(kDeclarationSetting);
    if (OptionOf(options_, "columns").empty() && handed_on != spec_.settings.end() && Takes(handed_on->second)) return std::move(table_);
    Declare(Reserve("id") + (spec_.schema.id_kind == IdKind::i64 ? " integer primary key" : " text primary key"));
    if (spec_.schema.has_tenant) {
      table_.mark.tenant = Reserve("tenant");
      Declare(table_.mark.tenant + " text partition key");
    }
    // The user's own names come before ours.
    ARROW_ASSIGN_OR_RAISE(const auto fields, Fields());
    for (const VectorSpec& vector : spec_.schema.vectors) ARROW_RETURN_NOT_OK(AddVector(vector));
    for (const std::string& field : fields) Declare(field);
    if (spec_.schema.has_document) {
      table_.mark.document = Reserve("document");
      Declare("+" + table_.mark.document + " text");
    }
    table_.mark.metadata = Reserve("metadata");
    Declare("+" + table_.mark.metadata + " text");
    if (const std::string size = OptionOf(options_, "chunk-size"); !size.empty()) Declare("chunk_size=" + size);
    ARROW_RETURN_NOT_OK(sqlite::ParseVec0("t", CreateSql("t", table_.columns)).status());
    return std::move(table_);
  }

 private:
  void Declare(const std::string& column) { table_.columns += (table_.columns.empty() ? "" : ", ") + column; }

  /// A name that no other column has.
  std::string Reserve(std::string name) {
    while (!names_.insert(ToLower(name)).second) name += '_';
    return name;
  }

  /// Whether a declaration of a table of the same kind fits the records: it has their vectors and keys. Its columns are then ours.
  bool Takes(const std::string& sql) {
    const auto parsed = sqlite::ParseVec0("t", sql);
    if (!parsed.ok() || parsed->indexed() || spec_.schema.has_tenant || spec_.schema.has_document) return false;
    if (parsed->text_key == (spec_.schema.id_kind == IdKind::i64)) return false;
    const auto vectors = parsed->Of(Vec0Kind::vector);
    if (vectors.size() != spec_.schema.vectors.size()) return false;
    for (size_t i = 0; i < vectors.size(); ++i) {
      const VectorSpec& wanted = spec_.schema.vectors[i];
      const bool alike = wanted.kind == VectorKind::dense && ElementOf(vectors[i]->element) == wanted.element && vectors[i]->dims == wanted.dims;
      if (!alike || vectors[i]->metric != Name(wanted.metric)) return false;
    }
    const auto named = [](const Vec0Column& column) { return IsColumnName(column.name); };
    if (!std::all_of(parsed->columns.begin(), parsed->columns.end(), named) || (!parsed->key.empty() && !IsColumnName(parsed->key))) return false;
    if (!parsed->key.empty()) Declare(parsed->key + (parsed->text_key ? " text primary key" : " integer primary key"));
    for (const Vec0Column& column : parsed->columns) Declare(Declaration(column));
    if (parsed->chunk_size != 1024) Declare(fmt::format("chunk_size={}", parsed->chunk_size));
    return true;
  }

  Status AddVector(const VectorSpec& vector) {
    if (vector.dims < 1 || vector.dims > kMostDims) {
      return MakeError(Category::unsupported, fmt::format("{} has {} dimensions, and vec0 takes at most {}", Printable(vector.column(), 200), vector.dims, kMostDims),
                       "reduce them, or choose another store");
    }
    if (vector.element == Element::bit && vector.dims % 8 != 0) {
      return MakeError(Category::unsupported, fmt::format("{}: vec0 keeps bit vectors of whole bytes, and {} is no multiple of 8", Printable(vector.column(), 200), vector.dims));
    }
    Vec0Column column;
    column.kind = Vec0Kind::vector;
    column.name = Reserve(IsColumnName(vector.name) ? vector.name : "embedding");
    column.element = vector.element == Element::f32 ? sqlite::Vec0Element::f32 : vector.element == Element::i8 ? sqlite::Vec0Element::i8 : sqlite::Vec0Element::bit;
    column.dims = vector.dims;
    column.metric = Name(vector.metric);
    Declare(Declaration(column));
    return Status::OK();
  }

  /// The option `columns`: declarations of metadata, partition and auxiliary columns in vec0's own words.
  Result<std::vector<std::string>> Fields() {
    std::vector<std::string> fields;
    const std::string text = OptionOf(options_, "columns");
    if (text.empty()) return fields;
    const auto odd = [](char c) { return !std::isalnum(static_cast<unsigned char>(c)) && std::string_view("_+, ").find(c) == std::string_view::npos; };
    const bool plain = std::none_of(text.begin(), text.end(), odd);
    const Result<sqlite::Vec0Table> parsed = plain ? sqlite::ParseVec0("t", CreateSql("t", "v float[1], " + text)) : MakeError(Category::usage, "it holds more than names and types");
    if (!parsed.ok()) return MakeError(Category::usage, fmt::format("option of sqlite-vec 'columns': {}", parsed.status().message()), "write it as in columns=year integer,+body text");
    if (parsed->Of(Vec0Kind::vector).size() != 1 || !parsed->key.empty()) {
      return MakeError(Category::usage, "option of sqlite-vec 'columns' declares metadata, partition and auxiliary columns alone", "leave out keys and vectors");
    }
    for (const sqlite::Vec0Column& column : parsed->columns) {
      if (column.kind == Vec0Kind::vector) continue;
      if (!IsColumnName(column.name) || !names_.insert(ToLower(column.name)).second) {
        return MakeError(Category::usage, fmt::format("option of sqlite-vec 'columns': {} cannot be the name of a column here", Printable(column.name, 100)));
      }
      table_.mark.schema.field_types[column.name] = column.declared;
      fields.push_back(Declaration(column));
    }
    return fields;
  }

  const SinkSpec& spec_;
  const std::map<std::string, std::string>& options_;
  NewTable table_;
  std::set<std::string> names_;
};

}  // namespace

Result<NewTable> DesignTable(const SinkSpec& spec, const std::map<std::string, std::string>& options) { return Designer(spec, options).Make(); }

std::string CreateSql(const std::string& table, const std::string& columns) {
  return fmt::format("CREATE VIRTUAL TABLE {} USING vec0({})", sqlite::QuoteName(table), columns);
}

}  // namespace vecferry::sqlite_vec
