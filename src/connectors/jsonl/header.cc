#include <set>
#include <utility>

#include <fmt/format.h>
#include <simdjson.h>

#include "base/text.h"
#include "connectors/jsonl/format.h"
#include "record/json.h"

namespace vecferry::jsonl {
namespace {

constexpr int64_t kVersion = 1;

Status NoHeader() {
  return MakeError(Category::unsupported, "the first line is no header of this format",
                   "only files that Vecferry wrote are read: they begin with {\"vecferry\":1,\"schema\":{...}}");
}

/// Two columns of one name would make one of them unreachable.
Status CheckColumns(const RecordSchema& schema) {
  std::set<std::string> names;
  for (const auto& vector : schema.vectors) {
    if (!names.insert(vector.column()).second) return MakeError(Category::corrupt, fmt::format("the header names {} twice", Printable(vector.column(), 100)));
    if (vector.kind != VectorKind::dense && vector.element != Element::f32) return MakeError(Category::corrupt, "the header has a sparse or multi-vector that is not f32");
    if (vector.kind != VectorKind::sparse && vector.dims == 0) return MakeError(Category::corrupt, "the header has a vector of no dimensions");
  }
  for (const auto& extra : schema.extras) {
    if (!names.insert("extra:" + extra).second) return MakeError(Category::corrupt, fmt::format("the header names {} twice", Printable(extra, 100)));
  }
  return Status::OK();
}

/// Settings are opaque texts here; only how much there is of them is checked.
Status ReadSettings(const simdjson::dom::element& root, std::map<std::string, std::string>* settings) {
  simdjson::dom::element element;
  if (root["settings"].get(element)) return Status::OK();
  simdjson::dom::object object;
  if (element.get(object)) return MakeError(Category::corrupt, "the header's settings are no object");
  size_t bytes = 0;
  for (const auto field : object) {
    std::string_view text;
    if (field.value.get(text)) return MakeError(Category::corrupt, fmt::format("the header's setting {} is no text", Printable(field.key, 100)));
    bytes += field.key.size() + text.size();
    if (bytes > kMaxSettings) return MakeError(Category::corrupt, fmt::format("the header's settings have more than {} bytes", kMaxSettings));
    if (!settings->emplace(field.key, text).second) return MakeError(Category::corrupt, fmt::format("the header has the setting {} twice", Printable(field.key, 100)));
  }
  return Status::OK();
}

}  // namespace

std::string HeaderOf(const RecordSchema& schema, const std::string& layout, const std::map<std::string, std::string>& settings) {
  std::string line = fmt::format("{}{},\"schema\":{}", kHeaderStart, kVersion, schema.ToJson());
  if (!layout.empty()) {
    line += ",\"layout\":";
    AppendJsonString(layout, &line);
  }
  const char* separator = ",\"settings\":{";
  for (const auto& [name, text] : settings) {
    line += std::exchange(separator, ",");
    AppendJsonString(name, &line);
    line += ':';
    AppendJsonString(text, &line);
  }
  return line + (settings.empty() ? "}\n" : "}}\n");
}

Result<Header> ParseHeader(std::string_view line) {
  if (!line.starts_with(kHeaderStart)) return NoHeader();
  simdjson::dom::parser parser;
  simdjson::dom::element root, schema_element, layout_element;
  int64_t version = 0;
  if (parser.parse(line.data(), line.size()).get(root) || root["vecferry"].get(version) || root["schema"].get(schema_element)) return NoHeader();
  if (version != kVersion) {
    return MakeError(Category::unsupported, fmt::format("the file is of version {} of the format, and {} is known", version, kVersion),
                     "read it with the release that wrote it, or a newer one");
  }
  Header header;
  ARROW_ASSIGN_OR_RAISE(header.schema, RecordSchema::FromJson(simdjson::minify(schema_element)));
  ARROW_RETURN_NOT_OK(CheckColumns(header.schema));
  if (!root["layout"].get(layout_element)) {
    std::string_view layout;
    if (layout_element.get(layout) || layout.size() > 200) return MakeError(Category::corrupt, "the header's layout is no name");
    header.layout = layout;
  }
  ARROW_RETURN_NOT_OK(ReadSettings(root, &header.settings));
  return header;
}

}  // namespace vecferry::jsonl
