#include <algorithm>

#include <fmt/format.h>

#include "base/text.h"
#include "connectors/csv/table.h"
#include "options/make_option.h"

namespace vecferry::csv {
namespace {

/// Names with commas between them. A comma inside parentheses, as in numeric(10,2), is part of a name.
std::vector<std::string> List(std::string_view text) {
  std::vector<std::string> items;
  int depth = 0;
  std::string item;
  for (const char c : text) {
    depth += c == '(' ? 1 : c == ')' ? -1 : 0;
    if (c == ',' && depth <= 0) items.push_back(std::exchange(item, {}));
    else item += c;
  }
  if (!item.empty() || !items.empty()) items.push_back(std::move(item));
  return items;
}

Status ParseTypes(std::string_view text, std::map<std::string, std::string>* types) {
  for (const std::string& item : List(text)) {
    const size_t colon = item.rfind(':');
    if (colon == item.npos || colon == 0 || colon + 1 == item.size()) {
      return MakeError(Category::usage, fmt::format("'{}' names no type of a column", Printable(item, 100)), "write types=COLUMN:TYPE,COLUMN:TYPE, as in types=year:int4,embedding:vector(768)");
    }
    if (!types->emplace(item.substr(0, colon), item.substr(colon + 1)).second) return MakeError(Category::usage, fmt::format("the column '{}' is given two types", Printable(item.substr(0, colon), 100)));
  }
  return Status::OK();
}

Result<char> ParseDelimiter(const std::string& text) {
  if (text == "\\t" || text == "tab") return '\t';
  if (text.size() == 1 && text != "\"" && text != "\n" && text != "\r") return text[0];
  return MakeError(Category::usage, fmt::format("'{}' is no delimiter", Printable(text, 20)), "one character, or tab");
}

Status Distinct(const std::vector<std::string>& names, std::string_view option) {
  std::vector<std::string> sorted = names;
  std::sort(sorted.begin(), sorted.end());
  const auto twice = std::adjacent_find(sorted.begin(), sorted.end());
  if (twice == sorted.end()) return Status::OK();
  return MakeError(Category::usage, fmt::format("{} names '{}' twice", option, Printable(*twice, 100)));
}

}  // namespace

std::vector<OptionSpec> Options() {
  return {
      MakeOption::Text("id", "COLUMN", "The column of the ids; `id` where none is named.").Example("item_id"),
      MakeOption::Text("vector", "COLUMN,...", "The columns with vectors; `vector`, `embedding` and `vector:NAME`, `sparse:NAME`, `multi:NAME` are known.").Example("embedding"),
      MakeOption::Text("document", "COLUMN", "The column of the document; `document` where none is named.").Example("content"),
      MakeOption::Text("metadata", "COLUMN", "The column with a JSON object of metadata; `metadata` where none is named.").Example("meta"),
      MakeOption::Text("tenant", "COLUMN", "The column of the tenant; `tenant` where none is named.").Example("user_id"),
      MakeOption::Text("columns", "COLUMN,...", "All columns in their order: what a file without a header holds, and what is written.").Example("id,game_id,content,embedding,metadata"),
      MakeOption::Text("types", "COLUMN:TYPE,...", "Types of columns: of metadata (int8, float8, bool, jsonb, numeric, date, timestamptz, time, bytea), else text; of vectors (vector(N), halfvec(N), sparsevec(N), bit(N), u8(N), i8(N), bf16(N), multi(N)).")
          .Example("year:int4,embedding:halfvec(768)"),
      MakeOption::Text("delimiter", "CHAR", "What stands between fields; `tab` for a tabulator.").Example("tab"),
      MakeOption::Text("null", "TEXT", "An unquoted field of this text is NULL; an empty one where nothing is said.").Example("\\N"),
      MakeOption::Text("metric", "METRIC", "The metric of the vectors, where no side-car says it.").Example("cosine"),
      MakeOption::Text("id-kind", "KIND", "What the ids are: string, u64, i64, uuid or mixed. Digits stay strings unless this says otherwise.").Example("u64"),
      MakeOption::Flag("header", "Whether the first row names the columns.").Default("true"),
      MakeOption::Choice("fields", {"json", "columns"}, "How metadata is written: as one JSON object, or fields whose type the source knows as columns of their own."),
  };
}

namespace {

bool NamesColumns(const Wishes& wishes) {
  return !wishes.id.empty() || !wishes.document.empty() || !wishes.metadata.empty() || !wishes.tenant.empty() || !wishes.vectors.empty() || !wishes.types.empty();
}

/// An application's table says what no option does.
void TakeLayout(const Layout& layout, Wishes* wishes) {
  if (layout.name == "default" || !layout.table) return;
  using Role = TableLayout::Role;
  std::vector<std::string> names;
  const auto set = [](const std::string& name, std::string* wish) {
    if (wish->empty()) *wish = name;
    return *wish;
  };
  for (const auto& column : layout.table->columns) {
    switch (column.role) {
      case Role::id: names.push_back(set(column.name, &wishes->id)); break;
      case Role::document: names.push_back(set(column.name, &wishes->layout_document)); break;
      case Role::tenant: names.push_back(set(column.name, &wishes->layout_tenant)); break;
      case Role::metadata: names.push_back(set(column.name, &wishes->layout_metadata)); break;
      case Role::vector:
        if (wishes->vectors.empty()) wishes->vectors = {column.name};
        names.insert(names.end(), wishes->vectors.begin(), wishes->vectors.end());
        break;
      case Role::field:
        wishes->layout_types.emplace(column.name, column.type);
        names.push_back(column.name);
        break;
      case Role::surrogate:
      case Role::group: break;
    }
  }
  wishes->layout_columns = std::move(names);
}

}  // namespace

Result<Wishes> ParseWishes(const std::map<std::string, std::string>& options, const Layout* layout) {
  const auto text = [&](const char* name) {
    const auto found = options.find(name);
    return found == options.end() ? std::string() : found->second;
  };
  Wishes wishes;
  wishes.id = text("id");
  wishes.document = text("document");
  wishes.metadata = text("metadata");
  wishes.tenant = text("tenant");
  wishes.vectors = List(text("vector"));
  wishes.columns = List(text("columns"));
  ARROW_RETURN_NOT_OK(Distinct(wishes.vectors, "vector="));
  ARROW_RETURN_NOT_OK(Distinct(wishes.columns, "columns="));
  ARROW_RETURN_NOT_OK(ParseTypes(text("types"), &wishes.types));
  wishes.dialect.null = text("null");
  if (const std::string delimiter = text("delimiter"); !delimiter.empty()) {
    ARROW_ASSIGN_OR_RAISE(wishes.dialect.delimiter, ParseDelimiter(delimiter));
  }
  if (wishes.dialect.null.find_first_of(std::string("\"\r\n") + wishes.dialect.delimiter) != std::string::npos) {
    return MakeError(Category::usage, "the text for NULL holds a quote, a line break or the delimiter", "use another one");
  }
  ARROW_ASSIGN_OR_RAISE(wishes.dialect.header, ParseBool(text("header")));
  if (!text("metric").empty()) {
    ARROW_ASSIGN_OR_RAISE(wishes.metric, ParseMetric(text("metric")));
  }
  if (!text("id-kind").empty()) {
    ARROW_ASSIGN_OR_RAISE(wishes.id_kind, ParseIdKind(text("id-kind")));
  }
  wishes.fields_as_columns = text("fields") == "columns";
  wishes.named = NamesColumns(wishes);
  if (layout) TakeLayout(*layout, &wishes);
  return wishes;
}

}  // namespace vecferry::csv
