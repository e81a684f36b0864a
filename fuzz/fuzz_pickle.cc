#include <string_view>

#include "connectors/qdrant_local/point.h"

/// The key and the blob of a row of qdrant-client's local mode: up to the first newline the key, then the blob.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace vecferry;
  using namespace vecferry::qdrant_local;
  static const RecordSchema schema = [] {
    RecordSchema made;
    made.id_kind = IdKind::mixed;
    made.has_document = true;
    made.vectors = {{.name = "", .dims = 2, .metric = Metric::dot},
                    {.name = "m", .kind = VectorKind::multi, .dims = 2, .metric = Metric::dot},
                    {.name = "u", .element = Element::u8, .dims = 2, .metric = Metric::dot},
                    {.name = "s", .kind = VectorKind::sparse}};
    return made;
  }();
  static const Layout layout = [] {
    Layout made;
    made.name = "default";
    made.bookkeeping = Layout::Bookkeeping{"1", {"a"}};
    return made;
  }();
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const size_t newline = input.find('\n');
  const std::string_view key = input.substr(0, newline);
  const std::string_view blob = newline == input.npos ? std::string_view() : input.substr(newline + 1);
  PointReader reader(schema, layout);
  BatchBuilder builder(schema);
  PointFacts facts;
  if (!reader.Open(key, blob, &facts)) {
    const bool taken = !reader.Append(builder, &facts) && !facts.bookkeeping;
    if (builder.rows() != (taken ? 1 : 0)) __builtin_trap();
    if (!builder.Finish().ok()) __builtin_trap();
  }
  // Whatever is a pickle of the allowed kinds can be told as JSON, or is refused; it never runs away.
  PickleReader reader_of_any;
  if (reader_of_any.Parse(blob).ok()) {
    std::string json;
    JsonWriter writer(&json);
    if (!reader_of_any.Visit(reader_of_any.root(), writer)) {
      JsonReader again;
      std::string told;
      JsonWriter copy(&told);
      if (const Status status = again.Visit(json, copy); !status.ok() && FactsOf(status).category != Category::bad_content) __builtin_trap();
    }
  }
  return 0;
}
