#include "connectors/weaviate/target.h"

#include <fmt/format.h>

#include "base/text.h"
#include "connectors/weaviate/names.h"
#include "options/make_option.h"

namespace vecferry::weaviate {
namespace {

constexpr uint16_t kGrpcPort = 50051, kTlsPort = 443;

const ServiceKind& KindOfService() {
  static const ServiceKind kind{.name = kScheme, .port = 8080, .tls_port = kTlsPort, .variables = {"WEAVIATE_API_KEY"}, .connections = 2};
  return kind;
}

/// The vendor's own cloud, where gRPC has a name of its own.
bool IsCloud(const std::string& host) {
  const std::string lower = ToLower(host);
  return lower.ends_with(".weaviate.cloud") || lower.ends_with(".weaviate.network");
}

Result<Endpoint> GrpcOf(const Target& target, const std::map<std::string, std::string>& options) {
  const Endpoint& rest = target.rest.endpoint;
  Endpoint grpc = rest;
  const bool cloud = IsCloud(rest.host);
  grpc.port = cloud ? kTlsPort : kGrpcPort;
  if (cloud && !rest.host.starts_with("grpc-")) grpc.host = "grpc-" + rest.host;
  if (const auto& host = options.at("grpc-host"); !host.empty()) {
    ARROW_ASSIGN_OR_RAISE(const Authority authority, ParseAuthority("//" + host));
    grpc.host = authority.host;
    if (authority.port != 0) grpc.port = authority.port;
  }
  if (const auto& told = options.at("grpc-port"); !told.empty()) {
    ARROW_ASSIGN_OR_RAISE(const int64_t port, ParseInt(told));
    if (port < 1 || port > 65535) return MakeError(Category::usage, "grpc-port is no port number", "name one between 1 and 65535");
    grpc.port = static_cast<uint16_t>(port);
  }
  return grpc;
}

/// "384" for the unnamed vector, "title:384,body:768" for named ones.
Result<std::map<std::string, int32_t>> ParseDims(std::string_view text) {
  std::map<std::string, int32_t> dims;
  while (!text.empty()) {
    const std::string_view item = text.substr(0, text.find(','));
    text.remove_prefix(std::min(text.size(), item.size() + 1));
    const size_t colon = item.rfind(':');
    const std::string name(colon == item.npos ? "" : item.substr(0, colon));
    const auto number = ParseInt(colon == item.npos ? item : item.substr(colon + 1));
    if (!number.ok() || *number < 1 || *number > 65535) {
      return MakeError(Category::usage, fmt::format("dims: '{}' is no number of dimensions", Printable(item, 100)), "for example dims=384, or dims=title:384,body:768");
    }
    dims[name] = static_cast<int32_t>(*number);
  }
  return dims;
}

}  // namespace

const std::vector<OptionSpec>& Options() {
  static const std::vector<OptionSpec> options = [] {
    std::vector<OptionSpec> all = ServiceOptions(KindOfService());
    all.push_back(MakeOption::Text("grpc-host", "HOST", "The host of gRPC, where it is not that of REST.").Reaching());
    all.push_back(MakeOption::Integer("grpc-port", "The port of gRPC: 50051 unless told, 443 in the vendor's cloud.").Reaching());
    all.push_back(MakeOption::Text("tenant", "NAME", "The one tenant that is meant, of a class that keeps tenants apart; all of them unless told. Records then have no tenant of their own."));
    all.push_back(MakeOption::Choice("multi-tenancy", {"apart", "property"},
                                     "How a class that is made keeps the tenants of its records: apart, as tenants of the class, or in a property."));
    all.push_back(MakeOption::Choice("inexact", {"refuse", "text"},
                                     "What becomes of a value that no property holds exactly, such as an integer beyond 2^53 or a null: its record is refused, or it is kept as JSON text "
                                     "in the property _vecferry, from where it is read back exactly."));
    all.push_back(MakeOption::Choice("consistency", {"default", "one", "quorum", "all"}, "How many replicas a read or write waits for, where there are several."));
    all.push_back(MakeOption::Text("dims", "N", "Dimensions of vectors of which the first records have none: dims=384, or dims=title:384,body:768."));
    return all;
  }();
  return options;
}

Result<Inexact> InexactOf(const Location& location) {
  ARROW_ASSIGN_OR_RAISE(const auto options, CheckOptions(Options(), location.options, "option of weaviate"));
  return options.at("inexact") == "text" ? Inexact::text : Inexact::refuse;
}

Result<Target> ParseTarget(const Location& location) {
  ARROW_ASSIGN_OR_RAISE(auto options, CheckOptions(Options(), location.options, "option of weaviate"));
  for (const auto& spec : Options()) options.try_emplace(spec.name);
  Target target;
  const std::string host = location.path.substr(0, location.path.find('?'));
  if (options["tls"].empty()) {
    ARROW_ASSIGN_OR_RAISE(const Authority authority, ParseAuthority(host.substr(0, host.find('/', 2))));
    if (IsCloud(authority.host)) options["tls"] = "yes";
  }
  ARROW_ASSIGN_OR_RAISE(target.rest, ParseService(KindOfService(), location.path, location.alias, options));
  ARROW_ASSIGN_OR_RAISE(target.grpc, GrpcOf(target, options));
  target.tenant = options["tenant"];
  if (!target.tenant.empty() && !IsTenantName(target.tenant)) {
    return MakeError(Category::usage, fmt::format("'{}' is no tenant's name", Printable(target.tenant, 100)), "a tenant's name has 1 to 64 of A-Z a-z 0-9 _ -");
  }
  target.inexact = options["inexact"] == "text" ? Inexact::text : Inexact::refuse;
  target.tenancy = options["multi-tenancy"] == "property" ? Tenancy::property : Tenancy::apart;
  static const std::map<std::string, Consistency> kLevels = {{"default", Consistency::unspecified}, {"one", Consistency::one}, {"quorum", Consistency::quorum}, {"all", Consistency::all}};
  target.level = kLevels.at(options["consistency"]);
  ARROW_ASSIGN_OR_RAISE(target.dims, ParseDims(options["dims"]));
  return target;
}

}  // namespace vecferry::weaviate
