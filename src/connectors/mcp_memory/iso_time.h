#pragma once
#include <optional>
#include <string_view>

namespace vecferry::mcp_memory {

/// Seconds since the epoch of an ISO 8601 time as Python writes and reads it: a date, or a date and a time with up to
/// nine digits of fraction, then Z, an offset, or nothing (UTC). Nothing for any other text.
std::optional<double> ParseIsoTime(std::string_view text);

}  // namespace vecferry::mcp_memory
