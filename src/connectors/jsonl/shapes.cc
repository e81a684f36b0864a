#include "connectors/jsonl/shapes.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/text.h"
#include "connectors/jsonl/format.h"
#include "options/make_option.h"

namespace vecferry::jsonl {
namespace {

std::vector<std::string> List(std::string_view text) {
  std::vector<std::string> items;
  while (!text.empty()) {
    items.emplace_back(text.substr(0, text.find(',')));
    text.remove_prefix(std::min(text.size(), items.back().size() + 1));
  }
  return items;
}

}  // namespace

std::vector<OptionSpec> ShapeOptions() {
  return {
      MakeOption::Choice("shape", {"records", "qdrant-scroll", "columns", "lines"},
                         "How the JSON is shaped: `lines` are objects a line whose fields are named by options, `columns` one object of arrays (ids, embeddings, documents, metadatas), "
                         "`qdrant-scroll` the answers of Qdrant's scroll, one file or a folder. Without it our own lines are written, and read what the file begins as.")
          .Default(""),
      MakeOption::Text("id", "FIELD", "Of shapes `lines` and `columns`: the field of the id; `id`, `ids` where none is named."),
      MakeOption::Text("vector", "FIELD,...", "The fields of vectors; `vector` and `embedding`, `embeddings` where none is named."),
      MakeOption::Text("document", "FIELD", "The field of the document; `document`, `documents` where none is named."),
      MakeOption::Text("metadata", "FIELD", "The field of a metadata object; `*` (as where none is named) takes every other field of a line; `metadatas` of columns."),
      MakeOption::Text("tenant", "FIELD", "The field of the tenant; `tenant` where none is named."),
      MakeOption::Text("metric", "METRIC", "The metric of the vectors, which such files do not say."),
      MakeOption::Text("id-kind", "KIND", "What the ids are: string, u64, i64, uuid or mixed; where nothing is said, as they are spelled."),
      MakeOption::Integer("indent", "Of shape `qdrant-scroll`, written: blanks that each level stands further in; 0 for compact JSON.").Default("0"),
      MakeOption::Integer("per-file", "Of shape `qdrant-scroll`, written: points of a file `batch_000001.json`, ... in a folder; 0 for one file.").Default("0")};
}

Result<Wishes> ParseWishes(const std::map<std::string, std::string>& options, const Layout* layout) {
  const auto text = [&](const char* name) {
    const auto found = options.find(name);
    return found == options.end() ? std::string() : found->second;
  };
  Wishes wishes;
  const std::string shape = text("shape");
  if (shape == "qdrant-scroll") wishes.shape = Shape::scroll;
  else if (shape == "columns") wishes.shape = Shape::columns;
  else if (shape == "lines") wishes.shape = Shape::lines;
  wishes.id = text("id");
  wishes.document = text("document");
  wishes.metadata = text("metadata");
  wishes.tenant = text("tenant");
  wishes.vectors = List(text("vector"));
  if (!text("metric").empty()) {
    ARROW_ASSIGN_OR_RAISE(wishes.metric, ParseMetric(text("metric")));
  }
  if (!text("id-kind").empty()) {
    ARROW_ASSIGN_OR_RAISE(wishes.id_kind, ParseIdKind(text("id-kind")));
  }
  ARROW_ASSIGN_OR_RAISE(const int64_t indent, text("indent").empty() ? Result<int64_t>(0) : ParseInt(text("indent")));
  ARROW_ASSIGN_OR_RAISE(wishes.per_file, text("per-file").empty() ? Result<int64_t>(0) : ParseInt(text("per-file")));
  if (indent < 0 || indent > 16) return MakeError(Category::usage, "indent is a number of blanks from 0 to 16");
  if (wishes.per_file < 0) return MakeError(Category::usage, "per-file is a number of points");
  wishes.indent = static_cast<int>(indent);
  if (layout) wishes.layout = *layout;
  return wishes;
}

namespace {

/// The first bytes of a file, or of the first one that a folder or pattern names.
std::string StartOf(const fs::path& path) {
  std::error_code ec;
  fs::path file = path;
  const bool folder = fs::is_directory(path, ec);
  if (folder || (!fs::exists(path, ec) && HasGlob(path.filename().string()))) {
    const std::string pattern = folder ? "batch_*.json*" : path.filename().string();
    const fs::path in = folder ? path : path.has_parent_path() ? path.parent_path() : fs::path(".");
    std::vector<fs::path> batches;
    for (fs::directory_iterator it(in, ec), end; !ec && it != end && batches.size() < 10'000; it.increment(ec)) {
      if (GlobMatch(pattern, it->path().filename().string())) batches.push_back(it->path());
    }
    if (batches.empty()) return {};
    file = *std::min_element(batches.begin(), batches.end());
  }
  if (!fs::is_regular_file(file, ec)) return {};
  const auto input = files::OpenInput(files::Place(file));
  std::string start(1 << 16, '\0');
  const auto got = input.ok() ? (*input)->ReadAt(0, start.data(), start.size()) : Result<size_t>(size_t{0});
  start.resize(got.ok() ? *got : 0);
  return start;
}

/// Without the white space between tokens, up to `size` characters; what stands in strings is kept.
std::string Squeezed(std::string_view text, size_t size) {
  std::string out;
  bool quoted = false;
  for (size_t i = 0; i < text.size() && out.size() < size; ++i) {
    if (text[i] == '"') quoted = !quoted;
    if (quoted || std::string_view(" \t\r\n").find(text[i]) == std::string_view::npos) out += text[i];
    if (quoted && text[i] == '\\' && i + 1 < text.size()) out += text[++i];
  }
  return out;
}

}  // namespace

std::optional<Shape> RecogniseShape(const fs::path& path) {
  const std::string start = StartOf(path);
  if (start.starts_with(kHeaderStart)) return Shape::ours;
  const std::string text = Squeezed(start, 1 << 16);
  const auto begins = [&](std::initializer_list<std::string_view> with) { return std::any_of(with.begin(), with.end(), [&](auto each) { return text.starts_with(each); }); };
  if (begins({"{\"result\":{\"points\":", "{\"result\":[{\"id\":", "{\"points\":[{\"id\":"})) return Shape::scroll;
  if (begins({"{\"time\":", "{\"status\":", "{\"usage\":"}) && text.find("\"result\":{\"points\":[") != text.npos) return Shape::scroll;
  const bool point = begins({"[{\"id\":", "{\"id\":"}) && text.find("\"payload\":") != text.npos && text.find("\"vector\":") != text.npos;
  if (point) return Shape::scroll;
  if (begins({"{\"ids\":["}) || (begins({"{\"embeddings\":["}) && text.find("\"ids\":") != text.npos)) return Shape::columns;
  return std::nullopt;
}

}  // namespace vecferry::jsonl
