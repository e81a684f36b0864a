#include "connectors/qdrant_local/meta.h"

#include <nlohmann/json.hpp>

#include <fmt/format.h>

#include "base/text.h"

namespace vecferry::qdrant_local {
namespace {

using Json = nlohmann::ordered_json;

Status Corrupt(std::string_view what) {
  return MakeError(Category::corrupt, fmt::format("meta.json: {}", what),
                   "restore meta.json from a backup, or let qdrant-client open the folder");
}

const Json* Member(const Json& object, std::string_view key) {
  if (!object.is_object()) return nullptr;
  const auto at = object.find(std::string(key));
  return at == object.end() || at->is_null() ? nullptr : &*at;
}

}  // namespace

struct Meta::Impl {
  Json json = Json{{"collections", Json::object()}, {"aliases", Json::object()}};
};

Meta::Meta() : impl_(std::make_unique<Impl>()) {}
Meta::Meta(Meta&&) noexcept = default;
Meta& Meta::operator=(Meta&&) noexcept = default;
Meta::~Meta() = default;

Result<Meta> Meta::Parse(std::string_view text) {
  Meta meta;
  Json json = Json::parse(text, nullptr, false);
  if (!json.is_object()) return Corrupt("it is not a JSON object");
  const auto collections = json.find("collections");
  if (collections == json.end() || !collections->is_object()) return Corrupt("it has no collections");
  for (const auto& [name, config] : collections->items()) {
    if (!config.is_object()) return Corrupt(fmt::format("the collection {} is no object", Printable(name, 200)));
  }
  if (!json.contains("aliases")) json["aliases"] = Json::object();
  for (const char* key : {"aliases", "text_indexes"}) {
    if (json.contains(key) && !json[key].is_object()) return Corrupt(fmt::format("{} is no object", key));
  }
  meta.impl_->json = std::move(json);
  return meta;
}

Result<Meta> Meta::Read(const fs::path& root) {
  std::error_code ec;
  if (!fs::exists(root / "meta.json", ec)) return Meta();
  ARROW_ASSIGN_OR_RAISE(const std::string text, ReadFile(root / "meta.json", 64u << 20));
  return Parse(text);
}

std::vector<std::string> Meta::Collections() const {
  std::vector<std::string> names;
  for (const auto& [name, config] : impl_->json["collections"].items()) names.push_back(name);
  return names;
}

std::optional<std::string> Meta::Config(std::string_view collection) const {
  const auto& collections = impl_->json["collections"];
  const auto at = collections.find(std::string(collection));
  if (at == collections.end()) return std::nullopt;
  return at->dump(-1, ' ', true, Json::error_handler_t::replace);
}

std::string Meta::Resolve(std::string_view name) const {
  const Json* alias = Member(impl_->json["aliases"], name);
  if (Config(name) || !alias || !alias->is_string()) return std::string(name);
  return alias->get<std::string>();
}

std::vector<std::string> Meta::AliasesOf(std::string_view collection) const {
  std::vector<std::string> names;
  for (const auto& [alias, target] : impl_->json["aliases"].items()) {
    if (target.is_string() && target.get_ref<const std::string&>() == collection) names.push_back(alias);
  }
  return names;
}

Status Meta::Put(std::string_view collection, std::string_view config) {
  Json parsed = Json::parse(config, nullptr, false);
  if (!parsed.is_object()) return MakeError(Category::internal, "the parameters of a collection are no JSON object");
  impl_->json["collections"][std::string(collection)] = std::move(parsed);
  return Status::OK();
}

void Meta::Remove(std::string_view collection) {
  const std::string name(collection);
  for (const auto& alias : AliasesOf(collection)) impl_->json["aliases"].erase(alias);
  impl_->json["collections"].erase(name);
  if (impl_->json.contains("text_indexes")) impl_->json["text_indexes"].erase(name);
}

std::string Meta::Text() const { return impl_->json.dump(-1, ' ', true, Json::error_handler_t::replace); }

Status Meta::Write(const fs::path& root) const { return WriteFileAtomic(root / "meta.json", Text(), 0666); }

}  // namespace vecferry::qdrant_local
