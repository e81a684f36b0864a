#pragma once
#include <map>
#include <optional>
#include <string>

#include "connector/connector.h"
#include "connectors/faiss/faiss.h"
#include "sidecar/sidecar.h"

namespace vecferry::faiss_files {

/// Where the files of a dataset are.
struct Place {
  fs::path index;
  std::optional<fs::path> side;  ///< nothing: ids and vectors alone
  sidecar::Format format = sidecar::Format::jsonl;
  bool folder = false;           ///< the location named a folder, of LangChain or LlamaIndex
};

/// For a source: what is there. Category::not_found where the index or a named side-car is not.
Result<Place> FindPlace(const Location& location);
/// For a sink: what shall be there.
Result<Place> ChoosePlace(const Location& location);

/// The value of an option, "" where it was not given.
std::string OptionOf(const Location& location, const std::string& name);
/// Whether a folder holds a dataset of LangChain or LlamaIndex.
bool IsDatasetFolder(const fs::path& folder);

/// The kind of index that a sink writes.
struct IndexKind {
  std::string name = "flat";
  int64_t m = 0, ef_construction = 200, nlist = 0, nbits = 8;
  std::string ids = "auto";
  std::string metric;       ///< "" as the records say
  double tolerance = 0;     ///< the least cosine that quantised vectors keep
  bool binary() const { return name == "binary"; }
  bool inverted() const { return name.starts_with("ivf"); }
  bool bounded() const { return quantised() || inverted(); }  ///< takes finite numbers alone, and not the largest
  bool product() const { return name.ends_with("pq"); }
  bool quantised() const { return name != "flat" && name != "hnsw" && name != "ivf" && !binary(); }
};
/// What vectors keep of their direction in an index of that kind, where nothing else is said.
double LeastCosineOf(std::string_view kind);
/// Category::usage for values that do not fit together. Options are checked and have their defaults.
Result<IndexKind> ParseKind(const std::map<std::string, std::string>& options);

Result<std::unique_ptr<Source>> OpenSource(const Location& location, const OpenContext& context);
Result<std::unique_ptr<Sink>> OpenSink(const Location& location, const IndexKind& kind, const OpenContext& context);

}  // namespace vecferry::faiss_files
