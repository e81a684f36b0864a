#include "sidecar/splitter.h"

#include <fmt/format.h>

#include "base/text.h"

namespace vecferry::sidecar {
namespace {

Status NoEntry(std::string message) { return BadRecord("bad-entry", std::move(message)); }

}  // namespace

Splitter::Splitter(Shape shape, Fields fields) : MemberSplitter(NoEntry("an entry that is not an object")), shape_(shape), names_(std::move(fields)) {}

const JsonMember* Splitter::Find(std::string_view key) const {
  for (const JsonMember& each : members()) {
    if (each.key == key) return &each;
  }
  return nullptr;
}

const JsonMember* Splitter::FirstOf(std::initializer_list<std::string_view> keys, Kind kind) const {
  for (const auto key : keys) {
    const JsonMember* found = Find(key);
    if (found && found->kind == kind) return found;
  }
  return nullptr;
}

Status Splitter::Own(Entry* entry) const {
  for (const JsonMember& each : members()) {
    if (each.key == "metadata" && each.kind == Kind::object) entry->metadata = each.json;
    else if (each.kind != Kind::string) return NoEntry(fmt::format("'{}' is of an unexpected type", Printable(each.key, 100)));
    else if (each.key == "id") entry->id = each.text;
    else if (each.key == "tenant") entry->tenant = each.text;
    else if (each.key == "document") entry->document = each.text;
    else return NoEntry(fmt::format("a side-car's line has no '{}'", Printable(each.key, 100)));
  }
  return entry->id ? Status::OK() : NoEntry("it has no id");
}

/// One object for the metadata, beside it an id, a text, a tenant and nothing else.
bool Splitter::Structured(Entry* entry) const {
  const JsonMember* metadata = FirstOf({"metadata", "properties", "payload"}, Kind::object);
  if (!metadata) return false;
  const JsonMember* id = Find("id");
  const JsonMember* document = FirstOf({"document", "text", "page_content", "content"}, Kind::string);
  const JsonMember* tenant = FirstOf({"tenant", "namespace"}, Kind::string);
  for (const JsonMember& each : members()) {
    const bool known = &each == metadata || &each == id || &each == document || &each == tenant;
    if (!known && !(each.kind == Kind::null && (each.key == "document" || each.key == "tenant" || each.key == "text"))) return false;
  }
  if (id && id->kind != Kind::string && id->kind != Kind::integer) return false;
  entry->metadata = metadata->json;
  if (id) entry->id = id->text;
  if (document) entry->document = document->text;
  if (tenant) entry->tenant = tenant->text;
  return true;
}

Status Splitter::Plain(Entry* entry) const {
  entry->metadata = "{";
  for (const JsonMember& each : members()) {
    if (each.key == "id" && (each.kind == Kind::string || each.kind == Kind::integer)) {
      entry->id = each.text;
    } else if (each.key == names_.document && each.kind == Kind::string) {
      entry->document = each.text;
    } else if (each.key == names_.tenant && each.kind == Kind::string) {
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
