#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace vecferry {

enum class IsoForm {
  strict,  ///< T or a space; HH:MM[:SS]; Z
  loose,   ///< also t, HHMM and z
};
/// Microseconds since the epoch of an ISO 8601 time: a date, or date and time with up to nine digits of a fraction (those
/// beyond six are cut off) and Z or an offset; without one it is UTC. Nothing for any other text.
std::optional<int64_t> ParseIsoMicros(std::string_view text, IsoForm form = IsoForm::loose);
/// "2026-01-02T03:04:05Z", with as many digits of a fraction as it takes. Nothing beyond the years 0 to 9999.
std::optional<std::string> FormatIsoMicros(int64_t micros);

/// Seconds since the epoch of an ISO 8601 date and time as programs write it: a blank or T between the two, a fraction, an offset or Z; UTC
/// where it has none. Takes what ParseIsoMicros does not: fractions of any length, offsets of hours alone, a second 60, an hour 24, and a day
/// 31 of every month. Nothing for any other text.
std::optional<double> ParseInstant(std::string_view text);

}  // namespace vecferry
