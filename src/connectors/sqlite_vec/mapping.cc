#include "connectors/sqlite_vec/mapping.h"

#include <fmt/format.h>

#include "base/text.h"
#include "record/json.h"

namespace vecferry::sqlite_vec {
namespace {

using sqlite::Vec0Column;
using sqlite::Vec0Element;
using sqlite::Vec0Kind;

Element ElementOf(Vec0Element element) {
  switch (element) {
    case Vec0Element::i8: return Element::i8;
    case Vec0Element::bit: return Element::bit;
    default: return Element::f32;
  }
}

std::string OptionOf(const std::map<std::string, std::string>& options, const std::string& name) {
  const auto found = options.find(name);
  return found == options.end() ? std::string() : found->second;
}

Status AddVectors(Mapping* mapping, const std::string& wanted_name) {
  const auto vectors = mapping->table.Of(Vec0Kind::vector);
  if (!wanted_name.empty() && vectors.size() != 1) {
    return MakeError(Category::usage, fmt::format("vector-name names the only vector of a table, and {} has {}", mapping->table.name, vectors.size()),
                     "leave it out: their own names are kept");
  }
  for (const Vec0Column* column : vectors) {
    VectorSpec spec;
    spec.name = vectors.size() == 1 ? wanted_name : column->name;
    spec.element = ElementOf(column->element);
    spec.dims = column->dims;
    ARROW_ASSIGN_OR_RAISE(spec.metric, ParseMetric(column->metric));
    mapping->schema.vectors.push_back(std::move(spec));
  }
  return Status::OK();
}

Status PickDocument(Mapping* mapping, const std::string& name) {
  std::vector<std::string> texts;
  for (size_t i = 0; i < mapping->fields.size(); ++i) {
    const Vec0Column& field = mapping->fields[i];
    if (field.type != sqlite::Vec0Type::text) continue;
    texts.push_back(field.name);
    if (ToLower(field.name) == ToLower(name)) mapping->document = static_cast<int>(i);
  }
  if (mapping->document >= 0) return Status::OK();
  return MakeError(Category::usage, fmt::format("document={}: table {} has no such text column{}", Printable(name, 100), mapping->table.name, Suggestion(name, texts)),
                   texts.empty() ? "the table has no text column" : "name one of its text columns");
}

}  // namespace

Result<Mapping> MakeMapping(const sqlite::Vec0Table& table, const std::map<std::string, std::string>& options) {
  Mapping mapping;
  mapping.table = table;
  mapping.schema.id_kind = table.text_key ? IdKind::string : IdKind::i64;
  ARROW_RETURN_NOT_OK(AddVectors(&mapping, OptionOf(options, "vector-name")));
  for (const Vec0Column& column : table.columns) {
    if (column.kind == Vec0Kind::vector) continue;
    if (!IsValidUtf8(column.name)) return MakeError(Category::unsupported, fmt::format("a column of table {} has a name that is not UTF-8", Printable(table.name, 200)));
    mapping.fields.push_back(column);
  }
  const std::string document = OptionOf(options, "document");
  if (!document.empty()) ARROW_RETURN_NOT_OK(PickDocument(&mapping, document));
  mapping.schema.has_document = mapping.document >= 0;
  for (size_t i = 0; i < mapping.fields.size(); ++i) {
    std::string prefix;
    AppendJsonString(mapping.fields[i].name, &prefix);
    mapping.prefixes.push_back(prefix + ':');
    if (static_cast<int>(i) != mapping.document) mapping.schema.field_types[mapping.fields[i].name] = mapping.fields[i].declared;
  }
  return mapping;
}

}  // namespace vecferry::sqlite_vec
