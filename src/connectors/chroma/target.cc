#include "connectors/chroma/target.h"

#include <fmt/format.h>

#include "base/base64.h"
#include "base/text.h"
#include "chroma_model/records.h"
#include "net/service.h"
#include "options/make_option.h"

namespace vecferry::chroma {
namespace {

const ServiceKind& Kind() {
  static const ServiceKind kind{.name = "chroma", .port = 8000, .tls_port = 443, .variables = {"CHROMA_API_KEY", "CHROMA_CLIENT_AUTH_CREDENTIALS"}, .connections = 4, .loopback_plain = false};
  return kind;
}

/// How the key is shown to the server. "auto": a user's name says basic; else the token in both headers that Chroma has had for it.
HttpHeaders HeadersOf(const Service& service, const std::string& how) {
  if (service.key.empty() && service.user.empty()) return {};
  const std::string pair = service.user.empty() ? service.key : service.user + ":" + service.key;
  if (how == "basic" || (how == "auto" && !service.user.empty())) return {{"Authorization", "Basic " + Base64(pair)}};
  if (how == "bearer") return {{"Authorization", "Bearer " + service.key}};
  if (how == "x-chroma-token") return {{"X-Chroma-Token", service.key}};
  return {{"Authorization", "Bearer " + service.key}, {"X-Chroma-Token", service.key}};
}

/// "/TENANT/DATABASE", both or none.
Status TakePath(std::string_view path, chroma_model::Address* address) {
  if (path.empty()) return Status::OK();
  const auto slash = path.find('/', 1);
  const std::string_view tenant = path.substr(1, slash == path.npos ? slash : slash - 1), database = slash == path.npos ? std::string_view() : path.substr(slash + 1);
  if (tenant.empty() || database.empty() || database.find('/') != database.npos) {
    return MakeError(Category::usage, fmt::format("'{}' is not /TENANT/DATABASE", Printable(path, 200)),
                     "write chroma://HOST:PORT/TENANT/DATABASE#COLLECTION, or say ?tenant= and ?database=; what stands before the API's path is ?base=");
  }
  address->tenant = tenant;
  address->database = database;
  return Status::OK();
}

}  // namespace

const std::vector<OptionSpec>& Options() {
  static const std::vector<OptionSpec> options = [] {
    std::vector<OptionSpec> all = ServiceOptions(Kind());
    all.push_back(MakeOption::Choice("auth", {"auto", "bearer", "x-chroma-token", "basic"}, "How the key is sent: as basic where a user is named, else as a token in both headers, unless told.").Reaching());
    all.push_back(MakeOption::Text("base", "PATH", "What stands before /api/v2 where a proxy serves Chroma under a path.").Reaching());
    all.push_back(MakeOption::Text("tenant", "NAME", "The tenant; default_tenant unless told here or in the address."));
    all.push_back(MakeOption::Text("database", "NAME", "The database; default_database unless told here or in the address."));
    all.push_back(chroma_model::MetadataOption());
    return all;
  }();
  return options;
}

Result<chroma_model::Address> ParseAddress(const Location& location) {
  ARROW_ASSIGN_OR_RAISE(const auto options, CheckOptions(Options(), location.options, "option of chroma"));
  ARROW_ASSIGN_OR_RAISE(const Service service, ParseService(Kind(), location.path, location.alias, options));
  const auto value = [&](const char* name) {
    const auto at = options.find(name);
    return at == options.end() ? std::string() : at->second;
  };
  chroma_model::Address address;
  address.endpoint = service.endpoint;
  address.deadline = service.deadline;
  address.headers = HeadersOf(service, value("auth"));
  ARROW_RETURN_NOT_OK(TakePath(service.path, &address));
  if (!value("tenant").empty()) address.tenant = value("tenant");
  if (!value("database").empty()) address.database = value("database");
  address.base = value("base");
  if (!address.base.empty() && address.base.front() != '/') address.base.insert(0, "/");
  while (!address.base.empty() && address.base.back() == '/') address.base.pop_back();
  return address;
}

std::string IdentityOf(const chroma_model::Address& address) {
  return fmt::format("{}://{}{}/{}/{}", kScheme, address.endpoint.Display(), address.base, PercentEncode(address.tenant, {}), PercentEncode(address.database, {}));
}

}  // namespace vecferry::chroma
