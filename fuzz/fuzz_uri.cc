#include <cstdint>
#include <cstdlib>

#include "connector/location.h"

/// A URI that parses is displayed as text that parses to the same, but for secrets.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto parsed = vecferry::ParseLocation({reinterpret_cast<const char*>(data), size});
  if (!parsed.ok()) return 0;
  const auto back = vecferry::ParseLocation(parsed->Display());
  if (!back.ok() || back->scheme != parsed->scheme || back->dataset != parsed->dataset) std::abort();
  if (!parsed->had_secret && (back->path != parsed->path || back->options != parsed->options)) std::abort();
  return 0;
}
