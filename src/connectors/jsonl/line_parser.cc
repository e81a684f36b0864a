#include <cstring>

#include <fmt/format.h>
#include <simdjson.h>

#include "base/base64.h"
#include "base/text.h"
#include "connectors/jsonl/format.h"
#include "record/distance.h"
#include "record/json.h"
#include "record/number_list.h"
#include "record/quiet_visitor.h"

namespace vecferry::jsonl {
namespace {

namespace ondemand = simdjson::ondemand;
using NumberList = vecferry::NumberList<NumberText::json>;

Status Broken(std::string_view why) { return BadRecord("broken-line", fmt::format("the line is not a record: {}", why)); }
Status Broken(simdjson::error_code error) { return Broken(simdjson::error_message(error)); }
Status BadVector(const std::string& column, std::string_view why) {
  return BadRecord("bad-vector", fmt::format("{}: {}", Printable(column, 100), why));
}

Result<std::string_view> Text(ondemand::value value, std::string_view what) {
  std::string_view text;
  if (value.get_string().get(text)) return Broken(fmt::format("'{}' is not a string", what));
  if (!IsValidUtf8(text)) return BadRecord("invalid-utf8", fmt::format("'{}' has a lone surrogate", what));
  return text;
}

Result<std::string_view> RawArray(ondemand::value value) {
  ondemand::array array;
  std::string_view raw;
  if (value.get_array().get(array) || array.raw_json().get(raw)) return Broken("an array is expected");
  return raw;
}

uint16_t ToBfloat(float value) {
  uint32_t bits;
  std::memcpy(&bits, &value, sizeof(bits));
  return static_cast<uint16_t>(bits >> 16);
}

template <class T>
bool ReadAll(std::string_view raw, std::vector<T>* numbers) {
  NumberList list(raw);
  numbers->clear();
  return list.All(numbers) && list.AtEnd();
}

/// Checks metadata without keeping anything of it.
class Nothing final : public QuietVisitor {
 public:
  Status BeginArray() override {
    ARROW_RETURN_NOT_OK(Value());
    return QuietVisitor::BeginArray();
  }

 private:
  Status Value() override { return depth_ > 0 ? Status::OK() : BadRecord("metadata-not-an-object", "the metadata is not an object"); }
};

}  // namespace

struct LineParser::Impl {
  RecordSchema schema;
  std::vector<std::string> columns;
  ondemand::parser parser;
  JsonReader json;
  std::string id, tenant;
  std::vector<bool> seen_vectors, seen_extras;
  std::vector<uint32_t> indices;
  std::vector<float> values;
  std::string rows;
  enum Field { kId = 1, kTenant = 2, kDocument = 4, kMetadata = 8, kVectors = 16, kExtras = 32, kReject = 64 };
  int seen = 0;

  Status Once(Field field) {
    if (seen & field) return Broken("a key stands twice");
    seen |= field;
    return Status::OK();
  }

  Status ReadRoot(std::string_view line, BatchBuilder& builder) {
    ondemand::document document;
    ondemand::object root;
    const simdjson::padded_string_view padded(line.data(), line.size(), line.size() + simdjson::SIMDJSON_PADDING);
    if (const auto error = parser.iterate(padded).get(document)) {
      return error == simdjson::UTF8_ERROR ? BadRecord("invalid-utf8", "the line is not UTF-8") : Broken(error);
    }
    if (const auto error = document.get_object().get(root)) return Broken(error);
    for (auto each : root) {
      ondemand::field field;
      if (const auto error = std::move(each).get(field)) return Broken(error);
      std::string_view key;
      if (const auto error = field.unescaped_key().get(key)) return Broken(error);
      ARROW_RETURN_NOT_OK(ReadField(key, field.value(), builder));
    }
    if (const char* rest = nullptr; !document.current_location().get(rest)) return Broken("something follows the record");
    return seen & kId ? Status::OK() : Broken("it has no id");
  }

