#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstring>

#include <fmt/format.h>

#include "base/base64.h"
#include "base/text.h"
#include "connectors/jsonl/format.h"
#include "record/distance.h"
#include "record/json.h"

namespace vecferry::jsonl {
namespace {

/// The shortest decimal that reads back as the same float. A negative zero keeps its sign.
void AppendFloat(float value, std::string* out) {
  if (std::isnan(value)) return void(out->append("\"NaN\""));
  if (std::isinf(value)) return void(out->append(value < 0 ? "\"-Infinity\"" : "\"Infinity\""));
  if (value == 0 && std::signbit(value)) return void(out->append("-0.0"));
  char text[32];
  const auto end = std::to_chars(text, text + sizeof(text), value).ptr;
  out->append(text, end);
}

template <class T>
T Load(const char* at) {
  T value;
  std::memcpy(&value, at, sizeof(T));
  return value;
}

void AppendElement(Element element, const char* at, std::string* out) {
  switch (element) {
    case Element::f32: return AppendFloat(Load<float>(at), out);
    case Element::f16: return AppendFloat(HalfToFloat(Load<uint16_t>(at)), out);
    case Element::bf16: {
      const uint32_t bits = uint32_t{Load<uint16_t>(at)} << 16;
      float value;
      std::memcpy(&value, &bits, sizeof(value));
      return AppendFloat(value, out);
    }
    case Element::u8: return void(fmt::format_to(std::back_inserter(*out), "{}", Load<uint8_t>(at)));
    case Element::i8: return void(fmt::format_to(std::back_inserter(*out), "{}", Load<int8_t>(at)));
    case Element::bit: return;
  }
}

void AppendDense(const VectorSpec& spec, std::string_view bytes, std::string* out) {
  if (spec.element == Element::bit) {
    *out += '"';
    AppendBase64(bytes, out);
    *out += '"';
    return;
  }
  const size_t size = bytes.size() / static_cast<size_t>(spec.dims);
  for (size_t i = 0; i < static_cast<size_t>(spec.dims); ++i) {
    *out += i == 0 ? '[' : ',';
    AppendElement(spec.element, bytes.data() + i * size, out);
  }
  *out += ']';
}

void AppendSparse(const VectorColumn& column, int64_t row, std::string* out) {
  *out += "{\"indices\":[";
  for (int32_t i = column.offsets[row]; i < column.offsets[row + 1]; ++i) {
    if (i != column.offsets[row]) *out += ',';
    fmt::format_to(std::back_inserter(*out), "{}", column.indices[i]);
  }
  *out += "],\"values\":[";
  for (int32_t i = column.offsets[row]; i < column.offsets[row + 1]; ++i) {
    if (i != column.offsets[row]) *out += ',';
    AppendFloat(column.values[i], out);
  }
  *out += "]}";
}

void AppendMulti(const VectorColumn& column, int64_t row, std::string* out) {
  *out += '[';
  for (int32_t i = column.offsets[row]; i < column.offsets[row + 1]; ++i) {
    if (i != column.offsets[row]) *out += ',';
    AppendDense(column.spec, {reinterpret_cast<const char*>(column.data) + i * column.width, static_cast<size_t>(column.width)}, out);
  }
  *out += ']';
}

void AppendVectors(const RecordView& view, int64_t row, std::string* out) {
  bool first = true;
  for (const VectorColumn& column : view.vectors()) {
    if (column.IsNull(row)) continue;
    *out += first ? ",\"vectors\":{" : ",";
    first = false;
    AppendJsonString(column.spec.column(), out);
    *out += ':';
    switch (column.spec.kind) {
      case VectorKind::dense: AppendDense(column.spec, column.Dense(row), out); break;
      case VectorKind::sparse: AppendSparse(column, row, out); break;
      case VectorKind::multi: AppendMulti(column, row, out); break;
    }
  }
  if (!first) *out += '}';
}

void AppendExtras(const RecordView& view, int64_t row, std::string* out) {
  bool first = true;
  for (size_t i = 0; i < view.schema().extras.size(); ++i) {
    const auto bytes = view.extra(i, row);
    if (!bytes) continue;
    *out += first ? ",\"extras\":{" : ",";
    first = false;
    AppendJsonString(view.schema().extras[i], out);
    *out += ":\"";
    AppendBase64(*bytes, out);
    *out += '"';
  }
  if (!first) *out += '}';
}

void AppendText(std::string_view key, std::optional<std::string_view> text, std::string* out) {
  if (!text) return;
  fmt::format_to(std::back_inserter(*out), ",\"{}\":", key);
  AppendJsonString(*text, out);
}

Status CheckText(std::string_view what, std::optional<std::string_view> text) {
  if (!text || IsValidUtf8(*text)) return Status::OK();
  return BadRecord("invalid-utf8", fmt::format("the {} is not UTF-8", what));
}

}  // namespace

Status AppendLine(const RecordView& view, int64_t row, std::string* out) {
  ARROW_RETURN_NOT_OK(CheckText("id", view.id(row)));
  ARROW_RETURN_NOT_OK(CheckText("tenant", view.tenant(row)));
  ARROW_RETURN_NOT_OK(CheckText("document", view.document(row)));
  ARROW_RETURN_NOT_OK(CheckText("metadata", view.metadata(row)));
  *out += "{\"id\":";
  AppendJsonString(view.id(row), out);
  AppendText("tenant", view.tenant(row), out);
  AppendText("document", view.document(row), out);
  if (const auto metadata = view.metadata(row)) {
    const size_t at = out->size();
    *out += ",\"metadata\":";
    const size_t begin = out->size();
    out->append(*metadata);
    // White space between tokens may hold line breaks; inside strings they are escaped.
    std::replace_if(out->begin() + static_cast<ptrdiff_t>(begin), out->end(), [](char c) { return c == '\n' || c == '\r'; }, ' ');
    if (out->size() == begin) out->resize(at);
  }
  AppendVectors(view, row, out);
  AppendExtras(view, row, out);
  *out += "}\n";
  return Status::OK();
}

}  // namespace vecferry::jsonl
