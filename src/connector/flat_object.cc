#include "connector/flat_object.h"

#include "base/error.h"

namespace vecferry {

void FlatObject::Begin(std::string* out) {
  out_ = out;
  depth_ = 0;
  any_ = false;
}

Status FlatObject::Look(const Value& value) {
  if (!misfit_.ok()) return Status::OK();
  misfit_ = Holds(value);
  return encode_ ? Status::OK() : misfit_;
}

template <class Event>
Status FlatObject::Scalar(const Value& value, Event event) {
  if (depth_ == 0) return BadRecord("metadata-not-an-object", "the metadata is not a JSON object");
  ARROW_RETURN_NOT_OK(Look(value));
  ARROW_RETURN_NOT_OK(event(*writer_));
  return depth_ == 1 ? EndMember() : Status::OK();
}

Status FlatObject::EndMember() {
  const bool as_text = !misfit_.ok();
  ARROW_ASSIGN_OR_RAISE(const std::string name, NameOf(key_));
  if (as_text) {
    std::string text;
    AppendJsonString(value_, &text);
    AddMember(name, text);
  } else {
    AddMember(name, value_);
  }
  Added(name, as_text);
  return Status::OK();
}

void FlatObject::AddMember(std::string_view name, std::string_view json) {
  if (any_) *out_ += ',';
  any_ = true;
  AppendJsonString(name, out_);
  *out_ += ':';
  *out_ += json;
}

Status FlatObject::Null() {
  return Scalar({Kind::null, depth_}, [](JsonWriter& to) { return to.Null(); });
}
Status FlatObject::Bool(bool value) {
  return Scalar({Kind::boolean, depth_}, [=](JsonWriter& to) { return to.Bool(value); });
}
Status FlatObject::Int(int64_t value) {
  return Scalar({.kind = Kind::integer, .depth = depth_, .integer = value}, [=](JsonWriter& to) { return to.Int(value); });
}
Status FlatObject::Uint(uint64_t value) {
  return Scalar({Kind::unsigned_integer, depth_}, [=](JsonWriter& to) { return to.Uint(value); });
}
Status FlatObject::Double(double value) {
  return Scalar({.kind = Kind::real, .depth = depth_, .real = value}, [=](JsonWriter& to) { return to.Double(value); });
}
Status FlatObject::String(std::string_view utf8) {
  if (depth_ == 1 && TakesAside(utf8)) return Status::OK();
  return Scalar({Kind::string, depth_}, [=](JsonWriter& to) { return to.String(utf8); });
}
Status FlatObject::Special(std::string_view type, std::string_view text) {
  return Scalar({.kind = Kind::special, .depth = depth_, .special = type}, [=](JsonWriter& to) { return to.Special(type, text); });
}

Status FlatObject::Key(std::string_view utf8) {
  if (depth_ != 1) return writer_->Key(utf8);
  key_ = utf8;
  value_.clear();
  writer_.emplace(&value_);
  misfit_ = Status::OK();
  return Status::OK();
}

Status FlatObject::BeginObject() {
  if (depth_ == 0) {
    depth_ = 1;
    *out_ += '{';
    return Status::OK();
  }
  ARROW_RETURN_NOT_OK(Look({Kind::object, depth_}));
  ++depth_;
  return writer_->BeginObject();
}

Status FlatObject::EndObject() {
  if (--depth_ > 0) {
    ARROW_RETURN_NOT_OK(writer_->EndObject());
    return depth_ == 1 ? EndMember() : Status::OK();
  }
  BeforeEnd();
  *out_ += '}';
  return Status::OK();
}

Status FlatObject::BeginArray() {
  if (depth_ == 0) return BadRecord("metadata-not-an-object", "the metadata is not a JSON object");
  ARROW_RETURN_NOT_OK(Look({Kind::array, depth_}));
  ++depth_;
  return writer_->BeginArray();
}

Status FlatObject::EndArray() {
  --depth_;
  ARROW_RETURN_NOT_OK(writer_->EndArray());
  if (depth_ > 1) return Status::OK();
  if (misfit_.ok()) misfit_ = HoldsArray();
  return misfit_.ok() || encode_ ? EndMember() : misfit_;
}

std::string JsonList(const std::vector<std::string>& texts) {
  std::string out = "[";
  for (size_t i = 0; i < texts.size(); ++i) {
    if (i > 0) out += ',';
    AppendJsonString(texts[i], &out);
  }
  return out + "]";
}

}  // namespace vecferry
