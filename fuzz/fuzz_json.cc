#include <cstdint>
#include <cstdlib>
#include <string>

#include "layouts/layouts.h"
#include "record/json.h"

namespace {

/// What a layout decodes can be decoded and written again without a failure of the reader's own.
void Decode(const vecferry::Layout& layout, std::string_view text) {
  vecferry::PayloadDecoder decoder(layout);
  vecferry::JsonReader reader;
  if (!reader.Visit(text, decoder).ok()) return;
  const auto payload = decoder.End("c5f5b2a8-1111-4222-8333-444455556666");
  std::string canonical;
  if (payload.ok() && !reader.AppendCanonical(payload->metadata, &canonical).ok()) std::abort();
}

}  // namespace

/// Metadata that is read is written as text that reads back the same.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  static const vecferry::Layout layouts[] = {vecferry::DefaultLayout(), vecferry::McpMemoryLayout()};
  for (const auto& layout : layouts) Decode(layout, text);
  vecferry::JsonReader reader;
  std::string canonical, written, again;
  vecferry::JsonWriter writer(&written);
  if (!reader.Visit(text, writer).ok()) return 0;
  if (!reader.AppendCanonical(text, &canonical).ok() || !reader.AppendCanonical(written, &again).ok() || again != canonical) std::abort();
  return 0;
}
