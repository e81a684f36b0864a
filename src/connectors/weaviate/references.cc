#include <nlohmann/json.hpp>

#include "connectors/weaviate/dataset.h"
#include "net/http.h"

namespace vecferry::weaviate {
namespace {

using Json = nlohmann::json;

void TakeReferences(const Json& object, const std::vector<std::string>& properties, References* out) {
  const auto held = object.find("properties");
  if (held == object.end() || !held->is_object()) return;
  for (const auto& property : properties) {
    const auto at = held->find(property);
    if (at == held->end() || !at->is_array()) continue;
    std::vector<std::string>& beacons = (*out)[property];
    for (const Json& each : *at) {
      const auto beacon = each.is_object() ? each.find("beacon") : each.end();
      if (each.is_object() && beacon != each.end() && beacon->is_string()) beacons.push_back(beacon->get<std::string>());
    }
  }
}

}  // namespace

Result<std::map<std::string, References, std::less<>>> ParseReferences(std::string_view text, const std::vector<std::string>& properties) {
  constexpr std::string_view kWhat = "reading references";
  const Json json = Json::parse(text, nullptr, false);
  std::map<std::string, References, std::less<>> pages;
  if (!json.is_object()) return BadHttpAnswer(kWhat, "the answer is no JSON object");
  const auto objects = json.find("objects");
  const Json alone = Json::array({json});
  if (objects == json.end() && !json.contains("id")) return BadHttpAnswer(kWhat, "the answer has no objects");
  const Json& list = objects == json.end() ? alone : *objects;
  if (list.is_null()) return pages;
  if (!list.is_array()) return BadHttpAnswer(kWhat, "the answer has no objects");
  for (const Json& object : list) {
    const auto id = object.is_object() ? object.find("id") : object.end();
    if (!object.is_object() || id == object.end() || !id->is_string()) return BadHttpAnswer(kWhat, "an object has no id");
    TakeReferences(object, properties, &pages[id->get<std::string>()]);
  }
  return pages;
}

}  // namespace vecferry::weaviate