  Status ReadField(std::string_view key, ondemand::value value, BatchBuilder& builder) {
    if (key == "id") return ReadId(value, builder);
    if (key == "tenant" && schema.has_tenant) return ReadTenant(value, builder);
    if (key == "document" && schema.has_document) {
      ARROW_RETURN_NOT_OK(Once(kDocument));
      ARROW_ASSIGN_OR_RAISE(const auto text, Text(value, key));
      builder.Document(text);
      return Status::OK();
    }
    if (key == "metadata") return ReadMetadata(value, builder);
    if (key == "vectors") {
      ARROW_RETURN_NOT_OK(Once(kVectors));
      return Members(value, [&](std::string_view name, ondemand::value item) { return ReadVector(name, item, builder); });
    }
    if (key == "extras") {
      ARROW_RETURN_NOT_OK(Once(kExtras));
      return Members(value, [&](std::string_view name, ondemand::value item) { return ReadExtra(name, item, builder); });
    }
    if (key == "reject") return Once(kReject);
    return BadRecord("unknown-field", fmt::format("the header knows no field '{}'", Printable(key, 100)));
  }

  template <class Each>
  Status Members(ondemand::value value, Each each) {
    ondemand::object object;
    if (const auto error = value.get_object().get(object)) return Broken(error);
    for (auto member : object) {
      ondemand::field field;
      if (const auto error = std::move(member).get(field)) return Broken(error);
      std::string_view key;
      if (const auto error = field.unescaped_key().get(key)) return Broken(error);
      ARROW_RETURN_NOT_OK(each(key, field.value()));
    }
    return Status::OK();
  }

  Status ReadId(ondemand::value value, BatchBuilder& builder) {
    ARROW_RETURN_NOT_OK(Once(kId));
    ARROW_ASSIGN_OR_RAISE(const auto text, Text(value, "id"));
    id = text;
    builder.Id(text);
    return Status::OK();
  }

  Status ReadTenant(ondemand::value value, BatchBuilder& builder) {
    ARROW_RETURN_NOT_OK(Once(kTenant));
    ARROW_ASSIGN_OR_RAISE(const auto text, Text(value, "tenant"));
    tenant = text;
    builder.Tenant(text);
    return Status::OK();
  }

  Status ReadMetadata(ondemand::value value, BatchBuilder& builder) {
    ARROW_RETURN_NOT_OK(Once(kMetadata));
    ondemand::object object;
    std::string_view raw;
    if (value.get_object().get(object) || object.raw_json().get(raw)) return BadRecord("metadata-not-an-object", "the metadata is not an object");
    while (!raw.empty() && raw.back() != '}') raw.remove_suffix(1);
    Nothing nothing;
    const Status status = json.Visit(raw, nothing);
    if (!status.ok()) return BadRecord(FactsOf(status).code.empty() ? "bad-metadata" : FactsOf(status).code, status.message());
    builder.Metadata(raw);
    return Status::OK();
  }

  Status ReadVector(std::string_view name, ondemand::value value, BatchBuilder& builder) {
    for (size_t i = 0; i < columns.size(); ++i) {
      if (columns[i] != name) continue;
      if (seen_vectors[i]) return BadVector(columns[i], "it stands twice");
      seen_vectors[i] = true;
      switch (schema.vectors[i].kind) {
        case VectorKind::dense: return schema.vectors[i].element == Element::bit ? Bits(i, value, builder) : Dense(i, value, builder);
        case VectorKind::sparse: return Sparse(i, value, builder);
        case VectorKind::multi: return Multi(i, value, builder);
      }
    }
    return BadRecord("unknown-field", fmt::format("the header knows no vector '{}'", Printable(name, 100)));
  }

  Status Dense(size_t i, ondemand::value value, BatchBuilder& builder) {
    ARROW_ASSIGN_OR_RAISE(const auto raw, RawArray(value));
    NumberList list(raw);
    const VectorSpec& spec = schema.vectors[i];
    if (list.Dense(spec, builder.VectorSpace(i), FloatToHalf, ToBfloat) && list.AtEnd()) return Status::OK();
    return BadVector(columns[i], fmt::format("{} numbers of type {} are expected", spec.dims, Name(spec.element)));
  }

