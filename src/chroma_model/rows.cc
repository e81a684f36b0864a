#include <cmath>
#include <cstring>
#include <limits>

#include <fmt/format.h>

#include "base/base64.h"
#include "base/text.h"
#include "chroma_model/records.h"
#include "net/buffers.h"
#include "record/number_writer.h"

namespace vecferry::chroma_model {
namespace {

void AppendIds(const std::vector<std::string_view>& ids, std::string* out) {
  *out += "\"ids\":[";
  for (size_t i = 0; i < ids.size(); ++i) {
    if (i > 0) *out += ',';
    AppendJsonString(ids[i], out);
  }
  *out += ']';
}

std::string IncludeOf(const Wanted& wanted) {
  std::string list;
  const auto add = [&](bool said, const char* name) {
    if (said) list += fmt::format("{}\"{}\"", list.empty() ? "" : ",", name);
  };
  add(wanted.vectors, "embeddings");
  add(wanted.metadatas, "metadatas");
  add(wanted.documents, "documents");
  add(wanted.uris, "uris");
  return "\"include\":[" + list + "]";
}

/// The texts of a batch as one JSON array, null for what is not there.
template <class TextAt>
void AppendColumn(const char* name, size_t rows, TextAt text_at, std::string* out) {
  *out += fmt::format(",\"{}\":[", name);
  for (size_t i = 0; i < rows; ++i) {
    if (i > 0) *out += ',';
    if (const auto text = text_at(i)) AppendJsonString(*text, out);
    else *out += "null";
  }
  *out += ']';
}

}  // namespace

std::string GetBody(const std::vector<std::string_view>& ids, const Wanted& wanted) {
  std::string body = "{";
  AppendIds(ids, &body);
  return body + "," + IncludeOf(wanted) + "}";
}

std::string GetBody(int64_t limit, int64_t offset, const Wanted& wanted) { return fmt::format("{{\"limit\":{},\"offset\":{},{}}}", limit, offset, IncludeOf(wanted)); }

std::string DeleteBody(const std::vector<std::string_view>& ids) {
  std::string body = "{";
  AppendIds(ids, &body);
  return body + "}";
}

Status Understood(std::string_view answer, const Wanted& wanted, std::string_view what, Page* page) {
  const Status status = ParsePage(answer, page);
  if (!status.ok()) return BadHttpAnswer(what, status.message());
  const size_t rows = page->rows();
  const bool whole = (!wanted.vectors || page->vector_ends.size() == rows) && (!wanted.documents || page->documents.size() == rows) &&
                     (!wanted.metadatas || page->metadatas.size() == rows) && (!wanted.uris || page->uris.size() == rows);
  return whole ? Status::OK() : BadHttpAnswer(what, "the answer lacks a column that was asked for");
}

RowDecoder::RowDecoder(const RecordSchema& schema, const Layout& layout) : schema_(schema), metadata_(layout, schema.has_document, schema.has_tenant) {}

std::optional<Reject> RowDecoder::Append(const Page& page, size_t row, BatchBuilder& builder) {
  Reject facts;
  const Status status = AppendRow(page, row, builder, &facts);
  if (status.ok()) {
    builder.EndRow();
    return std::nullopt;
  }
  builder.DropRow();
  facts.code = FactsOf(status).code.empty() ? "bad-metadata" : FactsOf(status).code;
  facts.message = Printable(status.message(), 1000);
  return facts;
}

Status RowDecoder::AppendRow(const Page& page, size_t row, BatchBuilder& builder, Reject* facts) {
  facts->id = Printable(page.ids[row].text, 300);
  ARROW_ASSIGN_OR_RAISE(const std::string_view id, Unescape(page.ids[row], &id_));
  builder.Id(id);
  IncomingRecord record;
  if (row < page.documents.size() && page.documents[row].present) {
    ARROW_ASSIGN_OR_RAISE(record.document, Unescape(page.documents[row], &document_));
  }
  if (row < page.uris.size() && page.uris[row].present) {
    ARROW_ASSIGN_OR_RAISE(record.uri, Unescape(page.uris[row], &uri_));
  }
  if (row < page.metadatas.size()) record.metadata = page.metadatas[row];
  ARROW_ASSIGN_OR_RAISE(const DecodedPayload payload, metadata_.Decode(record));
  if (payload.document) builder.Document(*payload.document);
  if (payload.tenant) builder.Tenant(*payload.tenant), facts->tenant = Printable(*payload.tenant, 300);
  builder.Metadata(payload.metadata);
  if (schema_.vectors.empty() || !page.has_vector(row)) return Status::OK();
  const auto dims = static_cast<size_t>(schema_.vectors.front().dims);
  if (page.vector_size(row) != dims) {
    return BadRecord("wrong-dimensions", fmt::format("the vector has {} elements, and the collection's have {}", page.vector_size(row), dims));
  }
  builder.Vector(0, {reinterpret_cast<const char*>(page.vector(row)), dims * sizeof(float)});
  return Status::OK();
}

RowEncoder::RowEncoder(const RecordSchema& schema, const Layout& layout, bool base64, bool json_text) : schema_(schema), base64_(base64), metadata_(layout, json_text) {}

std::optional<RowReject> RowEncoder::CheckVector(const RecordView& batch, int64_t row) const {
  const VectorColumn& column = batch.vectors().front();
  if (column.IsNull(row)) return RowReject{row, "missing-vector", "the record has no vector, and Chroma needs one"};
  const std::string_view bytes = column.Dense(row);
  float squares = 0;
  for (size_t at = 0; at < bytes.size(); at += sizeof(float)) {
    float value;
    std::memcpy(&value, bytes.data() + at, sizeof(value));
    if (!std::isfinite(value)) return RowReject{row, "non-finite-vector", "the vector holds NaN or an infinity, which Chroma refuses"};
    squares += value * value;
  }
  // The server takes the length in single precision and would keep NaN.
  if (column.spec.metric == Metric::cosine && !std::isfinite(squares)) return RowReject{row, "vector-too-long", "the vector's length is beyond single precision"};
  return std::nullopt;
}

RowJudge JudgeBy(const RecordSchema& schema, const Layout& layout, bool json_text) {
  return [encoder = std::make_shared<RowEncoder>(schema, layout, false, json_text)](const RecordView& batch) -> Result<std::vector<RowReject>> {
    std::vector<RowReject> rejects;
    encoder->Encode(batch, &rejects);
    return rejects;
  };
}

void RowEncoder::Encode(const RecordView& batch, std::vector<RowReject>* rejects) {
  rows_.clear();
  for (int64_t row = 0; row < batch.rows(); ++row) {
    if (records_.size() <= rows_.size()) records_.emplace_back();
    if (batch.id(row).empty()) {
      rejects->push_back({row, "empty-id", "the id is empty, which Chroma refuses"});
    } else if (auto reject = CheckVector(batch, row)) {
      rejects->push_back(*std::move(reject));
    } else if (const Status status = metadata_.Encode(batch, row, &records_[rows_.size()]); !status.ok()) {
      rejects->push_back({row, FactsOf(status).code.empty() ? "bad-metadata" : FactsOf(status).code, status.message()});
    } else {
      rows_.push_back(row);
    }
  }
}

void RowEncoder::AppendVector(std::string_view bytes, std::string* out) const {
  if (base64_) {
    *out += '"';
    AppendBase64(bytes, out);
    *out += '"';
    return;
  }
  AppendNumbers<float>(bytes.data(), static_cast<int64_t>(bytes.size() / sizeof(float)), out);
}

std::string RowEncoder::Body(const RecordView& batch) const {
  std::string out = TakeBuffer(static_cast<size_t>(batch.bytes()) * 3 / 2 + rows_.size() * 64 + 1024);
  out.clear();
  std::vector<std::string_view> ids;
  for (const int64_t row : rows_) ids.push_back(batch.id(row));
  out += '{';
  AppendIds(ids, &out);
  out += ",\"embeddings\":[";
  for (size_t i = 0; i < rows_.size(); ++i) {
    if (i > 0) out += ',';
    AppendVector(batch.vectors().front().Dense(rows_[i]), &out);
  }
  out += "],\"metadatas\":[";
  for (size_t i = 0; i < rows_.size(); ++i) {
    if (i > 0) out += ',';
    out += records_[i].metadata == "{}" ? std::string_view("null") : std::string_view(records_[i].metadata);
  }
  out += ']';
  if (schema_.has_document) AppendColumn("documents", rows_.size(), [&](size_t i) { return batch.document(rows_[i]); }, &out);
  bool uris = false;
  for (size_t i = 0; i < rows_.size(); ++i) uris |= records_[i].uri.has_value();
  if (uris) AppendColumn("uris", rows_.size(), [&](size_t i) { return records_[i].uri; }, &out);
  out += '}';
  return out;
}

}  // namespace vecferry::chroma_model
