#include <algorithm>
#include <bit>
#include <cctype>
#include <charconv>
#include <cmath>
#include <cstring>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/files.h"
#include "base/text.h"
#include "migration/search_queries.h"
#include "record/distance.h"
#include "record/number_list.h"

namespace vecferry {
namespace {

constexpr size_t kMostBytes = 512u << 20;
constexpr size_t kMostDims = 65'536;
constexpr std::string_view kNumpyMagic = "\x93NUMPY";

Status Bad(const std::string& what) {
  return MakeError(Category::corrupt, "the file of queries: " + what, "give a NumPy array, JSON lines, or lines of numbers (docs/guide/search.md)");
}

Status BadLine(size_t line, const std::string& what) { return Bad(fmt::format("line {}: {}", line, what)); }

// ---- NumPy ----

struct NumpyHeader {
  std::string descr;
  std::vector<uint64_t> shape;
  std::string_view data;
};

/// The text after `'KEY':` in the header's dictionary, from its first character that is no blank.
std::string_view ValueOf(std::string_view header, std::string_view key) {
  const auto at = header.find(fmt::format("'{}'", key));
  if (at == header.npos) return {};
  std::string_view rest = header.substr(at + key.size() + 2);
  const auto begin = rest.find_first_not_of(": ");
  return begin == rest.npos ? std::string_view() : rest.substr(begin);
}

Result<std::vector<uint64_t>> ShapeOf(std::string_view text) {
  const auto end = text.find(')');
  if (!text.starts_with('(') || end == text.npos) return Bad("its NumPy header has no shape");
  std::vector<uint64_t> shape;
  const char* at = text.data() + 1;
  const char* const last = text.data() + end;
  while (at != last) {
    if (*at == ' ' || *at == ',') {
      ++at;
      continue;
    }
    uint64_t n = 0;
    const auto parsed = std::from_chars(at, last, n);
    if (parsed.ec != std::errc() || shape.size() == 2) return Bad("its NumPy array has not one or two dimensions");
    shape.push_back(n);
    at = parsed.ptr;
  }
  if (shape.empty()) return Bad("its NumPy array has not one or two dimensions");
  if (shape.size() == 1) shape.insert(shape.begin(), 1);
  return shape;
}

Result<NumpyHeader> HeaderOf(std::string_view content) {
  if (content.size() < 12) return Bad("it ends within the NumPy header");
  const bool wide = content[6] >= 2;
  uint32_t length = 0;
  for (int i = 0; i < (wide ? 4 : 2); ++i) length |= static_cast<uint32_t>(static_cast<unsigned char>(content[static_cast<size_t>(8 + i)])) << (8 * i);
  const size_t begin = wide ? 12 : 10;
  if (length > 65'536 || content.size() < begin + length) return Bad("it ends within the NumPy header");
  const std::string_view text = content.substr(begin, length);
  NumpyHeader header;
  const std::string_view descr = ValueOf(text, "descr");
  if (!descr.starts_with('\'') || descr.find('\'', 1) == descr.npos) return Bad("its NumPy header has no simple type");
  header.descr = descr.substr(1, descr.find('\'', 1) - 1);
  if (!ValueOf(text, "fortran_order").starts_with("False")) return Bad("its NumPy array is in Fortran's order");
  ARROW_ASSIGN_OR_RAISE(header.shape, ShapeOf(ValueOf(text, "shape")));
  header.data = content.substr(begin + length);
  return header;
}

template <class T, class Convert>
std::vector<float> RowOf(const char* data, size_t dims, Convert convert) {
  std::vector<float> row(dims);
  for (size_t i = 0; i < dims; ++i) {
    T value;
    std::memcpy(&value, data + i * sizeof(T), sizeof(T));
    row[i] = convert(value);
  }
  return row;
}

template <class T>
std::vector<float> Plain(const char* data, size_t dims) {
  return RowOf<T>(data, dims, [](T value) { return static_cast<float>(value); });
}

using ReadRow = std::vector<float> (*)(const char*, size_t);

struct NumpyType {
  std::string_view descr;
  size_t width;
  ReadRow read;
};
const NumpyType kNumpyTypes[] = {
    {"<f4", 4, Plain<float>}, {"<f8", 8, Plain<double>}, {"<f2", 2, [](const char* data, size_t dims) { return RowOf<uint16_t>(data, dims, HalfToFloat); }},
    {"|i1", 1, Plain<int8_t>}, {"|u1", 1, Plain<uint8_t>}, {"|b1", 1, Plain<uint8_t>}, {"<i4", 4, Plain<int32_t>}, {"<i8", 8, Plain<int64_t>}};

Result<std::vector<GivenQuery>> ParseNumpy(std::string_view content) {
  ARROW_ASSIGN_OR_RAISE(const NumpyHeader header, HeaderOf(content));
  const auto type = std::find_if(std::begin(kNumpyTypes), std::end(kNumpyTypes), [&](const auto& each) { return each.descr == header.descr; });
  if (type == std::end(kNumpyTypes)) return Bad(fmt::format("its NumPy array is of type '{}'", Printable(header.descr, 50)));
  const uint64_t rows = header.shape[0], dims = header.shape[1];
  if (rows > kMostQueries || dims > kMostDims || dims == 0) return Bad(fmt::format("its NumPy array is {} x {}", rows, dims));
  if (header.data.size() != rows * dims * type->width) return Bad("its NumPy array is not as long as its header says");
  std::vector<GivenQuery> queries;
  for (uint64_t row = 0; row < rows; ++row) queries.push_back({type->read(header.data.data() + row * dims * type->width, dims), {}, "", ""});
  return queries;
}

// ---- lines ----

/// An object's members; its array of numbers may stand anywhere in it. Nothing else may be nested.
Result<GivenQuery> ParseObject(std::string_view line, size_t number) {
  using Json = nlohmann::json;
  const auto flat = [](int depth, Json::parse_event_t, Json&) { return depth <= 2; };
  const Json json = Json::parse(line, flat, false);
  if (!json.is_object() || !json.contains("vector") || !json["vector"].is_array()) return BadLine(number, "an object has no array `vector`");
  GivenQuery query;
  for (const auto& value : json["vector"]) {
    if (!value.is_number() || query.values.size() >= kMostDims) return BadLine(number, "`vector` is no list of numbers");
    query.values.push_back(value.get<float>());
  }
  for (const auto& [name, value] : json.items()) {
    if (name == "vector") continue;
    if ((name != "column" && name != "tenant" && name != "id") || !value.is_string()) return BadLine(number, fmt::format("unknown member '{}'", Printable(name, 50)));
    if (name == "column") query.column = value.get<std::string>();
    if (name == "tenant") query.tenant = value.get<std::string>();
    if (name == "id") query.label = value.get<std::string>();
  }
  return query;
}

Result<GivenQuery> ParseJsonLine(std::string_view line, size_t number) {
  if (line.front() == '{') return ParseObject(line, number);
  GivenQuery query;
  NumberList<NumberText::json> list(line);
  if (!list.All(&query.values) || !list.AtEnd()) return BadLine(number, "no list of numbers");
  return query;
}

Result<GivenQuery> ParseTextLine(std::string_view line, size_t number) {
  GivenQuery query;
  constexpr std::string_view kBetween = " \t,;";
  for (size_t at = line.find_first_not_of(kBetween); at != line.npos; at = line.find_first_not_of(kBetween, at)) {
    const size_t end = std::min(line.find_first_of(kBetween, at), line.size());
    float value = 0;
    const char* const first = line.data() + at + (line[at] == '+' ? 1 : 0);
    const auto parsed = std::from_chars(first, line.data() + end, value);
    if (parsed.ec != std::errc() || parsed.ptr != line.data() + end || query.values.size() >= kMostDims) {
      return BadLine(number, fmt::format("'{}' is no number", Printable(line.substr(at, std::min<size_t>(end - at, 50)), 50)));
    }
    query.values.push_back(value);
    at = end;
  }
  return query;
}

std::string_view Trimmed(std::string_view line) {
  const auto blank = [](char c) { return c == ' ' || c == '\t' || c == '\r'; };
  while (!line.empty() && blank(line.front())) line.remove_prefix(1);
  while (!line.empty() && blank(line.back())) line.remove_suffix(1);
  return line;
}

Result<std::vector<GivenQuery>> ParseLines(std::string_view content) {
  std::vector<GivenQuery> queries;
  if (content.starts_with("\xEF\xBB\xBF")) content.remove_prefix(3);
  for (size_t number = 1; !content.empty(); ++number) {
    const size_t end = std::min(content.find('\n'), content.size());
    std::string_view line = Trimmed(content.substr(0, end));
    content.remove_prefix(std::min(end + 1, content.size()));
    if (line.empty() || line.front() == '#') continue;
    const bool json = line.front() == '{' || line.front() == '[';
    if (!json) line = Trimmed(line.substr(0, line.find('#')));
    ARROW_ASSIGN_OR_RAISE(GivenQuery query, json ? ParseJsonLine(line, number) : ParseTextLine(line, number));
    if (query.values.empty()) return BadLine(number, "no numbers");
    if (queries.size() >= kMostQueries) return BadLine(number, fmt::format("more than {} queries", kMostQueries));
    queries.push_back(std::move(query));
  }
  return queries;
}

}  // namespace

Result<std::vector<GivenQuery>> ParseQueries(std::string_view content) {
  ARROW_ASSIGN_OR_RAISE(auto queries, content.starts_with(kNumpyMagic) ? ParseNumpy(content) : ParseLines(content));
  if (queries.empty()) return Bad("it holds none");
  for (size_t i = 0; i < queries.size(); ++i) {
    const auto& values = queries[i].values;
    if (!std::all_of(values.begin(), values.end(), [](float v) { return std::isfinite(v); })) return Bad(fmt::format("query {} holds a number that is not finite", i + 1));
  }
  return queries;
}

Result<std::vector<GivenQuery>> ReadQueries(const std::string& file) {
  const fs::path path = ExpandHome(file);
  std::error_code ec;
  const auto size = fs::file_size(path, ec);
  if (!ec && size > kMostBytes) return Bad(fmt::format("it is larger than {}", FormatBytes(static_cast<double>(kMostBytes))));
  ARROW_ASSIGN_OR_RAISE(const std::string content, ReadFile(path));
  return ParseQueries(content);
}

}  // namespace vecferry
