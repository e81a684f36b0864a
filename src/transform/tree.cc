#include "transform/tree.h"

#include <algorithm>
#include <bit>

namespace vecferry {

Status MetadataTree::Parse(std::string_view json) {
  Clear();
  if (json.empty() || json == "{}") return Begin(Kind::object);
  ARROW_RETURN_NOT_OK(reader_.Visit(json, *this));
  if (parsed_ != 0 || kind(0) != Kind::object) return BadRecord("bad-metadata", "the metadata is no JSON object");
  return Status::OK();
}

void MetadataTree::Clear() {
  nodes_.clear();
  bytes_.clear();
  open_.clear();
  parsed_ = kNone;
}

double MetadataTree::real(int node) const { return std::bit_cast<double>(at(node).bits); }

int MetadataTree::NewReal(double value) { return Add({.kind = Kind::real, .bits = std::bit_cast<uint64_t>(value)}); }

int MetadataTree::NewString(std::string_view value) {
  const Span text = Keep(value);
  return Add({.kind = Kind::string, .text = text});
}

Result<int> MetadataTree::NewJson(std::string_view json) {
  open_.clear();
  parsed_ = kNone;
  ARROW_RETURN_NOT_OK(reader_.Visit(json, *this));
  return parsed_;
}

MetadataTree::Span MetadataTree::Keep(std::string_view text) {
  const Span span{static_cast<uint32_t>(bytes_.size()), static_cast<uint32_t>(text.size())};
  bytes_.append(text);
  return span;
}

int MetadataTree::Add(Node node) {
  nodes_.push_back(node);
  return static_cast<int>(nodes_.size()) - 1;
}

int MetadataTree::Child(int object, std::string_view key) const {
  for (int child = at(object).first; child != kNone; child = at(child).next) {
    if (View(at(child).key) == key) return child;
  }
  return kNone;
}

int MetadataTree::Find(const std::vector<std::string>& path) const {
  int node = 0;
  for (const auto& key : path) {
    if (kind(node) != Kind::object) return kNone;
    node = Child(node, key);
    if (node == kNone) return kNone;
  }
  return node;
}

int MetadataTree::Depth(int node) const {
  int deepest = 0;
  for (int child = at(node).first; child != kNone; child = at(child).next) deepest = std::max(deepest, 1 + Depth(child));
  return deepest;
}

std::string_view MetadataTree::TypeName(int node) const {
  switch (kind(node)) {
    case Kind::null: return "null";
    case Kind::boolean: return "boolean";
    case Kind::integer:
    case Kind::unsigned_integer: return "integer";
    case Kind::real: return "real";
    case Kind::string: return "string";
    case Kind::special: return special_type(node);
    case Kind::object: return "object";
    case Kind::array: return "array";
  }
  return "";
}

int MetadataTree::Copy(int node) {
  Node copy = at(node);
  copy.parent = copy.first = copy.last = copy.previous = copy.next = kNone;
  const int made = Add(copy);
  for (int child = at(node).first; child != kNone; child = at(child).next) Append(made, Copy(child));
  return made;
}

void MetadataTree::Append(int parent, int node) {
  Node& child = at(node);
  child.parent = parent;
  child.previous = at(parent).last;
  child.next = kNone;
  if (child.previous != kNone) at(child.previous).next = node;
  else at(parent).first = node;
  at(parent).last = node;
}

void MetadataTree::Remove(int node) {
  Node& gone = at(node);
  if (gone.parent == kNone) return;
  if (gone.previous != kNone) at(gone.previous).next = gone.next;
  else at(gone.parent).first = gone.next;
  if (gone.next != kNone) at(gone.next).previous = gone.previous;
  else at(gone.parent).last = gone.previous;
  gone.parent = gone.previous = gone.next = kNone;
}

bool MetadataTree::Put(const std::vector<std::string>& path, int node) {
  int object = 0;
  for (size_t i = 0; i + 1 < path.size(); ++i) {
    int child = Child(object, path[i]);
    if (child == kNone) {
      child = Add({.kind = Kind::object, .key = Keep(path[i])});
      Append(object, child);
    } else if (kind(child) != Kind::object) {
      return false;
    }
    object = child;
  }
  if (Child(object, path.back()) != kNone) return false;
  const Span key = Keep(path.back());
  at(node).key = key;
  Append(object, node);
  return true;
}

void MetadataTree::Rename(int node, std::string_view key) {
  const Span kept = Keep(key);
  at(node).key = kept;
}

void MetadataTree::Replace(int node, int by) {
  Node& old = at(node);
  Node& fresh = at(by);
  fresh.key = old.key;
  fresh.parent = old.parent;
  fresh.previous = old.previous;
  fresh.next = old.next;
  if (old.parent != kNone) {
    if (old.previous != kNone) at(old.previous).next = by;
    else at(old.parent).first = by;
    if (old.next != kNone) at(old.next).previous = by;
    else at(old.parent).last = by;
  }
  old.parent = old.previous = old.next = kNone;
}

Status MetadataTree::Write(int node, std::string* out) const {
  JsonWriter writer(out);
  return Emit(node, writer);
}

Status MetadataTree::Emit(int node, JsonVisitor& out) const {
  const Node& n = at(node);
  switch (n.kind) {
    case Kind::null: return out.Null();
    case Kind::boolean: return out.Bool(n.bits != 0);
    case Kind::integer: return out.Int(static_cast<int64_t>(n.bits));
    case Kind::unsigned_integer: return out.Uint(n.bits);
    case Kind::real: return out.Double(real(node));
    case Kind::string: return out.String(View(n.text));
    case Kind::special: return out.Special(View(n.type), View(n.text));
    case Kind::object:
    case Kind::array: break;
  }
  const bool object = n.kind == Kind::object;
  ARROW_RETURN_NOT_OK(object ? out.BeginObject() : out.BeginArray());
  for (int child = n.first; child != kNone; child = at(child).next) {
    if (object) ARROW_RETURN_NOT_OK(out.Key(View(at(child).key)));
    ARROW_RETURN_NOT_OK(Emit(child, out));
  }
  return object ? out.EndObject() : out.EndArray();
}

Status MetadataTree::Special(std::string_view type, std::string_view text) {
  const Span of = Keep(type), value = Keep(text);
  return Take(Add({.kind = Kind::special, .text = value, .type = of}));
}

Status MetadataTree::Key(std::string_view utf8) { return key_ = Keep(utf8), Status::OK(); }

Status MetadataTree::Take(int node) {
  if (open_.empty()) {
    parsed_ = node;
    return Status::OK();
  }
  at(node).key = key_;
  Append(open_.back(), node);
  return Status::OK();
}

Status MetadataTree::Begin(Kind kind) {
  const int node = Add({.kind = kind});
  ARROW_RETURN_NOT_OK(Take(node));
  open_.push_back(node);
  return Status::OK();
}

}  // namespace vecferry
