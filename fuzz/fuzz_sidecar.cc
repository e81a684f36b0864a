#include <algorithm>
#include <memory>

#include "memory_file.h"
#include "sidecar/sidecar.h"

/// A side-car of any kind that is one file: the first byte chooses how it is read. As many entries are met as were counted.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace vecferry;
  using sidecar::Format;
  if (size == 0) return 0;
  static constexpr Format kFormats[] = {Format::jsonl, Format::pickle, Format::langchain};
  const auto side = sidecar::Open(MemoryFile(data + 1, size - 1), kFormats[data[0] % 3]);
  if (!side.ok()) return 0;
  const int64_t count = (*side)->facts().count;
  const auto entries = (*side)->From(0);
  if (!entries.ok()) std::abort();
  sidecar::Entry entry;
  for (int64_t met = 0;; ++met) {
    const auto any = (*entries)->Next(&entry);
    if (!any.ok() && !IsCategory(any.status(), Category::bad_content)) std::abort();
    if (any.ok() && !*any) {
      if (met != count) std::abort();
      break;
    }
    if (any.ok() && entry.metadata.empty()) std::abort();
  }
  return 0;
}
