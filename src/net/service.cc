#include "net/service.h"

#include <curl/curl.h>

#include <cstdlib>

#include <fmt/format.h>

#include "base/text.h"
#include "options/make_option.h"

namespace vecferry {
namespace {

std::string Unescape(const std::string& text) {
  int length = 0;
  char* decoded = curl_easy_unescape(nullptr, text.data(), static_cast<int>(text.size()), &length);
  std::string out = decoded ? std::string(decoded, static_cast<size_t>(length)) : text;
  curl_free(decoded);
  return out;
}

std::string ValueOf(const std::map<std::string, std::string>& options, const char* name) {
  const auto at = options.find(name);
  return at == options.end() || at->second == kSecretMask ? std::string() : at->second;
}

Result<std::string> FromVariables(const ServiceKind& kind, const std::string& file) {
  if (!file.empty()) return FindSecret(file, {});
  for (const auto& name : kind.variables) {
    ARROW_ASSIGN_OR_RAISE(std::string key, FindSecret({}, {("VECFERRY_" + name).c_str(), name.c_str()}));
    if (!key.empty()) return key;
  }
  return std::string();
}

Result<std::string> KeyOf(const ServiceKind& kind, const Authority& authority, const std::map<std::string, std::string>& options) {
  if (std::string key = ValueOf(options, "api-key"); !key.empty()) return key;
  if (!authority.password.empty() && authority.password != kSecretMask) return Unescape(authority.password);
  const std::string variable = ValueOf(options, "api-key-env");
  if (variable.empty()) return FromVariables(kind, ValueOf(options, "api-key-file"));
  const char* key = std::getenv(variable.c_str());
  if (key && *key) return std::string(key);
  return MakeError(Category::usage, fmt::format("the environment variable {} is not set", Printable(variable, 100)), "set it, or name another with ?api-key-env=NAME");
}

bool IsHeaderValue(std::string_view text) {
  for (const char c : text) {
    if (c < 0x21 || c > 0x7e) return false;
  }
  return true;
}

bool IsLoopback(const std::string& host) { return host == "localhost" || host == "::1" || host.rfind("127.", 0) == 0; }

Status TakeTls(const ServiceKind& kind, std::string_view alias, const std::map<std::string, std::string>& options, Endpoint* endpoint) {
  endpoint->ca_file = ValueOf(options, "ca");
  endpoint->tls = alias == "https" || !endpoint->ca_file.empty() || (kind.loopback_plain && alias != "http" && !IsLoopback(endpoint->host));
  if (const std::string told = ValueOf(options, "tls"); !told.empty()) {
    ARROW_ASSIGN_OR_RAISE(endpoint->tls, ParseBool(told));
  }
  return Status::OK();
}

}  // namespace

std::vector<OptionSpec> ServiceOptions(const ServiceKind& kind) {
  std::string variables;
  for (const auto& name : kind.variables) variables += fmt::format("{}VECFERRY_{} and {}", variables.empty() ? "" : ", ", name, name);
  std::vector<OptionSpec> options = {
      MakeOption::Flag("tls", "Whether the server speaks TLS; https:// says so too."),
      MakeOption::Text("ca", "FILE", "PEM file of the authorities that may have signed the server's certificate; the system's unless told."),
      MakeOption::Text("api-key-file", "FILE", "A file that holds the key, one line."),
      MakeOption::Text("api-key-env", "NAME", fmt::format("The environment variable that holds the key; {} are looked at unless told.", variables)),
      MakeOption::Text("api-key", "KEY", "The key itself; better in the environment or in a file.").Secret(),
      MakeOption::Duration("timeout", "How long one call may take before it is tried again.").Default("60s"),
      MakeOption::Integer("connections", "Connections that calls are spread over.").Default(std::to_string(kind.connections))};
  for (OptionSpec& option : options) option.reaching = true;
  return options;
}

Result<Service> ParseService(const ServiceKind& kind, std::string_view path, std::string_view alias, const std::map<std::string, std::string>& options) {
  Service service;
  const size_t host = path.substr(0, 2) == "//" ? 2 : 0;
  if (const auto slash = path.find('/', host); slash != path.npos) {
    service.path = path.substr(slash);
    while (!service.path.empty() && service.path.back() == '/') service.path.pop_back();
    path = path.substr(0, slash);
  }
  ARROW_ASSIGN_OR_RAISE(const Authority authority, ParseAuthority(path));
  service.endpoint.host = authority.host;
  ARROW_RETURN_NOT_OK(TakeTls(kind, alias, options, &service.endpoint));
  const uint16_t usual = service.endpoint.tls && kind.tls_port != 0 ? kind.tls_port : kind.port;
  service.endpoint.port = authority.port != 0 ? authority.port : usual;
  service.user = Unescape(authority.user);
  ARROW_ASSIGN_OR_RAISE(service.key, KeyOf(kind, authority, options));
  if (!IsHeaderValue(service.key)) return MakeError(Category::usage, "the key holds a character that no key has", "look for a line break or a blank in it");
  ARROW_ASSIGN_OR_RAISE(const double seconds, ParseDuration(ValueOf(options, "timeout")));
  if (seconds < 0.1 || seconds > 86'400) return MakeError(Category::usage, "timeout is not between 0.1 s and a day", "for example timeout=60s");
  service.deadline = std::chrono::milliseconds(static_cast<int64_t>(seconds * 1000));
  ARROW_ASSIGN_OR_RAISE(const int64_t connections, ParseInt(ValueOf(options, "connections")));
  if (connections < 1 || connections > 64) return MakeError(Category::usage, "connections is not between 1 and 64", "for example connections=2");
  service.connections = static_cast<int>(connections);
  return service;
}

}  // namespace vecferry
