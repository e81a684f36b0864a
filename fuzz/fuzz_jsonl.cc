#include <cstdint>
#include <cstdlib>
#include <string>

#include "connectors/jsonl/format.h"

/// The first line is a header and the others records; a record that is read is written as a line that reads back.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace vecferry;
  std::string_view text(reinterpret_cast<const char*>(data), size);
  const size_t end = std::min(text.find('\n'), text.size());
  const auto header = jsonl::ParseHeader(text.substr(0, end));
  if (!header.ok()) return 0;
  const auto again = jsonl::ParseHeader(jsonl::HeaderOf(header->schema, header->layout, header->settings));
  if (!again.ok() || again->settings != header->settings || again->layout != header->layout) std::abort();
  const RecordSchema* schema = &header->schema;
  int64_t width = 0;
  for (const auto& vector : schema->vectors) width += vector.width();
  if (width > 4096 || schema->vectors.size() > 64) return 0;
  text.remove_prefix(std::min(end + 1, text.size()));
  BatchBuilder builder(*schema);
  jsonl::LineParser parser(*schema);
  while (!text.empty()) {
    std::string line(text.substr(0, text.find('\n')));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    const size_t length = line.size();
    line.append(jsonl::LineParser::Padding(), '\0');
    if (!parser.Parse({line.data(), length}, builder).ok()) continue;
    const RecordView view = builder.Finish().ValueOrDie();
    std::string written;
    if (!jsonl::AppendLine(view, 0, &written).ok()) std::abort();
    const size_t body = written.size() - 1;
    written.append(jsonl::LineParser::Padding(), '\0');
    if (!parser.Parse({written.data(), body}, builder).ok()) std::abort();
    if (builder.Finish().ValueOrDie().id(0) != view.id(0)) std::abort();
  }
  return 0;
}
