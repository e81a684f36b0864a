#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "connectors/npy/header.h"

/// The header of a .npy file; one that is read is written as one that reads the same.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace vecferry;
  const auto header = npy::ParseHeader({reinterpret_cast<const char*>(data), size});
  if (!header.ok()) {
    const Category category = FactsOf(header.status()).category;
    if (category != Category::corrupt && category != Category::unsupported) std::abort();
    return 0;
  }
  if (header->rows < 0 || header->columns < 1 || header->data_at > static_cast<int64_t>(size)) std::abort();
  const auto again = npy::ParseHeader(npy::MakeHeader(header->stored, header->rows, header->columns));
  if (!again.ok() || again->rows != header->rows || again->columns != header->columns || again->stored != header->stored) std::abort();
  return 0;
}