  Status Bits(size_t i, ondemand::value value, BatchBuilder& builder) {
    ARROW_ASSIGN_OR_RAISE(const auto text, Text(value, columns[i]));
    const auto bytes = ParseBase64(text);
    const VectorSpec& spec = schema.vectors[i];
    if (!bytes || static_cast<int64_t>(bytes->size()) != spec.width()) {
      return BadVector(columns[i], fmt::format("{} bytes in base64 are expected", spec.width()));
    }
    builder.Vector(i, *bytes);
    return Status::OK();
  }

  Status Sparse(size_t i, ondemand::value value, BatchBuilder& builder) {
    bool good = true, has_indices = false, has_values = false;
    ARROW_RETURN_NOT_OK(Members(value, [&](std::string_view key, ondemand::value item) -> Status {
      ARROW_ASSIGN_OR_RAISE(const auto raw, RawArray(item));
      if (key == "indices" && !std::exchange(has_indices, true)) good &= ReadAll(raw, &indices);
      else if (key == "values" && !std::exchange(has_values, true)) good &= ReadAll(raw, &values);
      else good = false;
      return Status::OK();
    }));
    if (!good || !has_indices || !has_values || indices.size() != values.size()) {
      return BadVector(columns[i], "as many indices (u32) as values (f32) are expected");
    }
    builder.Sparse(i, indices.data(), values.data(), indices.size());
    return Status::OK();
  }

  Status Multi(size_t i, ondemand::value value, BatchBuilder& builder) {
    ARROW_ASSIGN_OR_RAISE(const auto raw, RawArray(value));
    const VectorSpec& spec = schema.vectors[i];
    if (!NumberList(raw).Multi(spec, &rows, FloatToHalf, ToBfloat)) return BadVector(columns[i], fmt::format("rows of {} numbers are expected", spec.dims));
    builder.Multi(i, rows, rows.size() / static_cast<size_t>(spec.width()));
    return Status::OK();
  }

  Status ReadExtra(std::string_view name, ondemand::value value, BatchBuilder& builder) {
    for (size_t i = 0; i < schema.extras.size(); ++i) {
      if (schema.extras[i] != name) continue;
      if (seen_extras[i]) return Broken("an extra stands twice");
      seen_extras[i] = true;
      ARROW_ASSIGN_OR_RAISE(const auto text, Text(value, name));
      const auto bytes = ParseBase64(text);
      if (!bytes) return BadRecord("bad-extra", fmt::format("'{}' is not base64", Printable(name, 100)));
      builder.Extra(i, *bytes);
      return Status::OK();
    }
    return BadRecord("unknown-field", fmt::format("the header knows no extra '{}'", Printable(name, 100)));
  }
};

LineParser::LineParser(const RecordSchema& schema) : impl_(std::make_unique<Impl>()) {
  impl_->schema = schema;
  for (const auto& vector : schema.vectors) impl_->columns.push_back(vector.column());
}
LineParser::~LineParser() = default;

size_t LineParser::Padding() { return simdjson::SIMDJSON_PADDING; }
const std::string& LineParser::id() const { return impl_->id; }
const std::string& LineParser::tenant() const { return impl_->tenant; }

Status LineParser::Parse(std::string_view line, BatchBuilder& builder) {
  impl_->seen = 0;
  impl_->id.clear();
  impl_->tenant.clear();
  impl_->seen_vectors.assign(impl_->schema.vectors.size(), false);
  impl_->seen_extras.assign(impl_->schema.extras.size(), false);
  const Status status = impl_->ReadRoot(line, builder);
  if (status.ok()) builder.EndRow();
  else builder.DropRow();
  return status;
}

}  // namespace vecferry::jsonl
