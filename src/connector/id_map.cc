#include <algorithm>
#include <charconv>

#include <fmt/format.h>

#include "base/text.h"
#include "base/uuid.h"
#include "connector/layout.h"

namespace vecferry {
namespace {

std::optional<uint64_t> CanonicalUint(std::string_view id) {
  if (id.empty() || (id.size() > 1 && id[0] == '0')) return std::nullopt;
  uint64_t number = 0;
  const auto [end, error] = std::from_chars(id.data(), id.data() + id.size(), number);
  if (error != std::errc() || end != id.data() + id.size()) return std::nullopt;
  return number;
}

bool IsCanonicalUuid(std::string_view id) {
  const auto uuid = id.size() == 36 ? ParseUuid(id) : std::nullopt;
  return uuid && FormatUuid(*uuid) == id;
}

std::string Uuid5Of(std::optional<std::string_view> tenant, std::string_view id) {
  const std::string key = tenant ? fmt::format("t{}:{}{}", tenant->size(), *tenant, id) : fmt::format("i{}", id);
  return FormatUuid(UuidV5(kIdNamespace, key));
}

Result<MappedId> MapHash(std::string_view id) {
  const auto uuid = id.size() < 32 ? std::nullopt : ParseUuid(id.substr(0, 32));
  if (!uuid || !std::all_of(id.begin() + 32, id.end(), IsHexDigit)) {
    return BadRecord("id-not-a-hash", fmt::format("the id '{}' is not a hash of at least 32 hexadecimal digits, which this layout needs", Printable(id, 100)));
  }
  MappedId mapped;
  mapped.uuid = FormatUuid(*uuid);
  mapped.mapped = true;
  return mapped;
}

}  // namespace

Result<MappedId> MapId(const Layout& layout, IdKind kind, std::optional<std::string_view> tenant, std::string_view id) {
  if (layout.id_rule == Layout::IdRule::hash_prefix) return MapHash(id);
  MappedId mapped;
  if (kind == IdKind::u64 || kind == IdKind::i64 || kind == IdKind::mixed) {
    if (const auto number = CanonicalUint(id)) {
      mapped.is_integer = true;
      mapped.integer = *number;
      return mapped;
    }
  }
  mapped.mapped = !IsCanonicalUuid(id);
  mapped.uuid = mapped.mapped ? Uuid5Of(tenant, id) : std::string(id);
  return mapped;
}

bool IsOriginalOf(const Layout& layout, std::optional<std::string_view> tenant, std::string_view original,
                  std::string_view point_id) {
  if (layout.id_rule == Layout::IdRule::hash_prefix) {
    const auto mapped = MapHash(original);
    return mapped.ok() && mapped->uuid == point_id;
  }
  return point_id.size() == 36 && Uuid5Of(tenant, original) == point_id;
}

std::string UnmapId(const Layout&, std::string_view point_id, const DecodedPayload& payload) {
  return payload.original_id ? *payload.original_id : std::string(point_id);
}

}  // namespace vecferry
