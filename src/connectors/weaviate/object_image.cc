#include "connectors/weaviate/object_image.h"

#include <cstring>

#include <google/protobuf/struct.pb.h>

#include "weaviate_pb/weaviate.pb.h"

namespace vecferry::weaviate {
namespace {

using google::protobuf::Struct;
using google::protobuf::Value;

void Carry(const pb::Properties& from, Struct* to);

template <class T>
void CarryNumbers(const std::string& bytes, google::protobuf::ListValue* to) {
  for (size_t at = 0; at + sizeof(T) <= bytes.size(); at += sizeof(T)) {
    T number;
    std::memcpy(&number, bytes.data() + at, sizeof(T));
    to->add_values()->set_number_value(static_cast<double>(number));
  }
}

void CarryList(const pb::ListValue& from, google::protobuf::ListValue* to) {
  using Kind = pb::ListValue;
  const auto texts = [&](const pb::TextValues& values) {
    for (const auto& each : values.values()) to->add_values()->set_string_value(each);
  };
  switch (from.kind_case()) {
    case Kind::kNumberValues: return CarryNumbers<double>(from.number_values().values(), to);
    case Kind::kIntValues: return CarryNumbers<int64_t>(from.int_values().values(), to);
    case Kind::kBoolValues:
      for (const bool each : from.bool_values().values()) to->add_values()->set_bool_value(each);
      return;
    case Kind::kObjectValues:
      for (const auto& each : from.object_values().values()) Carry(each, to->add_values()->mutable_struct_value());
      return;
    case Kind::kDateValues: return texts(from.date_values());
    case Kind::kUuidValues: return texts(from.uuid_values());
    case Kind::kTextValues: return texts(from.text_values());
    case Kind::KIND_NOT_SET: return;
  }
}

void CarryValue(const pb::Value& from, Value* to) {
  using Kind = pb::Value;
  switch (from.kind_case()) {
    case Kind::kNumberValue: return to->set_number_value(from.number_value());
    case Kind::kBoolValue: return to->set_bool_value(from.bool_value());
    case Kind::kObjectValue: return Carry(from.object_value(), to->mutable_struct_value());
    case Kind::kListValue: return CarryList(from.list_value(), to->mutable_list_value());
    case Kind::kDateValue: return to->set_string_value(from.date_value());
    case Kind::kUuidValue: return to->set_string_value(from.uuid_value());
    case Kind::kIntValue: return to->set_number_value(static_cast<double>(from.int_value()));
    case Kind::kBlobValue: return to->set_string_value(from.blob_value());
    case Kind::kTextValue: return to->set_string_value(from.text_value());
    case Kind::kGeoValue: {
      auto& fields = *to->mutable_struct_value()->mutable_fields();
      fields["latitude"].set_number_value(static_cast<double>(from.geo_value().latitude()));
      fields["longitude"].set_number_value(static_cast<double>(from.geo_value().longitude()));
      return;
    }
    case Kind::kPhoneValue: {
      auto& fields = *to->mutable_struct_value()->mutable_fields();
      fields["input"].set_string_value(from.phone_value().input());
      if (!from.phone_value().default_country().empty()) fields["defaultCountry"].set_string_value(from.phone_value().default_country());
      return;
    }
    case Kind::kNullValue:
    case Kind::KIND_NOT_SET: return to->set_null_value(google::protobuf::NULL_VALUE);
  }
}

void Carry(const pb::Properties& from, Struct* to) {
  to->mutable_fields();
  for (const auto& [name, value] : from.fields()) {
    if (value.kind_case() != pb::Value::kNullValue) CarryValue(value, &(*to->mutable_fields())[name]);
  }
}

/// "weaviate://localhost/CLASS/UUID", the class left out by old writers.
void CarryReferences(const References& references, const ClassSchema& schema, pb::BatchObject::Properties* out) {
  for (const auto& [property, beacons] : references) {
    const auto type = schema.properties.find(property);
    if (type == schema.properties.end()) continue;
    for (const auto& beacon : beacons) {
      const size_t slash = beacon.rfind('/');
      if (slash == beacon.npos) continue;
      const std::string uuid = beacon.substr(slash + 1), rest = beacon.substr(0, slash);
      if (!type->second.several) {
        auto* list = out->single_target_ref_props_size() > 0 ? out->mutable_single_target_ref_props(out->single_target_ref_props_size() - 1) : nullptr;
        if (!list || list->prop_name() != property) list = out->add_single_target_ref_props();
        list->set_prop_name(property);
        list->add_uuids(uuid);
      } else {
        auto* each = out->add_multi_target_ref_props();
        each->set_prop_name(property);
        each->set_target_collection(rest.substr(rest.rfind('/') + 1));
        each->add_uuids(uuid);
      }
    }
  }
}

}  // namespace

void ImageOf(const pb::SearchResult& object, const ClassSchema& schema, const References& references, pb::BatchObject* out) {
  out->set_uuid(object.metadata().id());
  Carry(object.properties().non_ref_props(), out->mutable_properties()->mutable_non_ref_properties());
  CarryReferences(references, schema, out->mutable_properties());
  if (!object.metadata().vector_bytes().empty()) out->set_vector_bytes(object.metadata().vector_bytes());
  for (const auto& vector : object.metadata().vectors()) {
    if (!vector.vector_bytes().empty()) *out->add_vectors() = vector;
  }
}

}  // namespace vecferry::weaviate
