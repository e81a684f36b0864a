#include "record/schema.h"

#include <array>
#include <utility>

#include <arrow/type.h>
#include <arrow/util/key_value_metadata.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/text.h"

namespace vecferry {
namespace {

template <typename Enum, size_t N>
using Names = std::array<std::pair<Enum, std::string_view>, N>;

constexpr Names<VectorKind, 3> kKinds = {{{VectorKind::dense, "dense"}, {VectorKind::sparse, "sparse"}, {VectorKind::multi, "multi"}}};
constexpr Names<Element, 6> kElements = {{{Element::f32, "f32"}, {Element::f16, "f16"}, {Element::bf16, "bf16"},
                                          {Element::u8, "u8"}, {Element::i8, "i8"}, {Element::bit, "bit"}}};
constexpr Names<Metric, 7> kMetrics = {{{Metric::unknown, "unknown"}, {Metric::cosine, "cosine"}, {Metric::dot, "dot"},
                                        {Metric::l2, "l2"}, {Metric::l1, "l1"}, {Metric::hamming, "hamming"},
                                        {Metric::jaccard, "jaccard"}}};
constexpr Names<IdKind, 5> kIdKinds = {{{IdKind::string, "string"}, {IdKind::u64, "u64"}, {IdKind::i64, "i64"},
                                        {IdKind::uuid, "uuid"}, {IdKind::mixed, "mixed"}}};

template <typename Enum, size_t N>
std::string_view NameIn(const Names<Enum, N>& names, Enum value) {
  for (const auto& [candidate, name] : names) {
    if (candidate == value) return name;
  }
  return "?";
}

template <typename Enum, size_t N>
Result<Enum> ParseIn(const Names<Enum, N>& names, std::string_view text, std::string_view what) {
  std::vector<std::string> known;
  for (const auto& [value, name] : names) {
    if (name == text) return value;
    known.emplace_back(name);
  }
  return MakeError(Category::usage, fmt::format("'{}' is no {}{}", Printable(text, 100), what, Suggestion(text, known)),
                   fmt::format("use one of {}", fmt::join(known, ", ")));
}

std::shared_ptr<arrow::DataType> DenseType(const VectorSpec& spec) {
  switch (spec.element) {
    case Element::f32: return arrow::fixed_size_list(arrow::float32(), spec.dims);
    case Element::f16: return arrow::fixed_size_list(arrow::float16(), spec.dims);
    case Element::u8: return arrow::fixed_size_list(arrow::uint8(), spec.dims);
    case Element::i8: return arrow::fixed_size_list(arrow::int8(), spec.dims);
    case Element::bf16:
    case Element::bit: return arrow::fixed_size_binary(static_cast<int32_t>(spec.width()));
  }
  return nullptr;
}

std::shared_ptr<arrow::Field> VectorField(const VectorSpec& spec) {
  std::shared_ptr<arrow::DataType> type;
  switch (spec.kind) {
    case VectorKind::dense: type = DenseType(spec); break;
    case VectorKind::sparse:
      type = arrow::struct_({arrow::field("indices", arrow::list(arrow::uint32())), arrow::field("values", arrow::list(arrow::float32()))});
      break;
    case VectorKind::multi: type = arrow::list(arrow::fixed_size_list(arrow::float32(), spec.dims)); break;
  }
  auto metadata = arrow::key_value_metadata({{"element", std::string(Name(spec.element))},
                                             {"dims", std::to_string(spec.dims)},
                                             {"metric", std::string(Name(spec.metric))},
                                             {"model", spec.model}});
  return arrow::field(spec.column(), type, true, std::move(metadata));
}

std::string MetadataOf(const arrow::Field& field, const std::string& key) {
  return field.metadata() ? field.metadata()->Get(key).ValueOr("") : "";
}

Result<VectorSpec> SpecOf(const arrow::Field& field, VectorKind kind, std::string name) {
  VectorSpec spec;
  spec.name = std::move(name);
  spec.kind = kind;
  ARROW_ASSIGN_OR_RAISE(spec.element, ParseElement(MetadataOf(field, "element")));
  ARROW_ASSIGN_OR_RAISE(spec.metric, ParseMetric(MetadataOf(field, "metric")));
  ARROW_ASSIGN_OR_RAISE(const int64_t dims, ParseInt(MetadataOf(field, "dims")));
  spec.dims = static_cast<int32_t>(dims);
  spec.model = MetadataOf(field, "model");
  if (!VectorField(spec)->type()->Equals(*field.type())) {
    return MakeError(Category::internal, fmt::format("column {} has type {}, its metadata says otherwise", field.name(), field.type()->ToString()));
  }
  return spec;
}

constexpr std::string_view kFieldTypePrefix = "field:";

}  // namespace

std::string_view Name(VectorKind kind) { return NameIn(kKinds, kind); }
std::string_view Name(Element element) { return NameIn(kElements, element); }
std::string_view Name(Metric metric) { return NameIn(kMetrics, metric); }
std::string_view Name(IdKind kind) { return NameIn(kIdKinds, kind); }
Result<Metric> ParseMetric(std::string_view name) { return ParseIn(kMetrics, name, "metric"); }
Result<Element> ParseElement(std::string_view name) { return ParseIn(kElements, name, "element type"); }
Result<VectorKind> ParseVectorKind(std::string_view name) { return ParseIn(kKinds, name, "kind of vector"); }
Result<IdKind> ParseIdKind(std::string_view name) { return ParseIn(kIdKinds, name, "kind of id"); }

int64_t VectorSpec::width() const {
  switch (element) {
    case Element::f32: return int64_t{4} * dims;
    case Element::f16:
    case Element::bf16: return int64_t{2} * dims;
    case Element::u8:
    case Element::i8: return dims;
    case Element::bit: return (int64_t{dims} + 7) / 8;
  }
  return 0;
}

std::string VectorSpec::column() const {
  switch (kind) {
    case VectorKind::dense: return name.empty() ? "vector" : "vector:" + name;
    case VectorKind::sparse: return "sparse:" + name;
    case VectorKind::multi: return "multi:" + name;
  }
  return {};
}

std::shared_ptr<arrow::Schema> RecordSchema::ToArrow() const {
  arrow::FieldVector fields = {arrow::field("id", arrow::utf8(), false)};
  if (has_tenant) fields.push_back(arrow::field("tenant", arrow::utf8()));
  if (has_document) fields.push_back(arrow::field("document", arrow::utf8()));
  fields.push_back(arrow::field("metadata", arrow::utf8(), true,
                                arrow::key_value_metadata({{"ARROW:extension:name", "arrow.json"}, {"ARROW:extension:metadata", ""}})));
  for (const auto& vector : vectors) fields.push_back(VectorField(vector));
  for (const auto& extra : extras) fields.push_back(arrow::field("extra:" + extra, arrow::binary()));
  auto metadata = std::make_shared<arrow::KeyValueMetadata>();
  metadata->Append("vecferry", "1");
  metadata->Append("id_kind", std::string(Name(id_kind)));
  for (const auto& [field, type] : field_types) metadata->Append(std::string(kFieldTypePrefix) + field, type);
  return arrow::schema(std::move(fields), std::move(metadata));
}

Result<RecordSchema> RecordSchema::FromArrow(const arrow::Schema& schema) {
  RecordSchema result;
  if (!schema.metadata() || schema.metadata()->Get("vecferry").ValueOr("") != "1") {
    return MakeError(Category::internal, "a batch without the record's schema");
  }
  ARROW_ASSIGN_OR_RAISE(result.id_kind, ParseIdKind(schema.metadata()->Get("id_kind").ValueOr("")));
  for (const auto& [key, value] : schema.metadata()->sorted_pairs()) {
    if (key.starts_with(kFieldTypePrefix)) result.field_types[key.substr(kFieldTypePrefix.size())] = value;
  }
  for (const auto& field : schema.fields()) {
    const std::string& column = field->name();
    const auto colon = column.find(':');
    const std::string kind = column.substr(0, colon);
    const std::string name = colon == std::string::npos ? "" : column.substr(colon + 1);
    if (column == "id" || column == "metadata") continue;
    if (column == "tenant") result.has_tenant = true;
    else if (column == "document") result.has_document = true;
    else if (kind == "extra") result.extras.push_back(name);
    else if (kind == "vector" || kind == "sparse" || kind == "multi") {
      const VectorKind of = kind == "vector" ? VectorKind::dense : kind == "sparse" ? VectorKind::sparse : VectorKind::multi;
      ARROW_ASSIGN_OR_RAISE(VectorSpec spec, SpecOf(*field, of, name));
      result.vectors.push_back(std::move(spec));
    } else {
      return MakeError(Category::internal, fmt::format("column '{}' is no column of the record", Printable(column, 100)));
    }
  }
  return result;
}

std::string RecordSchema::ToJson() const {
  nlohmann::ordered_json json;
  json["id_kind"] = Name(id_kind);
  json["tenant"] = has_tenant;
  json["document"] = has_document;
  json["vectors"] = nlohmann::ordered_json::array();
  for (const auto& v : vectors) {
    nlohmann::ordered_json spec = {{"name", v.name}, {"kind", Name(v.kind)}, {"element", Name(v.element)},
                                   {"dims", v.dims}, {"metric", Name(v.metric)}};
    if (!v.model.empty()) spec["model"] = v.model;
    json["vectors"].push_back(std::move(spec));
  }
  if (!extras.empty()) json["extras"] = extras;
  if (!field_types.empty()) json["field_types"] = field_types;
  return json.dump();
}

Result<RecordSchema> RecordSchema::FromJson(std::string_view text) {
  try {
    const auto json = nlohmann::json::parse(text);
    RecordSchema schema;
    ARROW_ASSIGN_OR_RAISE(schema.id_kind, ParseIdKind(json.at("id_kind").get<std::string>()));
    schema.has_tenant = json.at("tenant").get<bool>();
    schema.has_document = json.at("document").get<bool>();
    for (const auto& item : json.at("vectors")) {
      VectorSpec spec;
      spec.name = item.at("name").get<std::string>();
      ARROW_ASSIGN_OR_RAISE(spec.kind, ParseVectorKind(item.at("kind").get<std::string>()));
      ARROW_ASSIGN_OR_RAISE(spec.element, ParseElement(item.at("element").get<std::string>()));
      ARROW_ASSIGN_OR_RAISE(spec.metric, ParseMetric(item.at("metric").get<std::string>()));
      spec.dims = item.at("dims").get<int32_t>();
      spec.model = item.value("model", "");
      if (spec.dims < 0 || spec.dims > (1 << 20)) return MakeError(Category::corrupt, fmt::format("a vector of {} dimensions", spec.dims));
      schema.vectors.push_back(std::move(spec));
    }
    if (json.contains("extras")) schema.extras = json["extras"].get<std::vector<std::string>>();
    if (json.contains("field_types")) schema.field_types = json["field_types"].get<std::map<std::string, std::string>>();
    return schema;
  } catch (const nlohmann::json::exception& e) {
    return MakeError(Category::corrupt, fmt::format("not a schema: {}", Printable(e.what(), 200)));
  }
}

const VectorSpec* RecordSchema::FindVector(std::string_view name) const {
  for (const auto& vector : vectors) {
    if (vector.name == name) return &vector;
  }
  return nullptr;
}

}  // namespace vecferry
