#include "connector/connector.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include <fmt/format.h>

#include "base/text.h"

namespace vecferry {
namespace {

bool Exists(const fs::path& path) {
  std::error_code ec;
  return fs::exists(path, ec);
}

/// Names are unique by construction of the program; two of the same would make the choice between them silent.
void MustBeNew(bool is_new, std::string_view what, std::string_view name) {
  if (is_new) return;
  std::fputs(fmt::format("vecferry: two {}s are named {}\n", what, name).c_str(), stderr);
  std::abort();
}

bool Claims(const Connector::Info& info, std::string_view scheme) {
  return info.scheme == scheme || std::find(info.aliases.begin(), info.aliases.end(), scheme) != info.aliases.end();
}

/// "///FILE" after an alias is written for /FILE by those who think of URIs, and for ./FILE by those who know it
/// from SQLAlchemy. What exists decides; where both do nothing is guessed.
Result<std::string> FileOfUri(const std::string& path) {
  const std::string absolute = path.substr(2), relative = path.substr(3);
  if (relative.starts_with('/')) return relative;
  const bool has_absolute = Exists(absolute), has_relative = !relative.empty() && Exists(relative);
  if (has_absolute && has_relative && CanonicalPath(absolute) != CanonicalPath(relative)) {
    return MakeError(Category::usage, fmt::format("'{}' may mean {} or ./{}, and both exist", Printable(path), Printable(absolute), Printable(relative)),
                     fmt::format("write the path itself: {} or ./{}", Printable(absolute), Printable(relative)));
  }
  return has_relative ? relative : absolute;
}

}  // namespace

Result<std::unique_ptr<Source>> Connector::OpenSource(const Location& location, const OpenContext&) {
  return MakeError(Category::unsupported, fmt::format("{} cannot be read: {}", info().scheme, location.Display()),
                   "`vecferry stores` lists what each kind of store can do");
}

Result<std::unique_ptr<Sink>> Connector::OpenSink(const Location& location, const OpenContext&) {
  return MakeError(Category::unsupported, fmt::format("{} cannot be written: {}", info().scheme, location.Display()),
                   "`vecferry stores` lists what each kind of store can do");
}

void Registry::Add(std::unique_ptr<Connector> connector) {
  for (const auto& other : connectors_) {
    MustBeNew(!Claims(other->info(), connector->info().scheme), "connector", connector->info().scheme);
    for (const auto& alias : connector->info().aliases) MustBeNew(!Claims(other->info(), alias), "connector", alias);
  }
  connectors_.push_back(std::move(connector));
}

void Registry::AddLayout(Layout layout) {
  for (const auto& other : layouts_) MustBeNew(other->name != layout.name, "layout", layout.name);
  layouts_.push_back(std::make_unique<Layout>(std::move(layout)));
}

Result<Connector*> Registry::Find(std::string_view scheme) const {
  std::vector<std::string> names;
  for (const auto& connector : connectors_) {
    if (Claims(connector->info(), scheme)) return connector.get();
    names.push_back(connector->info().scheme);
    names.insert(names.end(), connector->info().aliases.begin(), connector->info().aliases.end());
  }
  return MakeError(Category::usage, fmt::format("'{}' is no kind of store{}", Printable(scheme, 200), Suggestion(scheme, names)),
                   "`vecferry stores` lists the kinds of store");
}

Result<const Layout*> Registry::FindLayout(std::string_view name) const {
  std::vector<std::string> names;
  for (const auto& layout : layouts_) {
    if (layout->name == name) return layout.get();
    names.push_back(layout->name);
  }
  return MakeError(Category::usage, fmt::format("'{}' is no layout{}", Printable(name, 200), Suggestion(name, names)),
                   fmt::format("it can be one of {}", fmt::join(names, ", ")));
}

namespace {

/// "//NAME@HOST", where no store of that kind knows names: what stands there is most likely a key, which nothing would mask.
Status CheckNoUser(const std::string& path) {
  if (!path.starts_with("//")) return Status::OK();
  const std::string_view authority = std::string_view(path).substr(2, path.find('/', 2) - 2);
  const size_t at = authority.rfind('@');
  if (at == authority.npos || at == 0 || authority.substr(0, at).find(':') != authority.npos) return Status::OK();
  return MakeError(Category::usage, "this kind of store knows no users, and a name stands before the '@' of the address",
                   "give the key in the environment or in a file; in the address it stands behind a colon, //:KEY@HOST");
}

}  // namespace

Result<Location> Registry::Resolve(std::string_view text) const {
  const std::string scheme = SchemeOf(text);
  auto found = Find(scheme);
  if (!found.ok()) return ResolveBarePath(text, scheme.empty() ? Status::OK() : found.status());
  ARROW_ASSIGN_OR_RAISE(Location location, ParseLocation(text));
  if (!(*found)->info().has_users) ARROW_RETURN_NOT_OK(CheckNoUser(location.path));
  const std::string& canonical = (*found)->info().scheme;
  if (location.scheme == canonical) return location;
  if (location.path.starts_with("///")) {
    ARROW_ASSIGN_OR_RAISE(location.path, FileOfUri(location.path));
  } else if (location.path.starts_with("//")) {
    location.alias = location.scheme;
  }
  location.scheme = canonical;
  return location;
}

Result<Location> Registry::ResolveBarePath(std::string_view text, const Status& unknown_scheme) const {
  // Parsed with a scheme in front, so that options and dataset are taken apart by the one rule.
  ARROW_ASSIGN_OR_RAISE(Location location, ParseLocation(fmt::format("path:{}", text)));
  if (!Exists(location.path) || location.path.starts_with("//")) {
    if (!unknown_scheme.ok()) return unknown_scheme;
    return MakeError(Category::not_found, fmt::format("{} does not exist", Printable(location.path)),
                     "a store that does not exist yet needs its kind: 'SCHEME:LOCATION#DATASET'");
  }
  for (const auto& connector : connectors_) {
    if (!connector->Recognises(location.path)) continue;
    location.scheme = connector->info().scheme;
    return location;
  }
  return MakeError(Category::usage, fmt::format("{} is of no kind that is known by its content", Printable(location.path)),
                   "say the kind: 'SCHEME:LOCATION#DATASET'; `vecferry stores` lists the kinds of store");
}

}  // namespace vecferry
