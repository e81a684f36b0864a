#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace vecferry {

/// Microseconds since the epoch of an ISO 8601 time: a date, or date and time with T or a space, seconds and up to nine digits of a fraction
/// (those beyond six are cut off), Z or an offset; without one it is UTC. Nothing for any other text.
std::optional<int64_t> ParseIsoMicros(std::string_view text);
/// "2026-01-02T03:04:05Z", with as many digits of a fraction as it takes. Nothing beyond the years 0 to 9999.
std::optional<std::string> FormatIsoMicros(int64_t micros);

}  // namespace vecferry
