#include "connectors/postgresql/splits.h"

#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/text.h"

namespace vecferry::postgresql {
namespace {

using Json = nlohmann::ordered_json;

/// Up to so many rows the quantiles are those of all keys, beyond those of a sample of about as many.
constexpr double kMostExact = 300'000;
constexpr const char* kWhat = "splitting the table";

Status Unreadable() { return MakeError(Category::corrupt, "the journal's note of a part of the table cannot be read", "start anew with --restart"); }

bool ReadTexts(const Json& json, std::vector<std::string>* out) {
  if (!json.is_array()) return false;
  for (const auto& entry : json) {
    if (!entry.is_string()) return false;
    out->push_back(entry.get<std::string>());
  }
  return true;
}

std::string TextOf(const Json& json, const char* name) { return json.contains(name) && json[name].is_string() ? json[name].get<std::string>() : ""; }
int64_t IntOf(const Json& json, const char* name, int64_t otherwise) { return json.contains(name) && json[name].is_number_integer() ? json[name].get<int64_t>() : otherwise; }

std::vector<std::string> KeyNames(const TableShape& shape) {
  std::vector<std::string> names;
  for (const int column : shape.mapping.key) names.push_back(shape.relation.columns[static_cast<size_t>(column)].name);
  return names;
}

std::string Joined(const std::vector<std::string>& texts) {
  std::string out;
  for (const auto& text : texts) out += (out.empty() ? "" : ",") + Printable(text, 40);
  return out;
}

Split KeySplit(const TableShape& shape, std::optional<std::vector<std::string>> lo, std::optional<std::vector<std::string>> hi, int64_t records) {
  Range range;
  range.key = KeyNames(shape);
  range.lo = std::move(lo), range.hi = std::move(hi);
  Split split;
  split.payload = range.ToText();
  split.label = fmt::format("{} {}..{}", Joined(range.key), range.lo ? Joined(*range.lo) : "first", range.hi ? Joined(*range.hi) : "last");
  split.records = records;
  return split;
}

bool CanBeNull(const TableShape& shape) {
  return std::any_of(shape.mapping.key.begin(), shape.mapping.key.end(), [&](int column) { return !shape.relation.columns[static_cast<size_t>(column)].not_null; });
}

/// The keys that end all ranges but the last.
Result<std::vector<std::vector<std::string>>> Boundaries(Client& client, const TableShape& shape, int wanted) {
  const RowSelect select = MakeSelect(shape, true);
  const Relation& relation = shape.relation;
  const auto rows = static_cast<double>(relation.estimated_rows);
  std::string sample;
  if (rows > kMostExact && (relation.kind == 'r' || relation.kind == 'm' || relation.kind == 'p')) {
    sample = fmt::format(" TABLESAMPLE SYSTEM ({:.6f})", std::max(100 * kMostExact / rows, 0.0001));
  }
  const std::string columns = KeyColumns(shape, true);
  std::string texts, names;
  for (size_t i = 0; i < shape.mapping.key.size(); ++i) {
    texts += fmt::format("{}{}::text AS k{}", i ? ", " : "", "t." + QuoteName(relation.columns[static_cast<size_t>(shape.mapping.key[i])].name), i);
    names += fmt::format("{}k{}", i ? ", " : "", i);
  }
  const std::string sql = fmt::format(
      "SELECT {0} FROM (SELECT {1}, pg_catalog.row_number() OVER (ORDER BY {2}) AS n, pg_catalog.count(*) OVER () AS c FROM {3}{4}{5}) AS s "
      "WHERE n < c AND n * {6} / c <> (n - 1) * {6} / c ORDER BY n",
      names, texts, columns, select.from, sample, select.where.empty() ? "" : " WHERE " + select.where, wanted);
  ARROW_ASSIGN_OR_RAISE(const Answer answer, client.Exec(sql, Act::read, kWhat));
  std::vector<std::vector<std::string>> found;
  for (int row = 0; row < answer.rows(); ++row) {
    std::vector<std::string> key;
    for (int column = 0; column < answer.columns(); ++column) {
      if (!answer.IsNull(row, column)) key.push_back(answer.Text(row, column));
    }
    // Where keys repeat, so may a boundary.
    if (key.size() == shape.mapping.key.size() && (found.empty() || found.back() != key)) found.push_back(std::move(key));
  }
  return found;
}

Result<std::vector<Split>> KeySplits(Client& client, const TableShape& shape, int wanted) {
  std::vector<Split> splits;
  std::vector<std::vector<std::string>> boundaries;
  // A view or query may be costly to run: once is enough.
  if (wanted > 1 && !shape.relation.parts.empty()) {
    ARROW_ASSIGN_OR_RAISE(boundaries, Boundaries(client, shape, wanted));
  }
  const int64_t each = shape.relation.estimated_rows < 0 ? -1 : shape.relation.estimated_rows / static_cast<int64_t>(boundaries.size() + 1);
  std::optional<std::vector<std::string>> lo;
  for (auto& boundary : boundaries) {
    splits.push_back(KeySplit(shape, lo, boundary, each));
    lo = std::move(boundary);
  }
  splits.push_back(KeySplit(shape, lo, std::nullopt, each));
  if (CanBeNull(shape)) {
    Range nulls;
    nulls.kind = Range::Kind::nulls;
    nulls.key = KeyNames(shape);
    splits.push_back({.payload = nulls.ToText(), .label = "rows without a key", .records = 0});
  }
  return splits;
}

std::vector<Split> PlaceSplits(const TableShape& shape, int wanted) {
  int64_t pages = 0;
  for (const Part& part : shape.relation.parts) pages += part.pages;
  const int64_t share = std::max<int64_t>(1, (pages + wanted - 1) / std::max(wanted, 1));
  std::vector<Split> splits;
  for (const Part& part : shape.relation.parts) {
    for (int64_t page = 0; page == 0 || page < part.pages; page += share) {
      Range range;
      range.kind = Range::Kind::place;
      range.schema = part.name.schema, range.table = part.name.table;
      range.first_page = page;
      // A table may grow before it is read: the last range has no end.
      range.end_page = page + share < part.pages ? page + share : -1;
      Split split;
      split.payload = range.ToText();
      split.label = fmt::format("{} pages {}..{}", Printable(part.name.Display(), 100), page, range.end_page < 0 ? "last" : std::to_string(range.end_page - 1));
      splits.push_back(std::move(split));
    }
  }
  return splits;
}

}  // namespace

std::string Range::ToText() const {
  Json json;
  if (kind == Kind::place) {
    json = {{"pages", {first_page, end_page}}, {"schema", schema}, {"table", table}};
  } else {
    json["key"] = key;
    if (kind == Kind::nulls) json["nulls"] = true;
    if (lo) json["after"] = *lo;
    if (hi) json["to"] = *hi;
  }
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Result<Range> Range::Parse(std::string_view text) {
  const Json json = Json::parse(text, nullptr, false);
  if (!json.is_object()) return Unreadable();
  Range range;
  if (json.contains("pages")) {
    const Json& pages = json["pages"];
    if (!pages.is_array() || pages.size() != 2 || !pages[0].is_number_integer() || !pages[1].is_number_integer()) return Unreadable();
    range.kind = Kind::place;
    range.first_page = pages[0].get<int64_t>(), range.end_page = pages[1].get<int64_t>();
    range.schema = TextOf(json, "schema"), range.table = TextOf(json, "table");
    return range;
  }
  if (!json.contains("key") || !ReadTexts(json["key"], &range.key) || range.key.empty()) return Unreadable();
  if (json.contains("nulls")) range.kind = Kind::nulls;
  for (const auto& [name, bound] : {std::pair<const char*, std::optional<std::vector<std::string>>*>{"after", &range.lo}, {"to", &range.hi}}) {
    if (!json.contains(name)) continue;
    bound->emplace();
    if (!ReadTexts(json[name], &**bound) || (*bound)->size() != range.key.size()) return Unreadable();
  }
  return range;
}

std::string Position::ToText() const {
  Json json = Json::object();
  if (!key.empty()) json["key"] = key;
  if (same != 0) json["same"] = same;
  if (!place.empty()) json["place"] = place, json["of"] = tag;
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Result<Position> Position::Parse(std::string_view text) {
  Position position;
  if (text.empty()) return position;
  const Json json = Json::parse(text, nullptr, false);
  if (!json.is_object() || (json.contains("key") && !ReadTexts(json["key"], &position.key))) return Unreadable();
  position.same = IntOf(json, "same", 0);
  position.place = TextOf(json, "place"), position.tag = TextOf(json, "of");
  return position;
}

Result<std::vector<Split>> MakeSplits(Client& client, const TableShape& shape, int wanted) {
  wanted = std::clamp(wanted, 1, 1024);
  if (shape.mapping.key.empty()) return PlaceSplits(shape, wanted);
  return KeySplits(client, shape, wanted);
}

std::string KeyLiteral(const TableShape& shape, const std::vector<std::string>& texts) {
  std::string out;
  for (size_t i = 0; i < texts.size(); ++i) {
    out += (i ? ", " : "") + QuoteText(texts[i]) + "::" + shape.relation.columns[static_cast<size_t>(shape.mapping.key[i])].type.name;
  }
  return texts.size() == 1 ? out : "(" + out + ")";
}

std::string KeyColumns(const TableShape& shape, bool for_order) {
  std::string out;
  for (const auto& name : KeyNames(shape)) out += (out.empty() ? "t." : ", t.") + QuoteName(name);
  return shape.mapping.key.size() == 1 || for_order ? out : "(" + out + ")";
}

std::string RangeSql(const TableShape& shape, const RowSelect& select, const Range& range, const Position& from) {
  std::vector<std::string> conditions;
  if (!select.where.empty()) conditions.push_back(select.where);
  std::string order;
  if (range.kind == Range::Kind::place) {
    if (!from.place.empty()) conditions.push_back("t.ctid > " + QuoteText(from.place) + "::tid");
    else if (range.first_page > 0) conditions.push_back(fmt::format("t.ctid >= '({},0)'::tid", range.first_page));
    if (range.end_page >= 0) conditions.push_back(fmt::format("t.ctid < '({},0)'::tid", range.end_page));
  } else if (range.kind == Range::Kind::nulls) {
    std::string any;
    for (const auto& name : KeyNames(shape)) any += (any.empty() ? "t." : " OR t.") + QuoteName(name) + " IS NULL";
    conditions.push_back("(" + any + ")");
  } else {
    const std::string columns = KeyColumns(shape);
    if (!from.key.empty()) conditions.push_back(columns + (shape.mapping.unique_key ? " > " : " >= ") + KeyLiteral(shape, from.key));
    else if (range.lo) conditions.push_back(columns + " > " + KeyLiteral(shape, *range.lo));
    if (range.hi) conditions.push_back(columns + " <= " + KeyLiteral(shape, *range.hi));
    // What is null is a range of its own; a comparison of rows would let some of them through.
    for (const int column : shape.mapping.key) {
      const Column& entry = shape.relation.columns[static_cast<size_t>(column)];
      if (!entry.not_null) conditions.push_back("t." + QuoteName(entry.name) + " IS NOT NULL");
    }
    order = " ORDER BY " + KeyColumns(shape, true);
  }
  std::string sql = fmt::format("SELECT {} FROM {}", select.list, select.from);
  for (size_t i = 0; i < conditions.size(); ++i) sql += (i ? " AND " : " WHERE ") + conditions[i];
  return sql + order;
}

}  // namespace vecferry::postgresql
