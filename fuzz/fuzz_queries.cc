#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "migration/search_queries.h"

/// A file of queries: what is read has numbers that are finite, and as many queries as are allowed.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto queries = vecferry::ParseQueries({reinterpret_cast<const char*>(data), size});
  if (!queries.ok()) return 0;
  if (queries->empty() || queries->size() > vecferry::kMostQueries) std::abort();
  for (const auto& query : *queries) {
    if (query.values.empty()) std::abort();
    for (const float value : query.values) {
      if (!std::isfinite(value)) std::abort();
    }
  }
  return 0;
}
