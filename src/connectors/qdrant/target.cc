#include "connectors/qdrant/target.h"

#include <cstdlib>

#include <fmt/format.h>

#include "base/text.h"

namespace vecferry::qdrant {
namespace {

constexpr std::string_view kMask = "***";
constexpr uint16_t kGrpcPort = 6334, kRestPort = 6333;

OptionSpec Option(std::string name, OptionSpec::Kind kind, std::string value_name, std::string help) {
  OptionSpec spec;
  spec.name = std::move(name);
  spec.kind = kind;
  spec.value_name = std::move(value_name);
  spec.help = std::move(help);
  return spec;
}

Result<uint16_t> GrpcPortOf(const Location& location, uint16_t written, const std::string& told) {
  if (!told.empty()) {
    ARROW_ASSIGN_OR_RAISE(const int64_t port, ParseInt(told));
    if (port < 1 || port > 65535) return MakeError(Category::usage, "grpc-port is no port number", "name one between 1 and 65535");
    return static_cast<uint16_t>(port);
  }
  if (written == 0 || written == kRestPort) return kGrpcPort;
  const bool rest = location.alias == "http" || location.alias == "https";
  if (!rest) return written;
  return MakeError(Category::usage, fmt::format("the port {} is that of REST, and data goes over gRPC, whose port is not known", written),
                   "name it with ?grpc-port=N, or write qdrant://HOST:GRPC_PORT");
}

Result<std::string> KeyOf(const std::map<std::string, std::string>& options, const Authority& authority) {
  // A location that was kept has a mask where the key was.
  const auto value = [&](const char* name) {
    const auto at = options.find(name);
    return at == options.end() || at->second == kMask ? std::string() : at->second;
  };
  if (!value("api-key").empty()) return value("api-key");
  if (!authority.password.empty() && authority.password != kMask) return PercentDecode(authority.password);
  const std::string variable = value("api-key-env");
  if (variable.empty()) return FindSecret(value("api-key-file"), {"VECFERRY_QDRANT_API_KEY", "QDRANT_API_KEY"});
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

}  // namespace

const std::vector<OptionSpec>& Options() {
  using Kind = OptionSpec::Kind;
  static const std::vector<OptionSpec> options = [] {
    std::vector<OptionSpec> all = {
        Option("tls", Kind::boolean, "", "Whether the server speaks TLS; https:// says so too."),
        Option("ca", Kind::text, "FILE", "PEM file of the authorities that may have signed the server's certificate; the system's unless told."),
        Option("api-key-file", Kind::text, "FILE", "A file that holds the API key, one line."),
        Option("api-key-env", Kind::text, "NAME",
               "The environment variable that holds the API key; VECFERRY_QDRANT_API_KEY and QDRANT_API_KEY are looked at unless told."),
        Option("api-key", Kind::text, "KEY", "The API key itself; better in the environment or in a file."),
        Option("grpc-port", Kind::integer, "N", "The port of gRPC, where the address is that of REST."),
        Option("timeout", Kind::duration, "TIME", "How long one call may take before it is tried again."),
        Option("connections", Kind::integer, "N", "Connections that calls are spread over.")};
    for (auto& option : all) option.reaching = true;
    all[4].secret = true;
    all[6].default_value = "60s";
    all[7].default_value = "2";
    return all;
  }();
  return options;
}

Result<Target> ParseTarget(const Location& location) {
  ARROW_ASSIGN_OR_RAISE(auto options, CheckOptions(Options(), location.options, "option of qdrant"));
  ARROW_ASSIGN_OR_RAISE(const Authority authority, ParseAuthority(location.path));
  Target target;
  target.endpoint.host = authority.host;
  ARROW_ASSIGN_OR_RAISE(target.endpoint.port, GrpcPortOf(location, authority.port, options["grpc-port"]));
  target.endpoint.tls = location.alias == "https";
  if (!options["tls"].empty()) {
    ARROW_ASSIGN_OR_RAISE(target.endpoint.tls, ParseBool(options["tls"]));
  }
  target.endpoint.ca_file = options["ca"];
  if (!target.endpoint.ca_file.empty()) target.endpoint.tls = true;
  ARROW_ASSIGN_OR_RAISE(target.api_key, KeyOf(options, authority));
  if (!IsHeaderValue(target.api_key)) return MakeError(Category::usage, "the API key holds a character that no key has", "look for a line break or a blank in it");
  ARROW_ASSIGN_OR_RAISE(const double seconds, ParseDuration(options["timeout"]));
  if (seconds < 0.1 || seconds > 86'400) return MakeError(Category::usage, "timeout is not between 0.1 s and a day", "for example timeout=60s");
  target.deadline = std::chrono::milliseconds(static_cast<int64_t>(seconds * 1000));
  ARROW_ASSIGN_OR_RAISE(const int64_t connections, ParseInt(options["connections"]));
  if (connections < 1 || connections > 64) return MakeError(Category::usage, "connections is not between 1 and 64", "for example connections=2");
  target.connections = static_cast<int>(connections);
  return target;
}

}  // namespace vecferry::qdrant
