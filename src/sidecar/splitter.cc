#include "sidecar/splitter.h"

#include <fmt/format.h>

#include "base/text.h"

namespace vecferry::sidecar {
namespace {

Status NoEntry(std::string message) { return BadRecord("bad-entry", std::move(message)); }

}  // namespace

void Splitter::Begin() {
  used_ = 0;
  depth_ = 0;
  scratch_.clear();
  writer_ = JsonWriter(&scratch_);
}

Status Splitter::Scalar(Kind kind, std::string text, Status written) {
  ARROW_RETURN_NOT_OK(written);
  if (depth_ == 0) return NoEntry("an entry that is not an object");
  if (depth_ > 1) return Status::OK();
  field().kind = kind;
  field().text = std::move(text);
  field().json = std::move(scratch_);
  scratch_.clear();
  writer_ = JsonWriter(&scratch_);
  return Status::OK();
}

Status Splitter::Null() { return Scalar(Kind::null, {}, writer_.Null()); }
Status Splitter::Bool(bool value) { return Scalar(Kind::other, {}, writer_.Bool(value)); }
Status Splitter::Int(int64_t value) { return Scalar(Kind::integer, depth_ == 1 ? std::to_string(value) : "", writer_.Int(value)); }
Status Splitter::Uint(uint64_t value) { return Scalar(Kind::integer, depth_ == 1 ? std::to_string(value) : "", writer_.Uint(value)); }
Status Splitter::Double(double value) { return Scalar(Kind::other, {}, writer_.Double(value)); }
Status Splitter::String(std::string_view utf8) { return Scalar(Kind::text, depth_ == 1 ? std::string(utf8) : "", writer_.String(utf8)); }
Status Splitter::Special(std::string_view type, std::string_view text) { return Scalar(Kind::other, {}, writer_.Special(type, text)); }

Status Splitter::BeginObject() { return depth_++ == 0 ? Status::OK() : writer_.BeginObject(); }

Status Splitter::Key(std::string_view utf8) {
  if (depth_ > 1) return writer_.Key(utf8);
  if (used_ == fields_.size()) fields_.emplace_back();
  ++used_;
  field().key = utf8;
  return Status::OK();
}

Status Splitter::EndObject() {
  if (--depth_ == 0) return Status::OK();
  return depth_ == 1 ? Scalar(Kind::object, {}, writer_.EndObject()) : writer_.EndObject();
}

Status Splitter::BeginArray() {
  if (depth_++ == 0) return NoEntry("an entry that is not an object");
  return writer_.BeginArray();
}
Status Splitter::EndArray() {
  --depth_;
  return depth_ == 1 ? Scalar(Kind::other, {}, writer_.EndArray()) : writer_.EndArray();
}

const Splitter::Field* Splitter::Find(std::string_view key) const {
  for (size_t i = 0; i < used_; ++i) {
    if (fields_[i].key == key) return &fields_[i];
  }
  return nullptr;
}

const Splitter::Field* Splitter::FirstOf(std::initializer_list<std::string_view> keys, Kind kind) const {
  for (const auto key : keys) {
    const Field* found = Find(key);
    if (found && found->kind == kind) return found;
  }
  return nullptr;
}

Status Splitter::Own(Entry* entry) const {
  for (size_t i = 0; i < used_; ++i) {
    const Field& each = fields_[i];
    if (each.key == "metadata" && each.kind == Kind::object) entry->metadata = each.json;
    else if (each.kind != Kind::text) return NoEntry(fmt::format("'{}' is of an unexpected type", Printable(each.key, 100)));
    else if (each.key == "id") entry->id = each.text;
    else if (each.key == "tenant") entry->tenant = each.text;
    else if (each.key == "document") entry->document = each.text;
    else return NoEntry(fmt::format("a side-car's line has no '{}'", Printable(each.key, 100)));
  }
  return entry->id ? Status::OK() : NoEntry("it has no id");
}

/// One object for the metadata, beside it an id, a text, a tenant and nothing else.
bool Splitter::Structured(Entry* entry) const {
  const Field* metadata = FirstOf({"metadata", "properties", "payload"}, Kind::object);
  if (!metadata) return false;
  const Field* id = Find("id");
  const Field* document = FirstOf({"document", "text", "page_content", "content"}, Kind::text);
  const Field* tenant = FirstOf({"tenant", "namespace"}, Kind::text);
  for (size_t i = 0; i < used_; ++i) {
    const Field* each = &fields_[i];
    const bool known = each == metadata || each == id || each == document || each == tenant;
    if (!known && !(each->kind == Kind::null && (each->key == "document" || each->key == "tenant" || each->key == "text"))) return false;
  }
  if (id && id->kind != Kind::text && id->kind != Kind::integer) return false;
  entry->metadata = metadata->json;
  if (id) entry->id = id->text;
  if (document) entry->document = document->text;
  if (tenant) entry->tenant = tenant->text;
  return true;
}

Status Splitter::Plain(Entry* entry) const {
  entry->metadata = "{";
  for (size_t i = 0; i < used_; ++i) {
    const Field& each = fields_[i];
    if (each.key == "id" && (each.kind == Kind::text || each.kind == Kind::integer)) {
      entry->id = each.text;
    } else if (each.key == names_.document && each.kind == Kind::text) {
      entry->document = each.text;
    } else if (each.key == names_.tenant && each.kind == Kind::text) {
      entry->tenant = each.text;
    } else {
      if (entry->metadata.size() > 1) entry->metadata += ',';
      AppendJsonString(each.key, &entry->metadata);
      entry->metadata += ':';
      entry->metadata += each.json;
    }
  }
  entry->metadata += '}';
  return Status::OK();
}

Status Splitter::End(Entry* entry) {
  entry->id.reset(), entry->tenant.reset(), entry->document.reset();
  entry->metadata = "{}";
  if (shape_ == Shape::own) return Own(entry);
  return Structured(entry) ? Status::OK() : Plain(entry);
}

}  // namespace vecferry::sidecar
