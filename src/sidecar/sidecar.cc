#include "sidecar/sidecar.h"

#include <fmt/format.h>

#include "base/text.h"
#include "files/file.h"
#include "sidecar/open.h"

namespace vecferry::sidecar {

using files::File;

std::string_view Name(Format format) {
  switch (format) {
    case Format::jsonl: return "jsonl";
    case Format::parquet: return "parquet";
    case Format::pickle: return "pickle";
    case Format::langchain: return "langchain";
    case Format::llamaindex: return "llamaindex";
  }
  return "";
}

Result<Format> ParseFormat(std::string_view name) {
  for (const Format format : {Format::jsonl, Format::parquet, Format::pickle, Format::langchain, Format::llamaindex}) {
    if (Name(format) == name) return format;
  }
  return MakeError(Category::usage, fmt::format("'{}' is no kind of side-car", Printable(name, 100)), "use jsonl, parquet, pickle or langchain");
}

Result<Format> FormatOf(const fs::path& path) {
  std::error_code ec;
  if (fs::is_directory(path, ec)) {
    if (fs::exists(path / "docstore.json", ec)) return Format::llamaindex;
    return MakeError(Category::unsupported, fmt::format("{} is a folder without a docstore.json", Printable(path.string())), "name the side-car's file");
  }
  ARROW_ASSIGN_OR_RAISE(const File file, File::Open(path, File::Mode::read));
  char start[64] = {};
  ARROW_ASSIGN_OR_RAISE(const size_t got, file.ReadAt(0, start, sizeof(start)));
  const std::string_view text(start, got);
  if (text.starts_with("PAR1")) return Format::parquet;
  if (text.starts_with('\x80')) return Format::pickle;
  const size_t first = text.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos || text[first] == '{') return Format::jsonl;
  return MakeError(Category::unsupported, fmt::format("{} is no side-car that is known here", Printable(path.string())),
                   "JSON lines, Parquet and pickles of a list of dicts or of LangChain are read");
}

Result<std::shared_ptr<const SideCar>> Open(const fs::path& path, Format format, const Fields& fields) {
  switch (format) {
    case Format::jsonl: return OpenLines(path, fields);
    case Format::parquet: return OpenParquet(path, fields);
    case Format::pickle: case Format::langchain: return OpenPickle(path, format, fields);
    case Format::llamaindex: return OpenLlamaIndex(path);
  }
  return MakeError(Category::internal, "no such side-car");
}

Status Convert(const SideCar& lines, Format format, const fs::path& out) {
  switch (format) {
    case Format::parquet: return WriteParquet(lines, out);
    case Format::pickle: case Format::langchain: return WritePickle(lines, format, out);
    default: return MakeError(Category::internal, "such a side-car is not converted to");
  }
}

}  // namespace vecferry::sidecar
