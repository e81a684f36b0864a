#include "connectors/faiss/place.h"

#include <fmt/format.h>

#include "base/text.h"
#include "files/file.h"

namespace vecferry::faiss_files {
namespace {

using sidecar::Format;

bool Exists(const fs::path& path) {
  std::error_code ec;
  return fs::exists(path, ec);
}
bool IsFolder(const fs::path& path) {
  std::error_code ec;
  return fs::is_directory(path, ec);
}
fs::path Added(fs::path path, std::string_view ending) {
  path += ending;
  return path;
}
fs::path Replaced(fs::path path, const char* ending) { return path.replace_extension(ending); }

bool IsFormatName(std::string_view text) { return text == "jsonl" || text == "parquet" || text == "pickle" || text == "langchain"; }

Status NotFound(const fs::path& path, std::string_view what) {
  std::vector<std::string> names;
  std::error_code ec;
  for (fs::directory_iterator it(path.has_parent_path() ? path.parent_path() : ".", ec), end; !ec && it != end && names.size() < 1000; it.increment(ec)) {
    names.push_back(it->path().filename().string());
  }
  return MakeError(Category::not_found, fmt::format("{} {} does not exist{}", what, Printable(path.string()), Suggestion(path.filename().string(), names)), "check the path");
}

/// A pickle that names LangChain's docstore in its first bytes.
Result<Format> FormatOfSide(const fs::path& path) {
  ARROW_ASSIGN_OR_RAISE(const Format format, sidecar::FormatOf(path));
  if (format != Format::pickle) return format;
  ARROW_ASSIGN_OR_RAISE(const auto file, files::File::Open(path, files::File::Mode::read));
  char start[256];
  ARROW_ASSIGN_OR_RAISE(const size_t got, file.ReadAt(0, start, sizeof(start)));
  return std::string_view(start, got).find("InMemoryDocstore") == std::string_view::npos ? Format::pickle : Format::langchain;
}

fs::path DefaultSide(const fs::path& index, Format format) {
  switch (format) {
    case Format::parquet: return Added(index, ".meta.parquet");
    case Format::pickle: return Replaced(index, ".meta");
    case Format::langchain: return Replaced(index, ".pkl");
    default: return Added(index, ".meta.jsonl");
  }
}

Status TakeSide(const Location& location, Place* place) {
  const std::string wanted = OptionOf(location, "metadata");
  if (wanted == "none") return Status::OK();
  if (!wanted.empty() && !IsFormatName(wanted)) {
    place->side = ExpandHome(wanted);
    if (!Exists(*place->side)) return NotFound(*place->side, "the side-car");
  } else {
    std::vector<fs::path> candidates;
    for (const Format format : {Format::jsonl, Format::parquet, Format::pickle, Format::langchain}) {
      if (wanted.empty() || wanted == sidecar::Name(format)) candidates.push_back(DefaultSide(place->index, format));
    }
    if (wanted.empty() || wanted == "jsonl") candidates.push_back(Replaced(place->index, ".meta.jsonl"));
    for (const auto& candidate : candidates) {
      if (!place->side && candidate != place->index && Exists(candidate)) place->side = candidate;
    }
    if (!place->side && !wanted.empty()) return NotFound(candidates.at(0), "the side-car");
  }
  if (!place->side) return Status::OK();
  return FormatOfSide(*place->side).Value(&place->format);
}

}  // namespace

std::string OptionOf(const Location& location, const std::string& name) {
  const auto found = location.options.find(name);
  return found == location.options.end() ? "" : found->second;
}

bool IsDatasetFolder(const fs::path& folder) {
  return IsFolder(folder) && (Exists(folder / "index.faiss") || (Exists(folder / "default__vector_store.json") && Exists(folder / "docstore.json")));
}

Result<Place> FindPlace(const Location& location) {
  Place place;
  place.index = ExpandHome(location.path);
  if (!Exists(place.index)) return NotFound(place.index, "the index");
  if (!IsFolder(place.index)) {
    ARROW_RETURN_NOT_OK(TakeSide(location, &place));
    return place;
  }
  place.folder = true;
  const fs::path folder = place.index;
  if (Exists(folder / "index.faiss")) {
    place.index = folder / "index.faiss";
    ARROW_RETURN_NOT_OK(TakeSide(location, &place));
    return place;
  }
  if (!IsDatasetFolder(folder)) {
    return MakeError(Category::not_found, fmt::format("{} holds neither index.faiss nor what LlamaIndex persists", Printable(folder.string())), "name the index file");
  }
  place.index = folder / "default__vector_store.json";
  place.format = Format::llamaindex;
  if (OptionOf(location, "metadata") != "none") place.side = folder;
  return place;
}

Result<Place> ChoosePlace(const Location& location) {
  Place place;
  place.index = ExpandHome(location.path);
  const std::string wanted = OptionOf(location, "metadata");
  if (wanted == "none") return MakeError(Category::usage, "a sink needs a side-car: ids, documents and metadata have no place in an index", "leave out metadata=none");
  if (IsFormatName(wanted)) {
    ARROW_ASSIGN_OR_RAISE(place.format, sidecar::ParseFormat(wanted));
  } else if (!wanted.empty()) {
    place.side = ExpandHome(wanted);
    const std::string ending = place.side->extension().string();
    if (ending == ".parquet") place.format = Format::parquet;
    else if (ending == ".pkl" || ending == ".pickle" || ending == ".meta") place.format = Format::pickle;
    else if (ending != ".jsonl") return MakeError(Category::usage, fmt::format("'{}' does not say what kind of side-car it is", Printable(wanted, 200)), "name jsonl, parquet, pickle or langchain, or a file that ends so");
  }
  if (place.format == Format::langchain && place.index.extension() != ".faiss") {
    // FAISS.load_local takes a folder.
    place.folder = true;
    place.index /= "index.faiss";
  } else if (IsFolder(place.index)) {
    return MakeError(Category::usage, fmt::format("{} is a folder", Printable(place.index.string())), "name a file in it, or use metadata=langchain");
  }
  if (!place.side) place.side = DefaultSide(place.index, place.format);
  if (*place.side == place.index) return MakeError(Category::usage, "the index and its side-car are one file", "name another file for one of them");
  return place;
}

double LeastCosineOf(std::string_view kind) { return kind.ends_with("pq") ? 0.8 : kind.ends_with("sq4") ? 0.95 : 0.999; }

Result<IndexKind> ParseKind(const std::map<std::string, std::string>& options) {
  IndexKind kind;
  const auto text = [&](const char* name) { return options.contains(name) ? options.at(name) : std::string(); };
  const auto number = [&](const char* name, int64_t least, int64_t most, int64_t* out) -> Status {
    if (text(name).empty()) return Status::OK();
    ARROW_ASSIGN_OR_RAISE(*out, ParseInt(text(name)));
    if (*out >= least && *out <= most) return Status::OK();
    return MakeError(Category::usage, fmt::format("{}={} is out of range", name, *out), fmt::format("use {} to {}", least, most));
  };
  if (!text("index").empty()) kind.name = text("index");
  if (!text("ids").empty()) kind.ids = text("ids");
  kind.metric = text("metric");
  ARROW_RETURN_NOT_OK(number("m", 1, 4096, &kind.m));
  ARROW_RETURN_NOT_OK(number("ef_construction", 1, 100000, &kind.ef_construction));
  ARROW_RETURN_NOT_OK(number("nlist", 1, 1 << 24, &kind.nlist));
  ARROW_RETURN_NOT_OK(number("nbits", 4, 12, &kind.nbits));
  if (kind.name == "hnsw" && (kind.m == 1 || kind.m > 512)) return MakeError(Category::usage, fmt::format("m={} is out of range for hnsw", kind.m), "use 2 to 512");
  if (kind.name == "ivf-pq" && kind.nbits > 8) return MakeError(Category::usage, fmt::format("nbits={} is out of range for ivf-pq", kind.nbits), "use 4 to 8, or index=pq");
  kind.tolerance = LeastCosineOf(kind.name);
  if (!text("tolerance").empty()) kind.tolerance = std::strtod(text("tolerance").c_str(), nullptr);
  if (!(kind.tolerance > 0 && kind.tolerance <= 1)) return MakeError(Category::usage, "tolerance is a cosine", "use a number above 0 and up to 1");
  return kind;
}

}  // namespace vecferry::faiss_files
