#include "connectors/qdrant/target.h"

#include <fmt/format.h>

#include "base/text.h"
#include "net/service.h"
#include "options/make_option.h"

namespace vecferry::qdrant {
namespace {

constexpr uint16_t kGrpcPort = 6334, kRestPort = 6333;

const ServiceKind& Kind() {
  static const ServiceKind kind{.name = kScheme, .port = kGrpcPort, .variables = {"QDRANT_API_KEY"}, .connections = 2};
  return kind;
}

Result<uint16_t> GrpcPortOf(const Location& location, uint16_t written, const std::string& told) {
  if (!told.empty()) {
    ARROW_ASSIGN_OR_RAISE(const int64_t port, ParseInt(told));
    if (port < 1 || port > 65535) return MakeError(Category::usage, "grpc-port is no port number", "name one between 1 and 65535");
    return static_cast<uint16_t>(port);
  }
  if (written == kRestPort) return kGrpcPort;
  const bool rest = location.alias == "http" || location.alias == "https";
  if (!rest || written == kGrpcPort) return written;
  return MakeError(Category::usage, fmt::format("the port {} is that of REST, and data goes over gRPC, whose port is not known", written),
                   "name it with ?grpc-port=N, or write qdrant://HOST:GRPC_PORT");
}

}  // namespace

const std::vector<OptionSpec>& Options() {
  static const std::vector<OptionSpec> options = [] {
    std::vector<OptionSpec> all = ServiceOptions(Kind());
    all.push_back(MakeOption::Integer("grpc-port", "The port of gRPC, where the address is that of REST.").Reaching());
    return all;
  }();
  return options;
}

Result<Target> ParseTarget(const Location& location) {
  ARROW_ASSIGN_OR_RAISE(auto options, CheckOptions(Options(), location.options, "option of qdrant"));
  ARROW_ASSIGN_OR_RAISE(Service service, ParseService(Kind(), location.path, location.alias, options));
  if (!service.path.empty()) {
    return MakeError(Category::usage, "the server's address is followed by a path, which is not understood", "write it as qdrant://HOST:PORT#DATASET");
  }
  Target target;
  target.endpoint = std::move(service.endpoint);
  ARROW_ASSIGN_OR_RAISE(target.endpoint.port, GrpcPortOf(location, target.endpoint.port, options["grpc-port"]));
  target.api_key = std::move(service.key);
  target.deadline = service.deadline;
  target.connections = service.connections;
  return target;
}

}  // namespace vecferry::qdrant
