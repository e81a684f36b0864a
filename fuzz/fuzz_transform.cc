// Transforms from outside: a condition and a map, run over a record whose metadata comes from outside too. Three parts, divided by a zero byte.
#include <string_view>

#include "transform/transform.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace vecferry;
  std::string_view text(reinterpret_cast<const char*>(data), size);
  std::string parts[3];
  for (auto& part : parts) {
    const size_t end = std::min(text.find('\0'), text.size());
    part = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  RecordSchema schema;
  schema.has_document = true;
  ResolvedTransforms resolved;
  if (!parts[0].empty()) resolved.spec.filters = {parts[0]};
  if (!parts[1].empty()) resolved.spec.maps = {parts[1]};
  auto transform = Transform::Compile(resolved, schema);
  if (!transform.ok()) {
    if (!IsCategory(transform.status(), Category::usage)) __builtin_trap();
    return 0;
  }
  BatchBuilder builder(schema);
  for (const std::string& metadata : {parts[2], std::string(R"({"a":1,"b":{"c":"x"},"t":["x"]})")}) {
    builder.Id("id");
    builder.Document("text");
    builder.Metadata(metadata);
    builder.EndRow();
  }
  SourceBatch batch;
  batch.records = *builder.Finish();
  TransformCounts counts;
  const auto out = (*transform)->Apply(std::move(batch), false, &counts);
  if (!out.ok() || out->records.rows() + static_cast<int64_t>(out->rejects.size()) > 2) __builtin_trap();
  return 0;
}
