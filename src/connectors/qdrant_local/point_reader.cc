#include <algorithm>
#include <cstring>

#include <fmt/format.h>

#include "base/text.h"
#include "connector/payload_record.h"
#include "connectors/qdrant_local/point.h"
#include "record/elements.h"

namespace vecferry::qdrant_local {
namespace {

Fault Corrupt(std::string message) { return {"corrupt-point", std::move(message)}; }

bool AllDigits(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789") == text.npos;
}

/// The fast path: floats as they stand in the pickle. False where some was rounded.
bool StorePackedF32(const uint8_t* packed, uint32_t count, uint8_t* out) {
  bool exact = true;
  for (uint32_t i = 0; i < count; ++i, packed += 9, out += 4) {
    const double value = PackedFloat(packed);
    const auto narrow = static_cast<float>(value);
    exact &= (static_cast<double>(narrow) == value) | (value != value);
    std::memcpy(out, &narrow, 4);
  }
  return exact;
}

}  // namespace

PointReader::PointReader(const RecordSchema& schema, const Layout& layout)
    : schema_(schema), layout_(layout), payload_(layout) {}

Fault PointReader::CheckFieldsSet(const PyValue& state, std::string_view key, const std::vector<std::string_view>& allowed) {
  const PyValue* set = pickle_.Find(state, key);
  if (!set) return {};
  if (!set->is(PyType::set)) return Corrupt(fmt::format("{} is no set", key));
  return pickle_.Each(*set, [&](const PyValue& item) -> Fault {
    if (item.is(PyType::text) && std::find(allowed.begin(), allowed.end(), item.view()) != allowed.end()) return {};
    return Corrupt(fmt::format("{} holds something that is no field", key));
  });
}

/// The fields of a pydantic object of either generation; everything beside them must be empty.
Fault PointReader::CheckState(const PyValue& object, const PyValue** fields) {
  const PyValue* state = pickle_.State(object);
  if (!state) return Corrupt("the object has no state");
  if (pickle_.Duplicated(*state)) return Corrupt("a key of its state stands twice");
  Fault fault = pickle_.EachPair(*state, [&](const PyValue& key, const PyValue& value) -> Fault {
    const std::string_view name = key.is(PyType::text) ? key.view() : std::string_view();
    if (name == "__dict__") return value.is(PyType::dict) ? Fault{} : Corrupt("its fields are no dictionary");
    if (name == "__fields_set__" || name == "__pydantic_fields_set__") return {};
    if (name == "__pydantic_extra__" || name == "__pydantic_private__" || name == "__private_attribute_values__") {
      if (value.is(PyType::none) || (value.is(PyType::dict) && pickle_.Count(value) == 0)) return {};
      return Corrupt(fmt::format("{} is not empty", name));
    }
    return Corrupt("its state has a key that is not known");
  });
  if (fault) return fault;
  *fields = pickle_.Find(*state, "__dict__");
  if (!*fields) return Corrupt("the object has no fields");
  if (pickle_.Duplicated(**fields)) return Corrupt("a field stands twice");
  static const std::vector<std::string_view> kPoint = {"id", "vector", "payload"}, kSparse = {"indices", "values"};
  const auto& allowed = object.cls == PyClass::point_struct ? kPoint : kSparse;
  fault = pickle_.EachPair(**fields, [&](const PyValue& key, const PyValue&) -> Fault {
    if (key.is(PyType::text) && std::find(allowed.begin(), allowed.end(), key.view()) != allowed.end()) return {};
    return Corrupt("it has a field that is not known");
  });
  if (fault) return fault;
  if ((fault = CheckFieldsSet(*state, "__fields_set__", allowed))) return fault;
  return CheckFieldsSet(*state, "__pydantic_fields_set__", allowed);
}

Fault PointReader::Open(std::string_view key, std::string_view blob, PointFacts* facts) {
  *facts = PointFacts{};
  PointId key_id;
  const bool key_read = ParseKey(key, key_pickle_, key_buffer_, &key_id);
  if (key_read) facts->id = key_id;
  if (const Status status = pickle_.Parse(blob); !status.ok()) return Corrupt(status.message());
  const PyValue& root = pickle_.root();
  if (!root.is(PyType::object) || root.cls != PyClass::point_struct) return Corrupt("the row holds no point");
  const PyValue* fields;
  if (Fault fault = CheckState(root, &fields)) return fault;
  const PyValue* id = pickle_.Find(*fields, "id");
  vector_ = pickle_.Find(*fields, "vector");
  payload_value_ = pickle_.Find(*fields, "payload");
  if (!id || !vector_) return Corrupt("the point lacks its id or vector");
  if (!PointId::FromPickle(*id, &facts->id)) return Corrupt("the point's id is neither an integer nor a text");
  if (!key_read) return {"corrupt-key", "the key of the row is no id"};
  if (!(key_id == facts->id)) {
    return {"key-mismatch", fmt::format("the row of key {} holds the point {}", Printable(key_id.Spelled(), 100),
                                        Printable(facts->id.Spelled(), 100))};
  }
  canonical_.clear();
  AppendKey(facts->id, &canonical_);
  facts->key_canonical = canonical_ == key;
  return {};
}

bool PointReader::IsBookkeeping(const PointFacts& facts) const {
  if (!layout_.bookkeeping || !payload_value_ || !payload_value_->is(PyType::dict)) return false;
  if (facts.id.Spelled() != layout_.bookkeeping->point_id || facts.id.kind == PointId::Kind::other_text) return false;
  const auto& keys = layout_.bookkeeping->must_have;
  return std::all_of(keys.begin(), keys.end(), [&](const auto& key) { return pickle_.Find(*payload_value_, key) != nullptr; });
}

Fault PointReader::ReadPayload(PointFacts* facts, DecodedPayload* payload) {
  payload_.Begin();
  Fault fault;
  if (!payload_value_ || payload_value_->is(PyType::none)) {
    const Status status = payload_.BeginObject();
    const Status end = payload_.EndObject();
    if (!status.ok() || !end.ok()) return FaultOf(status.ok() ? end : status);
  } else if (!payload_value_->is(PyType::dict)) {
    return Corrupt("the payload is no dictionary");
  } else if ((fault = pickle_.Visit(*payload_value_, payload_))) {
    return fault;
  }
  const std::string point_id = facts->id.Spelled();
  auto decoded = payload_.End(point_id);
  if (!decoded.ok()) return FaultOf(decoded.status());
  *payload = std::move(*decoded);
  if (facts->id.kind == PointId::Kind::other_text && AllDigits(point_id)) {
    return {"invalid-id", fmt::format("the id is the text {}, which cannot be told from a number", Printable(point_id, 100))};
  }
  facts->has_document = payload->document.has_value();
  facts->has_tenant = payload->tenant.has_value();
  if (payload->tenant) facts->tenant = *payload->tenant;
  facts->record_id = UnmapId(layout_, point_id, *payload);
  return FaultOf(KeepAsMetadata(layout_, schema_.has_document, schema_.has_tenant, payload));
}

Fault PointReader::Append(BatchBuilder& builder, PointFacts* facts) {
  if (IsBookkeeping(*facts)) {
    facts->bookkeeping = true;
    return {};
  }
  DecodedPayload payload;
  if (Fault fault = ReadPayload(facts, &payload)) return fault;
  builder.Id(facts->record_id);
  if (payload.tenant) builder.Tenant(*payload.tenant);
  if (payload.document) builder.Document(*payload.document);
  builder.Metadata(payload.metadata);
  if (Fault fault = AppendVectors(builder, facts)) {
    builder.DropRow();
    return fault;
  }
  builder.EndRow();
  return {};
}

Fault PointReader::AppendVectors(BatchBuilder& builder, PointFacts* facts) {
  const auto column_of = [&](std::string_view name) -> std::ptrdiff_t {
    const auto at = std::find_if(schema_.vectors.begin(), schema_.vectors.end(), [&](const auto& v) { return v.name == name; });
    return at == schema_.vectors.end() ? -1 : at - schema_.vectors.begin();
  };
  if (vector_->is(PyType::list)) {
    const auto column = column_of("");
    if (column < 0) return {"unknown-vector", "the point has an unnamed vector and the collection has none"};
    return AppendVector(*vector_, static_cast<size_t>(column), builder, facts);
  }
  if (!vector_->is(PyType::dict)) return {"unsupported-vector", "the vector is neither a list nor a dictionary"};
  if (pickle_.Duplicated(*vector_)) return Corrupt("a vector's name stands twice");
  return pickle_.EachPair(*vector_, [&](const PyValue& name, const PyValue& value) -> Fault {
    if (!name.is(PyType::text)) return Corrupt("a vector's name is no text");
    const auto column = column_of(name.view());
    if (column < 0) {
      return {"unknown-vector", fmt::format("the collection has no vector {}", Printable(name.view(), 100))};
    }
    return value.is(PyType::none) ? Fault{} : AppendVector(value, static_cast<size_t>(column), builder, facts);
  });
}

Fault PointReader::AppendVector(const PyValue& value, size_t column, BatchBuilder& builder, PointFacts* facts) {
  const VectorSpec& spec = schema_.vectors[column];
  const bool sparse = value.is(PyType::object) && value.cls == PyClass::sparse_vector;
  if (!sparse && !value.is(PyType::list)) return {"unsupported-vector", "a vector is neither a list nor sparse"};
  if (sparse != (spec.kind == VectorKind::sparse)) {
    return {"wrong-vector-kind", fmt::format("the vector '{}' is {}sparse", Printable(spec.name, 100), sparse ? "" : "not ")};
  }
  switch (spec.kind) {
    case VectorKind::dense: return AppendDense(value, column, builder, facts);
    case VectorKind::multi: return AppendMulti(value, column, builder, facts);
    default: return AppendSparseVector(value, column, builder, facts);
  }
}

Fault PointReader::ReadFloats(const PyValue& list, const VectorSpec& spec, uint8_t* out, bool* rounded) {
  const auto width = static_cast<size_t>(spec.element == Element::u8 ? 1 : spec.element == Element::f16 ? 2 : 4);
  return pickle_.EachRun(list, [&](const PyRun& run) -> Fault {
    if (run.packed && spec.element == Element::f32) {
      if (!StorePackedF32(run.packed, run.count, out)) *rounded = true;
      out += run.count * size_t{4};
      return {};
    }
    for (uint32_t i = 0; i < run.count; ++i, out += width) {
      const PyValue item = pickle_.Item(run, i);
      if (!item.is(PyType::real) && !item.is(PyType::integer)) {
        return {"wrong-vector-kind", fmt::format("an element of the vector '{}' is no number", Printable(spec.name, 100))};
      }
      const double value = item.is(PyType::real) ? item.real : static_cast<double>(item.integer);
      if (!StoreElement(value, spec.element, out)) *rounded = true;
    }
    return {};
  });
}

Fault PointReader::AppendDense(const PyValue& value, size_t column, BatchBuilder& builder, PointFacts* facts) {
  const VectorSpec& spec = schema_.vectors[column];
  if (pickle_.Count(value) != static_cast<uint32_t>(spec.dims)) {
    return {"wrong-dimensions", fmt::format("the vector '{}' has {} elements, the collection's have {}",
                                            Printable(spec.name, 100), pickle_.Count(value), spec.dims)};
  }
  return ReadFloats(value, spec, builder.VectorSpace(column), &facts->rounded);
}

Fault PointReader::AppendMulti(const PyValue& value, size_t column, BatchBuilder& builder, PointFacts* facts) {
  const VectorSpec& spec = schema_.vectors[column];
  const size_t width = static_cast<size_t>(spec.dims) * 4;
  // One row may be referred to again and again: what comes out is bounded, not only what stands there.
  if (pickle_.Count(value) * width > (size_t{256} << 20)) return {"unsupported-vector", "a multi-vector of more than 256 MiB"};
  multi_.resize(pickle_.Count(value) * width);
  uint8_t* out = multi_.data();
  Fault fault = pickle_.Each(value, [&](const PyValue& row) -> Fault {
    if (!row.is(PyType::list)) return {"wrong-vector-kind", "a row of a multi-vector is no list"};
    if (pickle_.Count(row) != static_cast<uint32_t>(spec.dims)) {
      return {"wrong-dimensions", fmt::format("a row of the vector '{}' has {} elements, the collection's have {}",
                                              Printable(spec.name, 100), pickle_.Count(row), spec.dims)};
    }
    Fault inner = ReadFloats(row, spec, out, &facts->rounded);
    out += width;
    return inner;
  });
  if (fault) return fault;
  builder.Multi(column, {reinterpret_cast<const char*>(multi_.data()), multi_.size()}, pickle_.Count(value));
  return {};
}

Fault PointReader::AppendSparseVector(const PyValue& value, size_t column, BatchBuilder& builder, PointFacts* facts) {
  const PyValue* fields;
  if (Fault fault = CheckState(value, &fields)) return fault;
  const PyValue* indices = pickle_.Find(*fields, "indices");
  const PyValue* values = pickle_.Find(*fields, "values");
  if (!indices || !values || !indices->is(PyType::list) || !values->is(PyType::list) ||
      pickle_.Count(*indices) != pickle_.Count(*values)) {
    return {"corrupt-point", "a sparse vector whose indices and values do not match"};
  }
  indices_.clear(), values_.assign(pickle_.Count(*values), 0.0f);
  Fault fault = pickle_.Each(*indices, [&](const PyValue& item) -> Fault {
    if (!item.is(PyType::integer) || item.integer < 0 || item.integer > UINT32_MAX) {
      return {"unsupported-vector", "an index of a sparse vector is no 32-bit number"};
    }
    indices_.push_back(static_cast<uint32_t>(item.integer));
    return {};
  });
  if (fault) return fault;
  const VectorSpec floats{.name = schema_.vectors[column].name};
  if ((fault = ReadFloats(*values, floats, reinterpret_cast<uint8_t*>(values_.data()), &facts->rounded))) return fault;
  if (!std::is_sorted(indices_.begin(), indices_.end())) {
    sparse_.clear();
    for (size_t i = 0; i < indices_.size(); ++i) sparse_.emplace_back(indices_[i], values_[i]);
    std::sort(sparse_.begin(), sparse_.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
    for (size_t i = 0; i < sparse_.size(); ++i) std::tie(indices_[i], values_[i]) = sparse_[i];
  }
  if (std::adjacent_find(indices_.begin(), indices_.end()) != indices_.end()) {
    return {"unsupported-vector", "an index of a sparse vector stands twice"};
  }
  builder.Sparse(column, indices_.data(), values_.data(), indices_.size());
  return {};
}

}  // namespace vecferry::qdrant_local
