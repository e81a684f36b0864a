#include "connectors/weaviate/property_table.h"

#include "base/text.h"
#include "connectors/weaviate/names.h"

namespace vecferry::weaviate {
namespace {

constexpr size_t kDeepestType = 8;

using Base = PropertyType::Base;

}  // namespace

PropertyTable::PropertyTable(const ClassSchema& schema) {
  for (const auto& [name, type] : schema.properties) {
    names_.insert(ToLower(name));
    if (name == kRestProperty) {
      has_rest_ = type.base == Base::text && !type.list;
      continue;
    }
    // Of two that stand for one key the plain one counts.
    const std::string key = KeyOfProperty(name);
    if (key == name) by_key_[key] = {name, type};
    else by_key_.try_emplace(key, Property{name, type});
  }
}

const Property* PropertyTable::Find(std::string_view key) const {
  const auto at = by_key_.find(key);
  return at == by_key_.end() ? nullptr : &at->second;
}

std::optional<std::string> PropertyTable::NameFor(std::string_view key) const {
  if (key == "_id" && !names_.contains(std::string(kIdProperty))) return std::string(kIdProperty);
  if (IsPropertyName(key) && !names_.contains(ToLower(key))) return std::string(key);
  auto name = EncodeName(key);
  if (name && names_.contains(*name)) return std::nullopt;
  return name;
}

void PropertyTable::Add(const std::string& key, Property property) {
  names_.insert(ToLower(property.name));
  by_key_[key] = std::move(property);
}

// ---- what there is to be held

void TypeScout::Observe(Kind kind) {
  if (!at_ || kind == Kind::none) return;
  const bool list = lists_ == 1;
  if (lists_ > 1) return;
  if (at_->kind == Kind::none) {
    at_->kind = kind;
    at_->list = list;
  } else if (at_->list == list && ((at_->kind == Kind::integer && kind == Kind::number) || (at_->kind == Kind::number && kind == Kind::integer))) {
    at_->kind = Kind::number;
  }
}

Status TypeScout::Scalar(Kind kind) {
  Observe(kind);
  return Status::OK();
}

Status TypeScout::Special(std::string_view type, std::string_view text) {
  if (type == "datetime") return Scalar(Kind::date);
  if (type == "bytes" && !text.empty()) return Scalar(Kind::blob);
  return Scalar(type == "geo" ? Kind::geo : Kind::none);
}

Status TypeScout::BeginObject() {
  if (!in_list_.empty()) Observe(Kind::object);
  // Only the members of what is an object, or a list of objects, are learned.
  Seen* holder = in_list_.empty() ? nullptr : at_ && at_->kind == Kind::object && at_->list == (lists_ == 1) && lists_ < 2 ? at_ : nullptr;
  if (holder && open_.size() > kDeepestType) holder->unfit = true, holder = nullptr;
  open_.push_back(holder);
  in_list_.push_back(false);
  return Status::OK();
}

Status TypeScout::Key(std::string_view utf8) {
  lists_ = 0;
  at_ = nullptr;
  if (open_.size() == 1) {
    if (!table_.Find(utf8)) at_ = &seen_[std::string(utf8)];
  } else if (Seen* holder = open_.back()) {
    if (IsName(utf8)) at_ = &holder->nested[std::string(utf8)];
    else holder->unfit = true;
  }
  return Status::OK();
}

Status TypeScout::EndObject() {
  // What follows in a list of objects is of the same holder.
  at_ = open_.back();
  open_.pop_back();
  in_list_.pop_back();
  lists_ = 0;
  for (size_t i = in_list_.size(); i > 0 && in_list_[i - 1]; --i) ++lists_;
  return Status::OK();
}

Status TypeScout::BeginArray() {
  ++lists_;
  in_list_.push_back(true);
  return Status::OK();
}

Status TypeScout::EndArray() {
  --lists_;
  in_list_.pop_back();
  return Status::OK();
}

bool TypeScout::Fits(const Seen& seen) {
  if (seen.kind == Kind::none || seen.unfit) return false;
  if (seen.list && (seen.kind == Kind::blob || seen.kind == Kind::geo)) return false;
  if (seen.kind != Kind::object) return true;
  // One member that has no type makes the whole a value that no property holds exactly, but for those that were never more than null.
  bool any = false;
  for (const auto& [name, member] : seen.nested) {
    if (member.unfit) return false;
    any = any || Fits(member);
  }
  return any;
}

PropertyType TypeScout::TypeOf(const Seen& seen) {
  static constexpr Base kBases[] = {Base::text, Base::boolean, Base::integer, Base::number, Base::text, Base::date, Base::blob, Base::geo, Base::object};
  PropertyType type;
  type.base = kBases[static_cast<int>(seen.kind)];
  type.list = seen.list;
  for (const auto& [name, member] : seen.nested) {
    if (Fits(member)) type.nested[name] = TypeOf(member);
  }
  return type;
}

std::map<std::string, PropertyType> TypeScout::Types() const {
  std::map<std::string, PropertyType> types;
  for (const auto& [key, seen] : seen_) {
    if (Fits(seen)) types[key] = TypeOf(seen);
  }
  return types;
}

}  // namespace vecferry::weaviate
