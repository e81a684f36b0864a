#include "connectors/chroma_local/metadata.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "base/text.h"

namespace vecferry::chroma_local {
namespace {

using chroma_model::kDocumentKey;
using chroma_model::kUriKey;

Status WriteReal(double value, JsonVisitor& writer) {
  if (std::isfinite(value)) return writer.Double(value);
  return writer.Special("f64", std::isnan(value) ? "NaN" : value > 0 ? "Infinity" : "-Infinity");
}

/// The value in the columns string, int, float and bool that follow `first`; false where all are NULL.
Result<bool> WriteValue(const sqlite::Stmt& row, int first, bool bools, JsonVisitor& writer) {
  if (!row.IsNull(first)) {
    const std::string_view text = row.Text(first);
    if (!IsValidUtf8(text)) return BadRecord("invalid-utf8", "a text of its metadata is not valid UTF-8");
    ARROW_RETURN_NOT_OK(writer.String(text));
    return true;
  }
  if (!row.IsNull(first + 1)) {
    ARROW_RETURN_NOT_OK(writer.Int(row.Int(first + 1)));
    return true;
  }
  if (!row.IsNull(first + 2)) {
    ARROW_RETURN_NOT_OK(WriteReal(row.Double(first + 2), writer));
    return true;
  }
  if (!bools || row.IsNull(first + 3)) return false;
  ARROW_RETURN_NOT_OK(writer.Bool(row.Int(first + 3) != 0));
  return true;
}

}  // namespace

Status MetadataReader::Open(sqlite::Db& db, const Tables& tables) {
  bools_ = tables.metadata_bools;
  const std::string columns = fmt::format("key, string_value, int_value, float_value{}", bools_ ? ", bool_value" : "");
  ARROW_ASSIGN_OR_RAISE(fields_of_, db.Prepare(fmt::format("SELECT {} FROM embedding_metadata WHERE id=?", columns)));
  if (tables.arrays) {
    ARROW_ASSIGN_OR_RAISE(const int64_t any, db.QueryInt("SELECT EXISTS(SELECT 1 FROM embedding_metadata_array)"));
    arrays_ = any != 0;
    ARROW_ASSIGN_OR_RAISE(arrays_of_, db.Prepare("SELECT key, string_value, int_value, float_value, bool_value FROM embedding_metadata_array WHERE id=? "
                                                 "ORDER BY key, rowid"));
  }
  ARROW_ASSIGN_OR_RAISE(queued_, db.Prepare("SELECT metadata FROM embeddings_queue WHERE seq_id=?"));
  return Status::OK();
}

void MetadataReader::Release() {
  fields_of_.Reset();
  arrays_of_.Reset();
  queued_.Reset();
}

Status MetadataReader::Load(std::optional<int64_t> rowid, const Pending::Change* change) {
  has_document_ = has_uri_ = false;
  fields_ = 0;
  json_ = "{}";
  if (rowid) ARROW_RETURN_NOT_OK(LoadRows(*rowid));
  return change ? Overlay(*change) : Status::OK();
}

Status MetadataReader::LoadRows(int64_t rowid) {
  json_.clear();
  JsonWriter writer(&json_);
  ARROW_RETURN_NOT_OK(writer.BeginObject());
  // Arrays first: of a key that has both (a value that became a list) the list is the later one.
  array_keys_.clear();
  if (arrays_) ARROW_RETURN_NOT_OK(LoadArrays(rowid, writer));
  fields_of_.Reset();
  fields_of_.Bind(1, rowid);
  for (;;) {
    ARROW_ASSIGN_OR_RAISE(const bool row, fields_of_.Step());
    if (!row) break;
    const std::string_view key = fields_of_.Text(0);
    ARROW_ASSIGN_OR_RAISE(const bool own, fields_of_.IsNull(1) ? Result<bool>(false) : Own(key, fields_of_.Text(1)));
    if (!own) ARROW_RETURN_NOT_OK(Field(key, fields_of_, writer));
  }
  return writer.EndObject();
}

Result<bool> MetadataReader::Own(std::string_view key, std::string_view text) {
  if (key != kDocumentKey && key != kUriKey) return false;
  if (!IsValidUtf8(text)) return BadRecord("invalid-utf8", "its document or URI is not valid UTF-8");
  (key == kDocumentKey ? document_ : uri_) = text;
  (key == kDocumentKey ? has_document_ : has_uri_) = true;
  return true;
}

chroma_model::IncomingRecord MetadataReader::record() const {
  chroma_model::IncomingRecord record;
  if (has_document_) record.document = document_;
  if (has_uri_) record.uri = uri_;
  if (fields_ > 0) record.metadata = json_;
  return record;
}

Status MetadataReader::Field(std::string_view key, const sqlite::Stmt& row, JsonWriter& writer) {
  if (!array_keys_.empty() && std::find(array_keys_.begin(), array_keys_.end(), key) != array_keys_.end()) return Status::OK();
  if (!IsValidUtf8(key)) return BadRecord("invalid-utf8", "a key of its metadata is not valid UTF-8");
  // A row without any value is a key that the client does not show.
  const bool empty = row.IsNull(1) && row.IsNull(2) && row.IsNull(3) && (!bools_ || row.IsNull(4));
  if (empty) return Status::OK();
  ARROW_RETURN_NOT_OK(writer.Key(key));
  ++fields_;
  return WriteValue(row, 1, bools_, writer).status();
}

Status MetadataReader::LoadArrays(int64_t rowid, JsonWriter& writer) {
  arrays_of_.Reset();
  arrays_of_.Bind(1, rowid);
  for (;;) {
    ARROW_ASSIGN_OR_RAISE(const bool row, arrays_of_.Step());
    if (!row) break;
    const std::string_view key = arrays_of_.Text(0);
    if (array_keys_.empty() || array_keys_.back() != key) {
      if (!IsValidUtf8(key)) return BadRecord("invalid-utf8", "a key of its metadata is not valid UTF-8");
      if (!array_keys_.empty()) ARROW_RETURN_NOT_OK(writer.EndArray());
      array_keys_.emplace_back(key);
      ARROW_RETURN_NOT_OK(writer.Key(key));
      ARROW_RETURN_NOT_OK(writer.BeginArray());
      ++fields_;
    }
    ARROW_ASSIGN_OR_RAISE(const bool written, WriteValue(arrays_of_, 1, true, writer));
    if (!written) ARROW_RETURN_NOT_OK(writer.Null());
  }
  return array_keys_.empty() ? Status::OK() : writer.EndArray();
}

Status MetadataReader::Overlay(const Pending::Change& change) {
  std::map<std::string, std::string, std::less<>> merged;
  members_.Begin();
  ARROW_RETURN_NOT_OK(parser_.Visit(json_, members_));
  for (const auto& member : members_.members()) merged[member.key] = member.json;
  for (const int64_t seq : change.rows) {
    queued_.Reset();
    ARROW_ASSIGN_OR_RAISE(const bool found, queued_.Bind(1, seq).Step());
    if (!found || queued_.IsNull(0)) continue;
    members_.Begin();
    const Status parsed = parser_.Visit(queued_.Text(0), members_, {.python_floats = true, .plain = true});
    if (!parsed.ok()) return BadRecord("damaged", "its metadata in the queue cannot be read: " + parsed.message());
    for (const auto& member : members_.members()) {
      const bool text = member.kind == JsonMember::Kind::string;
      if (member.key == kDocumentKey) {
        has_document_ = text;
        document_ = text ? member.text : "";
      } else if (member.key == kUriKey) {
        has_uri_ = text;
        uri_ = text ? member.text : "";
      } else if (member.kind == JsonMember::Kind::null) {
        merged.erase(member.key);
      } else {
        merged[member.key] = member.json;
      }
    }
  }
  json_ = "{";
  for (const auto& [key, value] : merged) {
    if (json_.size() > 1) json_ += ',';
    AppendJsonString(key, &json_);
    json_ += ':' + value;
  }
  json_ += '}';
  fields_ = static_cast<int64_t>(merged.size());
  return Status::OK();
}

}  // namespace vecferry::chroma_local
