#include "connectors/mcp_memory/iso_time.h"

#include "base/iso_time.h"

namespace vecferry::mcp_memory {

std::optional<double> ParseIsoTime(std::string_view text) {
  const auto micros = ParseIsoMicros(text, IsoForm::strict);
  // As Python's timestamp(): whole microseconds, divided once, so that the nearest double comes out.
  return micros ? std::optional(static_cast<double>(*micros) / 1e6) : std::nullopt;
}

}  // namespace vecferry::mcp_memory
