#include "connectors/sqlite_vec/mapping.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/text.h"
#include "record/json.h"

namespace vecferry::sqlite_vec {
namespace {

using sqlite::Vec0Column;
using sqlite::Vec0Element;
using sqlite::Vec0Kind;

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

/// The text column of that name, for the option that names it.
Result<int> TextColumn(const Mapping& mapping, const std::string& option, const std::string& name) {
  std::vector<std::string> texts;
  for (size_t i = 0; i < mapping.fields.size(); ++i) {
    const Vec0Column& field = mapping.fields[i];
    if (field.type != sqlite::Vec0Type::text) continue;
    texts.push_back(field.name);
    if (ToLower(field.name) == ToLower(name)) return static_cast<int>(i);
  }
  return MakeError(Category::usage, fmt::format("{}={}: table {} has no such text column{}", option, Printable(name, 100), mapping.table.name, Suggestion(name, texts)),
                   texts.empty() ? "the table has no text column" : "name one of its text columns");
}

Status PickColumns(Mapping* mapping, const std::map<std::string, std::string>& options, const std::optional<Mark>& mark) {
  struct Pick {
    const char* option;
    std::string marked;
    int* column;
  };
  for (const Pick& pick : {Pick{"document", mark ? mark->document : "", &mapping->document}, Pick{"tenant", mark ? mark->tenant : "", &mapping->tenant},
                           Pick{"metadata", mark ? mark->metadata : "", &mapping->metadata}}) {
    const std::string said = OptionOf(options, pick.option), name = said.empty() ? pick.marked : said;
    if (name.empty()) continue;
    ARROW_ASSIGN_OR_RAISE(*pick.column, TextColumn(*mapping, pick.option, name));
  }
  const auto same = [](int a, int b) { return a >= 0 && a == b; };
  if (!same(mapping->document, mapping->tenant) && !same(mapping->document, mapping->metadata) && !same(mapping->tenant, mapping->metadata)) return Status::OK();
  return MakeError(Category::usage, "document, tenant and metadata cannot be the same column", "name a column of its own for each");
}

/// Whether the vectors of a mark are those that the table has.
bool Describes(const Mark& mark, const RecordSchema& declared) {
  const auto alike = [](const VectorSpec& a, const VectorSpec& b) { return a.element == b.element && a.dims == b.dims && a.metric == b.metric; };
  return std::equal(mark.schema.vectors.begin(), mark.schema.vectors.end(), declared.vectors.begin(), declared.vectors.end(), alike);
}

}  // namespace

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

Result<Mapping> MakeMapping(const sqlite::Vec0Table& table, const std::map<std::string, std::string>& options, const std::optional<Mark>& found) {
  Mapping mapping;
  mapping.table = table;
  mapping.schema.id_kind = table.text_key ? IdKind::string : IdKind::i64;
  ARROW_RETURN_NOT_OK(AddVectors(&mapping, OptionOf(options, "vector-name")));
  const std::optional<Mark> mark = found && Describes(*found, mapping.schema) ? found : std::nullopt;
  for (const Vec0Column& column : table.columns) {
    if (column.kind == Vec0Kind::vector) continue;
    if (!IsValidUtf8(column.name)) return MakeError(Category::unsupported, fmt::format("a column of table {} has a name that is not UTF-8", Printable(table.name, 200)));
    mapping.fields.push_back(column);
  }
  ARROW_RETURN_NOT_OK(PickColumns(&mapping, options, mark));
  if (mark) {
    const std::string name = OptionOf(options, "vector-name");
    mapping.schema = mark->schema;
    if (!name.empty() && !mapping.schema.vectors.empty()) mapping.schema.vectors[0].name = name;
    mapping.null_is_missing = mapping.metadata >= 0;
    mapping.plain_json = false;
  }
  mapping.schema.has_document = mapping.document >= 0;
  mapping.schema.has_tenant = mapping.tenant >= 0;
  for (size_t i = 0; i < mapping.fields.size(); ++i) {
    std::string prefix;
    AppendJsonString(mapping.fields[i].name, &prefix);
    mapping.prefixes.push_back(prefix + ':');
    if (!mark && mapping.IsField(i)) mapping.schema.field_types[mapping.fields[i].name] = mapping.fields[i].declared;
  }
  return mapping;
}

}  // namespace vecferry::sqlite_vec
