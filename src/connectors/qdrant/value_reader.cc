#include "connectors/qdrant/value_reader.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "base/text.h"

namespace vecferry::qdrant {
namespace {

constexpr size_t kFew = 24;  ///< members of which each is compared with each

Status Corrupt() { return BadRecord("corrupt-point", "the payload is not what its format allows"); }

Status Text(std::string_view text, JsonVisitor& out) {
  if (!IsValidUtf8(text)) return BadRecord("invalid-utf8", "a text of the payload is not valid UTF-8");
  return out.String(text);
}

Status Real(double value, JsonVisitor& out) {
  if (std::isfinite(value)) return out.Double(value);
  return out.Special("f64", std::isnan(value) ? "NaN" : value > 0 ? "Infinity" : "-Infinity");
}

}  // namespace

Status ValueReader::Add(std::string_view entry) {
  Member member;
  WireReader reader(entry);
  WireField field;
  while (reader.Next(&field)) {
    if (field.is(1, WireType::length)) member.key = field.bytes;
    else if (field.is(2, WireType::length)) member.value = field.bytes;
  }
  if (!reader.ok()) return Corrupt();
  if (!IsValidUtf8(member.key)) return BadRecord("invalid-utf8", "a key of the payload is not valid UTF-8");
  members_.push_back(member);
  return Status::OK();
}

bool ValueReader::Has(std::string_view key) const {
  return std::any_of(members_.begin(), members_.end(), [&](const Member& member) { return member.key == key; });
}

Status ValueReader::Visit(JsonVisitor& out) { return Object(0, 1, out); }

/// The members from `first` on, each key once: where it stands last.
void ValueReader::KeepLast(size_t first) {
  const size_t n = members_.size() - first;
  const auto begin = members_.begin() + static_cast<std::ptrdiff_t>(first);
  bool twice = false;
  order_.clear();
  if (n <= kFew) {
    for (size_t i = 1; i < n && !twice; ++i) {
      twice = std::any_of(begin, begin + static_cast<std::ptrdiff_t>(i), [&](const Member& member) { return member.key == members_[first + i].key; });
    }
    if (!twice) return;
  }
  for (size_t i = first; i < members_.size(); ++i) order_.push_back(i);
  std::sort(order_.begin(), order_.end(), [&](size_t a, size_t b) {
    const int compared = members_[a].key.compare(members_[b].key);
    return compared != 0 ? compared < 0 : a > b;
  });
  // Of equal keys the last stands first; what follows it goes.
  const auto kept = std::unique(order_.begin(), order_.end(), [&](size_t a, size_t b) { return members_[a].key == members_[b].key; });
  if (kept == order_.end()) return;
  order_.erase(kept, order_.end());
  std::sort(order_.begin(), order_.end());
  for (size_t i = 0; i < order_.size(); ++i) members_[first + i] = members_[order_[i]];
  members_.resize(first + order_.size());
}

Status ValueReader::Object(size_t first, int depth, JsonVisitor& out) {
  KeepLast(first);
  ARROW_RETURN_NOT_OK(out.BeginObject());
  const size_t end = members_.size();
  for (size_t i = first; i < end; ++i) {
    const Member member = members_[i];
    ARROW_RETURN_NOT_OK(out.Key(member.key));
    ARROW_RETURN_NOT_OK(Value(member.value, depth, out));
    members_.resize(end);
  }
  return out.EndObject();
}

/// `depth`: containers around it.
Status ValueReader::Value(std::string_view message, int depth, JsonVisitor& out) {
  WireReader reader(message);
  WireField field, kind;
  while (reader.Next(&field)) {
    // Two Structs would be one, merged. No writer does that.
    if (field.number == kind.number && field.number >= 6) return Corrupt();
    kind = field;
  }
  if (!reader.ok()) return Corrupt();
  const auto as = [&](uint32_t number, WireType type) { return kind.is(number, type); };
  if (kind.number == 0 || as(1, WireType::varint)) return out.Null();
  if (as(2, WireType::fixed64)) return Real(kind.real(), out);
  if (as(3, WireType::varint)) return out.Int(static_cast<int64_t>(kind.value));
  if (as(4, WireType::length)) return Text(kind.bytes, out);
  if (as(5, WireType::varint)) return out.Bool(kind.value != 0);
  if (as(6, WireType::length)) return Struct(kind.bytes, depth, out);
  if (as(7, WireType::length)) return List(kind.bytes, depth, out);
  return BadRecord("unsupported-value", fmt::format("the payload holds a value of the unknown kind {}", kind.number));
}

Status ValueReader::Struct(std::string_view message, int depth, JsonVisitor& out) {
  if (depth >= kMaxJsonDepth) return BadRecord("too-deep", fmt::format("the payload nests deeper than {} levels", kMaxJsonDepth));
  const size_t first = members_.size();
  WireReader reader(message);
  WireField field;
  while (reader.Next(&field)) {
    if (field.is(1, WireType::length)) ARROW_RETURN_NOT_OK(Add(field.bytes));
  }
  return reader.ok() ? Object(first, depth + 1, out) : Corrupt();
}

Status ValueReader::List(std::string_view message, int depth, JsonVisitor& out) {
  if (depth >= kMaxJsonDepth) return BadRecord("too-deep", fmt::format("the payload nests deeper than {} levels", kMaxJsonDepth));
  ARROW_RETURN_NOT_OK(out.BeginArray());
  WireReader reader(message);
  WireField field;
  while (reader.Next(&field)) {
    if (field.is(1, WireType::length)) ARROW_RETURN_NOT_OK(Value(field.bytes, depth + 1, out));
  }
  return reader.ok() ? out.EndArray() : Corrupt();
}

}  // namespace vecferry::qdrant
