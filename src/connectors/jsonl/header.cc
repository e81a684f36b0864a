#include <set>

#include <fmt/format.h>
#include <simdjson.h>

#include "base/text.h"
#include "connectors/jsonl/format.h"

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

}  // namespace

std::string HeaderOf(const RecordSchema& schema) { return fmt::format("{}{},\"schema\":{}}}\n", kHeaderStart, kVersion, schema.ToJson()); }

Result<RecordSchema> ParseHeader(std::string_view line) {
  if (!line.starts_with(kHeaderStart)) return NoHeader();
  simdjson::dom::parser parser;
  simdjson::dom::element root, schema_element;
  int64_t version = 0;
  if (parser.parse(line.data(), line.size()).get(root) || root["vecferry"].get(version) || root["schema"].get(schema_element)) return NoHeader();
  if (version != kVersion) {
    return MakeError(Category::unsupported, fmt::format("the file is of version {} of the format, and {} is known", version, kVersion),
                     "read it with the release that wrote it, or a newer one");
  }
  ARROW_ASSIGN_OR_RAISE(RecordSchema schema, RecordSchema::FromJson(simdjson::minify(schema_element)));
  ARROW_RETURN_NOT_OK(CheckColumns(schema));
  return schema;
}

}  // namespace vecferry::jsonl
