#include <string>
#include <string_view>
#include <vector>

#include "connectors/chroma_local/hnsw.h"
#include "connectors/chroma_local/queue.h"

/// What stands beside chroma.sqlite3, and what its queue holds. The first byte says which: a header, the labels, a queued vector.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace vecferry;
  using namespace vecferry::chroma_local;
  if (size == 0) return 0;
  const std::string_view input(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0] % 3) {
    case 0: {
      const auto header = ParseHnswHeader(input);
      if (!header.ok()) {
        if (!IsCategory(header.status(), Category::corrupt)) __builtin_trap();
        break;
      }
      // What was taken can be multiplied and added up without overflow.
      if (header->dims() < 1 || header->elements < 0 || header->elements > header->max_elements || header->data_offset < 4 ||
          header->element_bytes <= header->label_offset || header->elements * header->element_bytes < 0) __builtin_trap();
      break;
    }
    case 1: {
      int64_t told = 0;
      const auto facts = ReadLabels(input, [&](std::string_view id, uint64_t) {
        ++told;
        if (!id.empty() && (id.data() < input.data() || id.data() + id.size() > input.data() + input.size())) __builtin_trap();
      });
      if (facts.ok() ? facts->labels != told : !IsCategory(facts.status(), Category::corrupt)) __builtin_trap();
      break;
    }
    default: {
      const size_t split = input.find('\n');
      const std::string_view encoding = input.substr(0, split);
      const std::string_view vector = split == input.npos ? std::string_view() : input.substr(split + 1);
      const auto dims = static_cast<int32_t>(vector.size() / 4);
      std::vector<uint8_t> out(static_cast<size_t>(dims) * 4 + 1);
      bool rounded = false;
      const Status status = DecodeQueuedVector(vector, encoding, dims, out.data(), &rounded);
      if (!status.ok() && !IsCategory(status, Category::bad_content)) __builtin_trap();
    }
  }
  return 0;
}
