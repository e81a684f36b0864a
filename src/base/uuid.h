#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace vecferry {

/// 16 bytes in the order they are written.
using Uuid = std::array<uint8_t, 16>;

/// The spellings that UUID libraries take: 32 hex digits, 8-4-4-4-12, {...}, urn:uuid:..., any case.
std::optional<Uuid> ParseUuid(std::string_view text);
bool IsHexDigit(char c);
/// Lower case, 8-4-4-4-12.
std::string FormatUuid(const Uuid& uuid);
/// RFC 9562 version 5: SHA-1 over the namespace and the name.
Uuid UuidV5(const Uuid& name_space, std::string_view name);
/// RFC 9562 version 4.
Uuid RandomUuid();

/// The namespace of every id that Vecferry maps; part of the on-disk contract, never changes.
inline constexpr Uuid kIdNamespace = {0x6f, 0x0c, 0x9a, 0x52, 0x4d, 0x1b, 0x5e, 0x0f,
                                      0x9b, 0x1d, 0x76, 0x65, 0x63, 0x66, 0x72, 0x79};

}  // namespace vecferry
