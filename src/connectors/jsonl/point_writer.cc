#include <charconv>
#include <cmath>

#include <fmt/format.h>

#include "base/text.h"
#include "connectors/jsonl/shapes.h"
#include "record/distance.h"
#include "record/elements.h"
#include "record/json.h"

namespace vecferry::jsonl {
namespace {

/// Events as the JSON that any other program reads: nothing is wrapped, and what JSON lacks is refused.
class PlainWriter final : public JsonVisitor {
 public:
  explicit PlainWriter(std::string* out) : out_(out) {}
  Status Null() override { return Put("null"); }
  Status Bool(bool value) override { return Put(value ? "true" : "false"); }
  Status Int(int64_t value) override { return Put(fmt::to_string(value)); }
  Status Uint(uint64_t value) override { return Put(fmt::to_string(value)); }
  Status Double(double value) override {
    Separate();
    AppendJsonDouble(value, out_);
    return Status::OK();
  }
  Status String(std::string_view text) override {
    Separate();
    AppendJsonString(text, out_);
    return Status::OK();
  }
  Status Special(std::string_view type, std::string_view) override {
    return BadRecord("payload-value", fmt::format("the metadata has a value that JSON lacks: {}", Printable(type, 40)));
  }
  Status BeginObject() override { return Begin('{'); }
  Status BeginArray() override { return Begin('['); }
  Status EndObject() override { return End('}'); }
  Status EndArray() override { return End(']'); }
  Status Key(std::string_view key) override {
    Separate();
    AppendJsonString(key, out_);
    *out_ += ':';
    first_ = true;
    return Status::OK();
  }

 private:
  void Separate() {
    if (!std::exchange(first_, false)) *out_ += ',';
  }
  Status Put(std::string_view word) {
    Separate();
    out_->append(word);
    return Status::OK();
  }
  Status Begin(char c) {
    Separate();
    *out_ += c;
    first_ = true;
    return Status::OK();
  }
  Status End(char c) {
    *out_ += c;
    first_ = false;
    return Status::OK();
  }
  std::string* out_;
  bool first_ = true;
};

}  // namespace

struct PointWriter::Impl {
  Impl(const RecordSchema& of, const Layout& by) : schema(of), layout(by), payload(by), unnamed(of.vectors.size() == 1 && of.vectors[0].name.empty() && of.vectors[0].kind != VectorKind::sparse) {}
  const RecordSchema& schema;
  const Layout& layout;
  PayloadEncoder payload;
  const bool unnamed;
  std::vector<float> scratch;

  Status Append(const RecordView& view, int64_t row, std::string* out, std::string* id) {
    for (const auto text : {std::optional(view.id(row)), view.tenant(row), view.document(row)}) {
      if (text && !IsValidUtf8(*text)) return BadRecord("invalid-utf8", "a text of the record is not UTF-8");
    }
    ARROW_ASSIGN_OR_RAISE(const MappedId mapped, MapId(layout, schema.id_kind, view.tenant(row), view.id(row)));
    id->clear();
    if (mapped.is_integer) *id = std::to_string(mapped.integer);
    else AppendJsonString(mapped.uuid, id);
    *out += "{\"id\":" + *id + ",\"payload\":";
    PlainWriter writer(out);
    const bool keep = mapped.mapped || layout.id_field_always;
    ARROW_RETURN_NOT_OK(payload.Encode(view, row, keep ? std::optional(view.id(row)) : std::nullopt, writer));
    *out += ",\"vector\":";
    ARROW_RETURN_NOT_OK(Vectors(view, row, out));
    *out += '}';
    return Status::OK();
  }

  Status Vectors(const RecordView& view, int64_t row, std::string* out) {
    if (unnamed) {
      const VectorColumn& column = view.vectors()[0];
      if (!column.IsNull(row)) return Vector(column, row, out);
      *out += "{}";  // as Qdrant answers for a point without vectors
      return Status::OK();
    }
    char separator = '{';
    for (const VectorColumn& column : view.vectors()) {
      if (column.IsNull(row)) continue;
      *out += std::exchange(separator, ',');
      AppendJsonString(column.spec.name, out);
      *out += ':';
      ARROW_RETURN_NOT_OK(Vector(column, row, out));
    }
    *out += separator == '{' ? "{}" : "}";
    return Status::OK();
  }

