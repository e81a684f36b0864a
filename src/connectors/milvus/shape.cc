#include "connectors/milvus/shape.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/text.h"

namespace vecferry::milvus {
namespace {

/// What the description of a field of our own begins with, before what its name cannot say.
constexpr std::string_view kMark = "vecferry: ";

/// VALUE of "vecferry: ...NAME=VALUE;..." up to the end or a semicolon; nothing where it is not there.
std::optional<std::string_view> MarkOf(std::string_view description, std::string_view name) {
  if (!description.starts_with(kMark)) return std::nullopt;
  std::string_view rest = description.substr(kMark.size());
  while (!rest.empty()) {
    const size_t end = name == "vector" ? rest.size() : std::min(rest.find("; "), rest.size());
    const std::string_view part = rest.substr(0, end);
    if (part.starts_with(name) && part.size() > name.size() && part[name.size()] == '=') return part.substr(name.size() + 1);
    rest.remove_prefix(std::min(rest.size(), end + 2));
  }
  return std::nullopt;
}

Element ElementOf(DataType type) {
  switch (type) {
    case DataType::float16_vector: return Element::f16;
    case DataType::bfloat16_vector: return Element::bf16;
    case DataType::int8_vector: return Element::i8;
    case DataType::binary_vector: return Element::bit;
    default: return Element::f32;
  }
}

bool IsDense(DataType type) { return IsVector(type) && IsKnown(type) && type != DataType::sparse_vector; }

Role RoleOf(const Field& field, const Collection& collection) {
  if (field.key) return Role::key;
  if (field.function_output || !IsKnown(field.type)) return Role::skipped;
  (void)collection;
  return IsVector(field.type) ? Role::vector : Role::scalar;
}

/// A field that a role falls to: the one that was named, which must be there and hold texts, or the layout's, where it does.
Result<std::optional<size_t>> FieldFor(const Shape& shape, const std::string& named, const std::string& usual, std::string_view what) {
  const std::string& name = named.empty() ? usual : named;
  for (size_t i = 0; i < shape.slots.size(); ++i) {
    const Slot& slot = shape.slots[i];
    if (name.empty() || slot.field.name != name || slot.role != Role::scalar) continue;
    if (slot.field.type == DataType::varchar || slot.field.type == DataType::text) return std::optional(i);
  }
  if (named.empty()) return std::nullopt;
  return MakeError(Category::usage, fmt::format("the collection has no VARCHAR field '{}' to be the {}", Printable(named, 200), what), "see its fields with `vecferry inspect`");
}

/// Which vector of a record the field is: what its description says; "" for the only dense one; else its own name.
std::string VectorName(const Field& field, size_t dense) {
  if (const auto marked = MarkOf(field.description, "vector")) return std::string(*marked);
  return IsDense(field.type) && dense == 1 ? "" : field.name;
}

IdKind IdKindOf(const Field& key) {
  if (key.type == DataType::int64) return IdKind::i64;
  const auto marked = MarkOf(key.description, "ids");
  const auto kind = marked ? ParseIdKind(*marked) : Result<IdKind>(IdKind::string);
  return kind.ok() ? *kind : IdKind::string;
}

}  // namespace

Metric MetricOf(std::string_view name) {
  if (name == "COSINE") return Metric::cosine;
  if (name == "IP") return Metric::dot;
  if (name == "L2") return Metric::l2;
  if (name == "HAMMING") return Metric::hamming;
  if (name == "JACCARD") return Metric::jaccard;
  return Metric::unknown;
}

Result<std::string> MetricName(const VectorSpec& spec) {
  if (spec.kind == VectorKind::sparse) return std::string("IP");
  switch (spec.metric) {
    case Metric::cosine: return std::string("COSINE");
    case Metric::dot: return std::string("IP");
    case Metric::l2: return std::string("L2");
    case Metric::hamming: return std::string("HAMMING");
    case Metric::jaccard: return std::string("JACCARD");
    default: return MakeError(Category::unsupported, fmt::format("Milvus has no metric {}", Name(spec.metric)), "say which with --metric");
  }
}

std::vector<std::string> Shape::FieldNames(bool keys_only) const {
  std::vector<std::string> names;
  for (const Slot& slot : slots) {
    if (slot.role == Role::skipped || (keys_only && slot.role != Role::key && slot.role != Role::tenant)) continue;
    names.push_back(slot.field.name);
  }
  if (dynamic && !keys_only) names.emplace_back("$meta");
  return names;
}

const Slot* Shape::FindVector(std::string_view name) const {
  for (const Slot& slot : slots) {
    if (slot.role == Role::vector && schema.vectors[slot.column].name == name) return &slot;
  }
  return nullptr;
}

Result<Shape> ShapeOf(const Collection& collection, const std::vector<Index>& indexes, const Wishes& wishes) {
  Shape shape;
  bool has_key = false;
  size_t dense = 0;
  for (const Index& index : indexes) shape.indexes[index.field] = index;
  for (const Field& field : collection.schema.fields) {
    Slot slot{field, RoleOf(field, collection), 0};
    if (slot.role == Role::key) shape.key = shape.slots.size(), has_key = true;
    dense += slot.role == Role::vector && IsDense(field.type);
    shape.slots.push_back(std::move(slot));
  }
  const Field* key = has_key ? &shape.key_field() : nullptr;
  if (!key || (key->type != DataType::int64 && key->type != DataType::varchar)) {
    return MakeError(Category::unsupported, "the collection has no primary key of Int64 or VarChar", "see its fields with `vecferry inspect`");
  }
  shape.dynamic = collection.schema.dynamic;
  shape.qualified_keys = MarkOf(key->description, "keys") == "tenant/id";
  shape.schema.id_kind = IdKindOf(*key);
  const bool by_partition = wishes.tenant_field == "partition";
  if (!by_partition && wishes.tenant_field != "none") {
    ARROW_ASSIGN_OR_RAISE(shape.tenant, FieldFor(shape, wishes.tenant_field, wishes.layout->tenant_field, "tenant"));
  }
  if (shape.tenant) shape.slots[*shape.tenant].role = Role::tenant;
  ARROW_ASSIGN_OR_RAISE(shape.document, FieldFor(shape, wishes.document_field, wishes.layout->document_field, "document"));
  if (shape.document) shape.slots[*shape.document].role = Role::document;
  shape.partition_tenants = by_partition || (!shape.tenant && wishes.tenant_field.empty() && wishes.has_partitions);
  shape.schema.has_tenant = shape.tenant || shape.partition_tenants;
  shape.schema.has_document = shape.document.has_value();
  for (Slot& slot : shape.slots) {
    const Field& field = slot.field;
    if (slot.role == Role::scalar) shape.schema.field_types[field.name] = NameOf(field.type);
    if (slot.role != Role::vector) continue;
    VectorSpec spec;
    spec.name = VectorName(field, dense);
    spec.kind = IsDense(field.type) ? VectorKind::dense : VectorKind::sparse;
    spec.element = ElementOf(field.type);
    if (spec.kind == VectorKind::dense) {
      if (field.dim() < 1 || field.dim() > (1 << 20)) return MakeError(Category::corrupt, fmt::format("the vector field '{}' has no dimension", Printable(field.name, 200)));
      spec.dims = static_cast<int32_t>(field.dim());
    }
    const auto index = shape.indexes.find(field.name);
    spec.metric = MetricOf(index == shape.indexes.end() ? std::string_view() : ValueOf(index->second.params, "metric_type"));
    slot.column = shape.schema.vectors.size();
    shape.schema.vectors.push_back(std::move(spec));
  }
  return shape;
}

namespace {

/// The slot that takes the vector: of its name, or the only one of its kind where the records have only one.
Slot* PlaceFor(Shape& shape, const RecordSchema& existing, const RecordSchema& schema, const VectorSpec& spec) {
  const auto count = [&](const RecordSchema& of) { return std::count_if(of.vectors.begin(), of.vectors.end(), [&](const auto& v) { return v.kind == spec.kind; }); };
  const bool single = count(existing) == 1 && count(schema) == 1;
  for (Slot& slot : shape.slots) {
    if (slot.role != Role::vector) continue;
    const VectorSpec& at = existing.vectors[slot.column];
    if (at.kind == spec.kind && (single || at.name == spec.name || (!spec.name.empty() && slot.field.name == spec.name))) return &slot;
  }
  return nullptr;
}

Status Refuse(std::string message) { return MakeError(Category::refused, std::move(message), "name another collection, or use --on-exists replace"); }

}  // namespace

Result<Shape> BindShape(Shape shape, const RecordSchema& schema, bool create) {
  const RecordSchema existing = std::move(shape.schema);
  std::vector<std::optional<size_t>> columns(shape.slots.size());
  for (size_t i = 0; i < schema.vectors.size(); ++i) {
    const VectorSpec& spec = schema.vectors[i];
    Slot* slot = PlaceFor(shape, existing, schema, spec);
    if (!slot) return Refuse(fmt::format("the collection has no field for the vector '{}'", Printable(spec.column(), 200)));
    const VectorSpec& at = existing.vectors[slot->column];
    if (spec.kind == VectorKind::dense && (at.element != spec.element || at.dims != spec.dims)) {
      return Refuse(fmt::format("the collection's field '{}' has {} x {}, the records have {} x {}", Printable(slot->field.name, 200), at.dims, Name(at.element), spec.dims, Name(spec.element)));
    }
    if (spec.kind == VectorKind::dense && !create && at.metric != Metric::unknown && spec.metric != Metric::unknown && at.metric != spec.metric) {
      return Refuse(fmt::format("the index of '{}' has the metric {}, the records have {}", Printable(slot->field.name, 200), Name(at.metric), Name(spec.metric)));
    }
    columns[static_cast<size_t>(slot - shape.slots.data())] = i;
  }
  for (size_t i = 0; i < shape.slots.size(); ++i) {
    Slot& slot = shape.slots[i];
    if (slot.role != Role::vector) continue;
    if (columns[i]) slot.column = *columns[i];
    else if (slot.field.nullable) slot.role = Role::skipped;
    else return Refuse(fmt::format("the collection's vector '{}' may not be missing, and the records have none for it", Printable(slot.field.name, 200)));
  }
  shape.schema = schema;
  return shape;
}

Result<Key> KeyOf(const Shape& shape, std::optional<std::string_view> tenant, std::string_view id) {
  if (shape.integer_keys()) {
    const auto number = ParseInt(id);
    if (!number.ok() || std::to_string(*number) != id) {
      return BadRecord("id-not-an-integer", fmt::format("the id '{}' is not an integer of 64 bits, and the collection's key is one", Printable(id, 100)));
    }
    return Key::Of(*number);
  }
  std::string key;
  if (shape.qualified_keys) key = PercentEncode(tenant.value_or(std::string_view())) + "/";
  key += id;
  const int64_t most = shape.key_field().max_length();
  if (most > 0 && static_cast<int64_t>(key.size()) > most) {
    return BadRecord("id-too-long", fmt::format("the id '{}...' makes a key of {} bytes, and the collection's key has at most {}", Printable(id.substr(0, 60)), key.size(), most));
  }
  if (!IsValidUtf8(key)) return BadRecord("invalid-utf8", "the id is not valid UTF-8");
  return Key::Of(key);
}

std::string IdOf(const Shape& shape, const Key& key) {
  std::string spelled = key.Spelled();
  if (!shape.qualified_keys) return spelled;
  const size_t slash = spelled.find('/');
  return slash == std::string::npos ? spelled : spelled.substr(slash + 1);
}

}  // namespace vecferry::milvus
