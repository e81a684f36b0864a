#include "connectors/mcp_memory/memory_row.h"

#include <charconv>
#include <cmath>
#include <utility>

#include <fmt/format.h>

#include "base/base64.h"
#include "base/text.h"
#include "connectors/mcp_memory/compact_json.h"
#include "connectors/mcp_memory/iso_time.h"
#include "connectors/mcp_memory/tags.h"

namespace vecferry::mcp_memory {
namespace {

using sqlite::Stmt;
using sqlite::Type;

/// A column as it is, for the record of a reject.
void AppendRaw(const Stmt& row, int column, std::string* json) {
  JsonWriter writer(json);
  switch (row.ColumnType(column)) {
    case Type::null: *json += "null"; return;
    case Type::integer: *json += std::to_string(row.Int(column)); return;
    case Type::real:
      if (std::isfinite(row.Double(column))) AppendJsonDouble(row.Double(column), json);
      else (void)writer.Special("f64", row.Double(column) > 0 ? "Infinity" : "-Infinity");
      return;
    case Type::text:
      if (IsValidUtf8(row.Text(column))) AppendJsonString(row.Text(column), json);
      else (void)writer.Special("bytes", Base64(row.Text(column)));
      return;
    case Type::blob: (void)writer.Special("bytes", Base64(row.Blob(column))); return;
  }
}

std::string RawRecord(const Stmt& row) {
  std::string json = "{\"id\":";
  AppendRaw(row, kHash, &json);
  json += ",\"document\":";
  AppendRaw(row, kContent, &json);
  json += ",\"metadata\":{";
  static constexpr std::pair<int, const char*> kColumns[] = {{kTags, "tags"}, {kMetadata, "metadata"}, {kCreated, "created_at"}, {kUpdated, "updated_at"},
                                                             {kCreatedIso, "created_at_iso"}, {kUpdatedIso, "updated_at_iso"}, {kType, "memory_type"}};
  for (const auto& [column, name] : kColumns) {
    json += fmt::format("{}\"{}\":", json.back() == '{' ? "" : ",", name);
    AppendRaw(row, column, &json);
  }
  return json + "}}";
}

/// A cell that is no BLOB, as text: a number becomes the text SQLite makes of it.
std::string_view TextOf(const Stmt& row, int column, const Stmt::Cell& cell) {
  return cell.type == Type::text || cell.type == Type::null ? cell.bytes : row.Text(column);
}

Status BadTime(int column, std::string_view text) {
  return MakeError(Category::bad_content, fmt::format("{} is no time: {}", column == kCreated ? "created_at" : "updated_at", Printable(text, 80)));
}

bool IsBlank(std::string_view text) { return text.find_first_not_of(" \t\r\n") == std::string_view::npos; }

/// A number written as text, or a time in ISO form.
std::optional<double> TimeOfText(std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error == std::errc() && end == text.data() + text.size() && std::isfinite(value)) return value;
  return ParseIsoTime(text);
}

}  // namespace

std::string RowColumns(const Tables& tables) {
  std::string columns;
  for (const char* name : {"id", "content_hash", "content", "tags", "memory_type", "metadata", "created_at", "updated_at", "created_at_iso", "updated_at_iso"}) {
    columns += (columns.empty() ? "" : ", ") + tables.Column(name);
  }
  return columns;
}

Status MemoryRow::Open(sqlite::Db& db, const Tables& tables) {
  has_names_ = tables.tag_tables;
  if (!has_names_) return Status::OK();
  return db.Prepare("SELECT t.name FROM memory_tags mt JOIN tags t ON t.id=mt.tag_id WHERE mt.memory_id=? LIMIT 10000").Value(&names_);
}

bool MemoryRow::Refuse(const Stmt& row, std::string code, std::string message) {
  reject_ = Reject();
  reject_.id = row.IsNull(kHash) ? fmt::format("(row {})", row.Int(kId)) : Printable(row.Text(kHash));
  reject_.code = std::move(code);
  reject_.message = fmt::format("row {}: {}", row.Int(kId), Printable(message));
  reject_.record = RawRecord(row);
  return false;
}

Reject MemoryRow::RejectWhole(std::string code, std::string message) const {
  Reject reject;
  reject.id = Printable(id_);
  reject.code = std::move(code);
  reject.message = Printable(message);
  reject.record = "{\"id\":";
  AppendJsonString(id_, &reject.record);
  reject.record += ",\"document\":";
  AppendJsonString(document_, &reject.record);
  reject.record += ",\"metadata\":" + json_ + "}";
  return reject;
}

