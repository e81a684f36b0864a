#pragma once
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "files/place.h"
#include "record/schema.h"

namespace vecferry::vdf {

inline constexpr const char* kMetaFile = "VDF_META.json";
/// Of a file's own key-value metadata: the record's schema as JSON, where Vecferry wrote it.
inline constexpr const char* kSchemaKey = "vecferry.vdf";
/// The same of the column that holds as JSON text the metadata that has no column of its own.
inline constexpr const char* kJsonKey = "vecferry.vdf.json";
/// What vector-io writes where a model is not known.
inline constexpr const char* kNoModel = "NOT_PROVIDED";

/// One namespace of an index. Facts: vdf_io/meta_types.py of vdf-io 0.1.248.
struct Namespace {
  std::string name;         ///< "" is the default one
  std::string data_path;    ///< relative to the folder
  std::string metric;       ///< as written
  std::string model;
  std::string text_column;  ///< "" if none is told
  std::vector<std::string> vector_columns = {"vector"};
  int64_t dimensions = -1;
  int64_t count = 0;
};

struct Meta {
  std::string version, exported_from, id_column = "id";
  std::map<std::string, std::vector<Namespace>> indexes;
};

/// Category::corrupt for what is no VDF_META.json, unsupported for a path that leaves the folder.
Result<Meta> ParseMeta(std::string_view json);
Result<Meta> ReadMeta(const files::Place& folder);

/// Names as vector-io has them, after Qdrant's: Cosine, Euclid, Dot, Manhattan. Unknown for all others.
Metric MetricOf(std::string_view name);
std::string_view NameOf(Metric metric);

/// A metadata key as a column: one that is a reserved column, or such a one behind "metadata_", gets "metadata_" in front.
std::string ColumnOf(std::string_view key, const std::vector<std::string>& reserved);
/// Back.
std::string KeyOf(std::string_view column, const std::vector<std::string>& reserved);

}  // namespace vecferry::vdf
