#include "connectors/vdf/meta.h"

#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "files/input.h"

namespace vecferry::vdf {
namespace {

constexpr int64_t kMaxMeta = int64_t{64} << 20;
constexpr std::string_view kPrefix = "metadata_";
constexpr std::pair<Metric, std::string_view> kMetrics[] = {{Metric::cosine, "Cosine"}, {Metric::l2, "Euclid"}, {Metric::dot, "Dot"}, {Metric::l1, "Manhattan"}};

Status NoMeta(std::string_view why) { return MakeError(Category::corrupt, fmt::format("VDF_META.json: {}", why), "check the folder with the program that made it"); }

std::string TextOf(const nlohmann::json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}
int64_t NumberOf(const nlohmann::json& object, const char* key, int64_t otherwise) {
  const auto found = object.find(key);
  return found != object.end() && found->is_number_integer() ? found->get<int64_t>() : otherwise;
}

/// The path comes from outside: it must stay in the folder.
Status CheckPath(const std::string& path) {
  const fs::path given(path);
  bool leaves = given.is_absolute();
  for (const auto& part : given) leaves = leaves || part == "..";
  return leaves ? MakeError(Category::unsupported, fmt::format("VDF_META.json names data outside of its folder: {}", Printable(path, 200))) : Status::OK();
}

Result<Namespace> ParseNamespace(const nlohmann::json& json) {
  if (!json.is_object()) return NoMeta("a namespace is no object");
  Namespace space;
  space.name = TextOf(json, "namespace");
  space.data_path = TextOf(json, "data_path");
  while (space.data_path.ends_with('/')) space.data_path.pop_back();
  ARROW_RETURN_NOT_OK(CheckPath(space.data_path));
  space.metric = TextOf(json, "metric");
  space.model = TextOf(json, "model_name");
  if (space.model == kNoModel) space.model.clear();
  space.dimensions = NumberOf(json, "dimensions", -1);
  space.count = NumberOf(json, "exported_vector_count", -1);
  if (const auto columns = json.find("vector_columns"); columns != json.end() && columns->is_array() && !columns->empty()) {
    space.vector_columns.clear();
    for (const auto& column : *columns) {
      if (!column.is_string()) return NoMeta("a vector column is no name");
      space.vector_columns.push_back(column.get<std::string>());
    }
  }
  if (const auto map = json.find("model_map"); map != json.end() && map->is_object()) {
    for (const auto& [column, facts] : map->items()) {
      const std::string text = facts.is_object() ? TextOf(facts, "text_column") : "";
      if (!text.empty() && text != kNoModel) space.text_column = text;
    }
  }
  return space;
}

size_t Prefixes(std::string_view name, const std::vector<std::string>& reserved) {
  for (size_t count = 0;; ++count) {
    if (std::find(reserved.begin(), reserved.end(), name) != reserved.end()) return count + 1;
    if (!name.starts_with(kPrefix)) return 0;
    name.remove_prefix(kPrefix.size());
  }
}

}  // namespace

Result<Meta> ParseMeta(std::string_view text) {
  const auto json = nlohmann::json::parse(text, nullptr, false);
  if (!json.is_object()) return NoMeta("no JSON object");
  const auto indexes = json.find("indexes");
  if (indexes == json.end() || !indexes->is_object()) return NoMeta("it names no indexes");
  Meta meta;
  meta.version = TextOf(json, "version");
  meta.exported_from = TextOf(json, "exported_from");
  if (const std::string id = TextOf(json, "id_column"); !id.empty()) meta.id_column = id;
  for (const auto& [name, spaces] : indexes->items()) {
    if (!spaces.is_array()) return NoMeta(fmt::format("the index {} has no list of namespaces", Printable(name, 100)));
    for (const auto& space : spaces) {
      ARROW_ASSIGN_OR_RAISE(meta.indexes[name].emplace_back(), ParseNamespace(space));
    }
  }
  return meta;
}

Result<Meta> ReadMeta(const files::Place& folder) {
  const files::Place place = folder / kMetaFile;
  ARROW_ASSIGN_OR_RAISE(const auto there, place.Stat());
  if (!there) return MakeError(Category::not_found, fmt::format("{} is no VDF folder: it has no VDF_META.json", folder.text()), "name the folder vdf_DATE_TIME_HASH that vector-io wrote");
  if (there->size > kMaxMeta) return MakeError(Category::too_large, fmt::format("{} is larger than 64 MiB", place.text()));
  ARROW_ASSIGN_OR_RAISE(const auto input, files::OpenInput(place));
  std::string text(static_cast<size_t>(there->size), '\0');
  ARROW_ASSIGN_OR_RAISE(const size_t got, input->ReadAt(0, text.data(), text.size()));
  text.resize(got);
  return ParseMeta(text);
}

Metric MetricOf(std::string_view name) {
  for (const auto& [metric, known] : kMetrics) {
    if (ToLower(known) == ToLower(name)) return metric;
  }
  return Metric::unknown;
}

std::string_view NameOf(Metric metric) {
  for (const auto& [known, name] : kMetrics) {
    if (known == metric) return name;
  }
  return "";
}

std::string ColumnOf(std::string_view key, const std::vector<std::string>& reserved) {
  return (Prefixes(key, reserved) > 0 ? std::string(kPrefix) : "") + std::string(key);
}

std::string KeyOf(std::string_view column, const std::vector<std::string>& reserved) {
  return std::string(Prefixes(column, reserved) > 1 ? column.substr(kPrefix.size()) : column);
}

}  // namespace vecferry::vdf