/// Hash, content and type; refused where they are not text of this world.
bool MemoryRow::LoadTexts(const Stmt& row) {
  const Stmt::Cell hash = row.At(kHash), content = row.At(kContent), tags = row.At(kTags), type = row.At(kType);
  if (hash.type == Type::null) return Refuse(row, "missing-hash", "content_hash is NULL");
  if (hash.type == Type::blob) return Refuse(row, "blob-hash", "content_hash is a BLOB");
  if (content.type == Type::null) return Refuse(row, "missing-content", "content is NULL");
  if (content.type == Type::blob) return Refuse(row, "blob-content", "content is a BLOB, which the service cannot read");
  if (tags.type == Type::blob) return Refuse(row, "bad-tags", "tags is a BLOB");
  if (type.type == Type::blob) return Refuse(row, "bad-type", "memory_type is a BLOB");
  id_ = TextOf(row, kHash, hash);
  document_ = TextOf(row, kContent, content);
  type_ = TextOf(row, kType, type);
  tags_ = TextOf(row, kTags, tags);
  const std::pair<std::string_view, const char*> texts[] = {{id_, "content_hash"}, {document_, "content"}, {type_, "memory_type"}, {tags_, "tags"}};
  for (const auto& [text, name] : texts) {
    if (!IsValidUtf8(text)) return Refuse(row, "invalid-utf8", fmt::format("{} is not valid UTF-8", name));
  }
  return true;
}

Status MemoryRow::AddTags(const Stmt& row) {
  if (!has_names_ || !MayBeAmbiguous(tags_)) {
    AppendTags(tags_, &json_);
    return Status::OK();
  }
  tag_names_.clear();
  names_.Reset();
  names_.Bind(1, row.Int(kId));
  bool valid = true;
  while (true) {
    ARROW_ASSIGN_OR_RAISE(const bool more, names_.Step());
    if (!more) break;
    tag_names_.emplace_back(names_.Text(0));
    valid = valid && IsValidUtf8(tag_names_.back());
  }
  names_.Reset();
  if (!valid || !AppendNamedTags(tags_, tag_names_, &json_)) AppendTags(tags_, &json_);
  return Status::OK();
}

Status MemoryRow::AddMetadata(const Stmt& row) {
  const Stmt::Cell cell = row.At(kMetadata);
  if (cell.type == Type::blob) return MakeError(Category::bad_content, "metadata is a BLOB");
  const std::string_view text = TextOf(row, kMetadata, cell);
  if (text.empty() || text == "{}") {
    json_ += "{}";
    return Status::OK();
  }
  if (AppendPlainObject(text, &json_)) return Status::OK();
  const size_t first = text.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos || text[first] != '{') return MakeError(Category::bad_content, "metadata is not a JSON object");
  JsonWriter writer(&json_);
  return reader_.Visit(text, writer, JsonReader::Options{.big_integers = true, .python_floats = true, .plain = true});
}

Status MemoryRow::AddTime(const Stmt& row, int column, int iso_column) {
  const Stmt::Cell cell = row.At(column);
  const Type type = cell.type;
  if (type == Type::integer || type == Type::real) {
    if (!std::isfinite(cell.real)) return BadTime(column, "it is infinite");
    AppendJsonDouble(cell.real, &json_);
    return Status::OK();
  }
  std::optional<double> time;
  const std::string_view text = type == Type::text ? cell.bytes : std::string_view();
  if (!text.empty()) time = TimeOfText(text);
  if (!time && row.ColumnType(iso_column) == Type::text) time = ParseIsoTime(row.Text(iso_column));
  if (time) {
    AppendJsonDouble(*time, &json_);
  } else if (type == Type::blob || !IsBlank(text)) {
    return BadTime(column, type == Type::blob ? "a BLOB" : text);
  } else {
    json_ += "null";
  }
  return Status::OK();
}

template <typename Add>
Status MemoryRow::AddUnless(std::string_view empty, std::string_view key, Add add) {
  const size_t begin = json_.size();
  json_ += key;
  ARROW_RETURN_NOT_OK(add());
  if (std::string_view(json_).substr(begin + key.size()) == empty) json_.resize(begin);
  else json_ += ',';
  return Status::OK();
}

Result<bool> MemoryRow::Load(const Stmt& row) {
  if (!LoadTexts(row)) return false;
  json_ = "{";
  ARROW_RETURN_NOT_OK(AddUnless("[]", "\"tags\":", [&] { return AddTags(row); }));
  Status status = AddUnless("{}", "\"metadata\":", [&] { return AddMetadata(row); });
  if (!status.ok()) return Refuse(row, "bad-metadata", status.message());
  json_ += "\"created_at\":";
  status = AddTime(row, kCreated, kCreatedIso);
  json_ += ",\"updated_at\":";
  if (status.ok()) status = AddTime(row, kUpdated, kUpdatedIso);
  if (!status.ok()) return Refuse(row, "bad-timestamp", status.message());
  if (!type_.empty()) {
    json_ += ",\"memory_type\":";
    AppendJsonString(type_, &json_);
  }
  json_ += '}';
  return true;
}

}  // namespace vecferry::mcp_memory
