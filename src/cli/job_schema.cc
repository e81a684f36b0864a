#include "cli/job_schema.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "cli/help.h"
#include "cli/job_file.h"

namespace vecferry::cli {
namespace {

using Json = nlohmann::ordered_json;

/// A text that only a run can tell: a variable stands in it.
constexpr const char* kVariable = "\\$\\{";

Json Text(const std::string& pattern) { return {{"type", "string"}, {"pattern", pattern}}; }

/// Any scalar: a text that looks like a number keeps its spelling.
Json AnyText() { return {{"type", {"string", "number", "boolean"}}}; }

Json AnyOf(std::vector<Json> forms) {
  forms.push_back(Text(kVariable));
  return {{"anyOf", forms}};
}

/// What a value of that kind may look like in YAML.
Json FormOf(const OptionSpec& spec) {
  using Kind = OptionSpec::Kind;
  switch (spec.kind) {
    case Kind::text: return AnyText();
    case Kind::integer: return AnyOf({{{"type", "integer"}}, Text("^-?[0-9]+$")});
    case Kind::real: return AnyOf({{{"type", "number"}}, Text("^-?([0-9]+\\.?[0-9]*|\\.[0-9]+)([eE][-+]?[0-9]+)?$")});
    case Kind::boolean: return AnyOf({{{"type", "boolean"}}, {{"enum", {0, 1}}}, Text("^([Tt][Rr][Uu][Ee]|[Yy][Ee][Ss]|[Oo][Nn]|1|[Ff][Aa][Ll][Ss][Ee]|[Nn][Oo]|[Oo][Ff][Ff]|0)$")});
    case Kind::bytes: return AnyOf({{{"type", "number"}, {"minimum", 0}}, Text("^[0-9]+(\\.[0-9]+)?([kKmMgGtT][iI]?)?[bB]?$")});
    case Kind::duration: return AnyOf({{{"type", "number"}, {"minimum", 0}}, Text("^[0-9]+(\\.[0-9]+)?(ms|s|m|h|d)?$")});
    case Kind::choice: return AnyOf({{{"enum", spec.choices}}});
  }
  return {};
}

std::string Described(const OptionSpec& spec) {
  std::string text = spec.help + (spec.secret ? " Secret: put a variable into it." : "");
  return spec.default_value.empty() ? text : fmt::format("{} Default: {}.", text, spec.default_value);
}

Json PropertyOf(const OptionSpec& spec) {
  Json property = {{"description", Described(spec)}};
  property.update(FormOf(spec));
  return property;
}

Json PropertyOf(const FlagSpec& flag) {
  if (!flag.repeatable) return PropertyOf(flag.option);
  const Json form = FormOf(flag.option);
  return {{"description", Described(flag.option)}, {"anyOf", {form, {{"type", "array"}, {"items", form}}}}};
}

/// "^(qdrant|http|https):", whatever the case.
std::string SchemePattern(const Connector::Info& info) {
  std::string names;
  for (const auto& scheme : [&] {
         auto all = info.aliases;
         all.insert(all.begin(), info.scheme);
         return all;
       }()) {
    names += names.empty() ? "" : "|";
    for (const char c : scheme) names += c >= 'a' && c <= 'z' ? fmt::format("[{}{}]", static_cast<char>(c - 32), c) : (c == '+' || c == '.') ? fmt::format("\\{}", c) : std::string(1, c);
  }
  return "^(" + names + "):";
}

/// What `options` may hold where the uri names that kind of store.
Json RuleOf(const Connector::Info& info, const Json& layout) {
  Json options = Json::object();
  for (const auto& spec : info.options) options[spec.name] = PropertyOf(spec);
  options["layout"] = layout;
  const Json then = {{"properties", options}, {"additionalProperties", false}};
  return {{"if", {{"properties", {{"uri", Text(SchemePattern(info))}}}, {"required", {"uri"}}}}, {"then", {{"properties", {{"options", then}}}}}};
}

Json SideOf(const Registry& registry) {
  Json names = Json::array();
  for (const auto& layout : registry.layouts()) names.push_back(layout->name);
  const Json layout = {{"description", "How an application keeps its records in the store."}, {"anyOf", {{{"enum", names}}, Text(kVariable)}}};
  Json object = {{"type", "object"}, {"required", {"uri"}}, {"additionalProperties", false}};
  object["properties"] = {
      {"uri", {{"description", "SCHEME:LOCATION[?option=value&...][#DATASET], or a path whose kind is known by its content."}, {"type", "string"}, {"minLength", 1}}},
      {"dataset", {{"description", "The dataset, as it is spelled; in place of #DATASET."}, {"type", {"string", "number", "boolean"}}}},
      {"layout", layout},
      {"options", {{"description", "Options of the store, as after the ? of its URI."}, {"type", {"object", "null"}}, {"additionalProperties", AnyText()}}}};
  object["allOf"] = Json::array();
  for (const auto& connector : registry.connectors()) object["allOf"].push_back(RuleOf(connector->info(), layout));
  return {{"anyOf", {{{"type", "string"}, {"minLength", 1}}, object}}};
}

/// The commands that have the flag: "copy, plan".
std::string CommandsWith(const std::string& flag) {
  std::string names;
  for (const auto& command : Commands()) {
    if (TakesJob(command) && FindFlag(command, flag)) names += (names.empty() ? "" : ", ") + command.name;
  }
  return names;
}

}  // namespace

std::string JobSchema(const Registry& registry) {
  Json schema = {{"$schema", "http://json-schema.org/draft-07/schema#"},
                 {"title", "Vecferry job file"},
                 {"description", "What `vecferry copy --config FILE` and others take from a file. A value may hold ${NAME} or ${NAME:-DEFAULT}."},
                 {"type", "object"},
                 {"additionalProperties", false}};
  Json& properties = schema["properties"] = Json::object();
  properties["version"] = {{"description", "Of this form."}, {"enum", {1, "1"}}};
  properties["source"] = {{"description", "The dataset to read."}, {"$ref", "#/definitions/side"}};
  properties["target"] = {{"description", "The dataset to write."}, {"$ref", "#/definitions/side"}};
  for (const auto& key : JobArguments()) properties[key] = {{"description", "FILE of backup and restore."}, {"type", {"string", "number", "boolean"}}};
  for (const auto* flag : JobFlags()) properties[flag->option.name] = PropertyOf(*flag);
  schema["definitions"] = {{"side", SideOf(registry)}};
  return schema.dump(2) + "\n";
}

std::string JobKeysMarkdown() {
  std::string text = "| key | commands | meaning |\n|---|---|---|\n";
  for (const auto* flag : JobFlags()) {
    std::string help = FlagHelp(*flag), cell;
    for (const char c : help) cell += c == '|' ? std::string("\\|") : std::string(1, c);
    text += fmt::format("| `{}`{} | {} | {} |\n", flag->option.name, flag->repeatable ? ", a list" : "", CommandsWith(flag->option.name), cell);
  }
  return text;
}

}  // namespace vecferry::cli