  Status Vector(const VectorColumn& column, int64_t row, std::string* out) {
    const VectorSpec& spec = column.spec;
    if (spec.kind == VectorKind::dense) return Floats(AsFloats(spec.element, column.Dense(row), static_cast<size_t>(spec.dims), scratch), static_cast<size_t>(spec.dims), out);
    const int32_t begin = column.offsets[row], end = column.offsets[row + 1];
    if (spec.kind == VectorKind::sparse) return Sparse(column, begin, end, out);
    if (begin == end) return BadRecord("empty-multivector", fmt::format("the vector '{}' has no rows", Printable(spec.name, 100)));
    for (int32_t i = begin; i < end; ++i) {
      *out += i == begin ? '[' : ',';
      const std::string_view bytes(reinterpret_cast<const char*>(column.data) + i * column.width, static_cast<size_t>(column.width));
      ARROW_RETURN_NOT_OK(Floats(AsFloats(spec.element, bytes, static_cast<size_t>(spec.dims), scratch), static_cast<size_t>(spec.dims), out));
    }
    *out += ']';
    return Status::OK();
  }

  Status Sparse(const VectorColumn& column, int32_t begin, int32_t end, std::string* out) {
    *out += "{\"indices\":[";
    for (int32_t i = begin; i < end; ++i) fmt::format_to(std::back_inserter(*out), "{}{}", i == begin ? "" : ",", column.indices[i]);
    *out += "],\"values\":";
    ARROW_RETURN_NOT_OK(Floats(column.values + begin, static_cast<size_t>(end - begin), out));
    *out += '}';
    return Status::OK();
  }

  static Status Floats(const float* values, size_t n, std::string* out) {
    *out += '[';
    char text[32];
    for (size_t i = 0; i < n; ++i) {
      if (i > 0) *out += ',';
      if (!std::isfinite(values[i])) return BadRecord("non-finite-vector", "a vector has NaN or an infinity, which JSON lacks");
      const auto end = std::to_chars(text, text + sizeof(text), values[i]).ptr;
      out->append(text, end);
      // An integer would lose the sign of a negative zero.
      if (values[i] == 0 && std::signbit(values[i])) out->append(".0");
    }
    *out += ']';
    return Status::OK();
  }
};

PointWriter::PointWriter(const RecordSchema& schema, const Layout& layout) : impl_(std::make_unique<Impl>(schema, layout)) {}
PointWriter::~PointWriter() = default;

Status PointWriter::Append(const RecordView& view, int64_t row, std::string* out, std::string* id) {
  const size_t before = out->size();
  const Status status = impl_->Append(view, row, out, id);
  if (!status.ok()) out->resize(before);
  return status;
}

void AppendIndented(std::string_view json, int indent, int depth, std::string* out) {
  if (indent == 0) return void(out->append(json));
  const auto line = [&] {
    *out += '\n';
    out->append(static_cast<size_t>(indent) * static_cast<size_t>(depth), ' ');
  };
  for (size_t i = 0; i < json.size(); ++i) {
    const char c = json[i];
    if (c == '"') {
      const size_t begin = i++;
      while (i < json.size() && json[i] != '"') i += json[i] == '\\' ? 2 : 1;
      out->append(json.substr(begin, i + 1 - begin));
    } else if (c == '{' || c == '[') {
      *out += c;
      if (i + 1 < json.size() && (json[i + 1] == '}' || json[i + 1] == ']')) *out += json[++i];
      else ++depth, line();
    } else if (c == '}' || c == ']') {
      --depth;
      line();
      *out += c;
    } else if (c == ',') {
      *out += c;
      line();
    } else {
      *out += c;
      if (c == ':') *out += ' ';
    }
  }
}

}  // namespace vecferry::jsonl
