#include "connectors/qdrant_local/point_id.h"

#include <cstring>

#include "base/base64.h"
#include "base/text.h"
#include "base/uuid.h"
#include "connectors/qdrant_local/point_pickle.h"

namespace vecferry::qdrant_local {
namespace {

bool IsCanonicalUuid(std::string_view text) {
  if (text.size() != 36) return false;
  for (size_t i = 0; i < 36; ++i) {
    const char c = text[i];
    const bool hyphen = i == 8 || i == 13 || i == 18 || i == 23;
    if (hyphen ? c != '-' : !((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'))) return false;
  }
  return true;
}

/// The spellings that qdrant-client 1.20 takes as a UUID; uuid.UUID() alone would take more.
std::string CanonicalUuid(std::string_view text) {
  constexpr std::string_view kUrn = "urn:uuid:";
  const bool braces = text.size() == 38 && text.front() == '{' && text.back() == '}';
  const bool urn = text.size() == 45 && text.starts_with(kUrn);
  if (!braces && !urn && text.size() != 36 && text.size() != 32) return {};
  if (braces) text = text.substr(1, 36);
  if (urn) text.remove_prefix(kUrn.size());
  const auto uuid = ParseUuid(text);
  return uuid ? FormatUuid(*uuid) : std::string();
}

}  // namespace

PointId PointId::Of(std::string_view text) {
  if (IsCanonicalUuid(text)) return {Kind::uuid, 0, std::string(text)};
  std::string canonical = CanonicalUuid(text);
  if (!canonical.empty()) return {Kind::uuid, 0, std::move(canonical)};
  return {Kind::other_text, 0, std::string(text)};
}

bool PointId::FromPickle(const PyValue& value, PointId* out) {
  if (value.is(PyType::text)) {
    if (!IsValidUtf8(value.view())) return false;
    *out = Of(value.view());
    return true;
  }
  if (value.is(PyType::integer)) {
    if (value.integer >= 0) *out = Of(static_cast<uint64_t>(value.integer));
    else *out = {Kind::other_integer, 0, std::to_string(value.integer)};
    return true;
  }
  if (!value.is(PyType::big) || value.size > 64) return false;
  if (value.size == 9 && value.data[8] == 0) {
    uint64_t number;
    std::memcpy(&number, value.data, 8);
    *out = Of(number);
    return true;
  }
  *out = {Kind::other_integer, 0, DecimalOf(value.view())};
  return true;
}

std::string PointId::Spelled() const { return kind == Kind::u64 ? std::to_string(integer) : text; }

void AppendKey(const PointId& id, std::string* out) {
  std::string pickle;
  switch (id.kind) {
    case PointId::Kind::u64: AppendUnsigned(id.integer, &pickle); break;
    case PointId::Kind::other_integer: AppendBigInteger(id.text, &pickle); break;
    default:
      AppendText(id.text, &pickle);
      pickle += '\x94';
  }
  pickle += '.';
  // CPython frames a pickle only from four bytes on.
  std::string framed("\x80\x04");
  if (pickle.size() >= 4) {
    framed += '\x95';
    const uint64_t size = pickle.size();
    for (int i = 0; i < 8; ++i) framed += static_cast<char>(size >> (8 * i));
  }
  framed += pickle;
  AppendBase64(framed, out);
}

bool ParseKey(std::string_view key, PickleReader& reader, std::string& buffer, PointId* out) {
  if (key.size() > (1u << 20) || !ParseBase64(key, &buffer) || !reader.Parse(buffer).ok()) return false;
  return PointId::FromPickle(reader.root(), out);
}

}  // namespace vecferry::qdrant_local
