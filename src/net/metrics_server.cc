#include "net/metrics_server.h"

#include <fmt/format.h>
#include <prometheus/exposer.h>

#include "base/text.h"

namespace vecferry {
namespace {

constexpr const char* kLoopback = "127.0.0.1";

Status Refused(const std::string& address, const std::string& why) {
  return MakeError(Category::usage, fmt::format("metrics cannot be served at '{}': {}", Printable(address, 200), why), "give --metrics a PORT, or HOST:PORT");
}

}  // namespace

struct MetricsServer::Impl {
  std::unique_ptr<prometheus::Exposer> exposer;
  std::shared_ptr<prometheus::Collectable> collected;
};

Result<std::pair<std::string, int>> ParseMetricsAddress(const std::string& address) {
  const auto colon = address.rfind(':');
  std::string host = colon == std::string::npos ? "" : address.substr(0, colon);
  const auto port = ParseInt(colon == std::string::npos ? address : address.substr(colon + 1));
  if (!port.ok() || *port < 0 || *port > 65535) return Refused(address, "it ends in no port");
  if (host.empty()) host = kLoopback;
  if (host == "localhost") host = kLoopback;
  const bool six = host.starts_with('[') && host.ends_with(']');
  const std::string_view allowed = six ? "0123456789abcdefABCDEF:.[]" : "0123456789.";
  if (host.find_first_not_of(allowed) != std::string::npos) return Refused(address, "the host is no address of this machine, such as 127.0.0.1, 0.0.0.0 or [::1]");
  return std::pair(host, static_cast<int>(*port));
}

MetricsServer::MetricsServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
MetricsServer::~MetricsServer() = default;

Result<std::unique_ptr<MetricsServer>> MetricsServer::Start(const std::string& address, const std::shared_ptr<prometheus::Collectable>& collected) {
  ARROW_ASSIGN_OR_RAISE(const auto place, ParseMetricsAddress(address));
  const auto& [host, port] = place;
  auto impl = std::make_unique<Impl>();
  impl->collected = collected;
  int bound = port;
  try {
    // Requests are small, and one at a time is enough: whoever asks more often than that waits.
    impl->exposer = std::make_unique<prometheus::Exposer>(std::vector<std::string>{"listening_ports", fmt::format("{}:{}", host, port), "num_threads", "2", "request_timeout_ms", "5000"});
    impl->exposer->RegisterCollectable(impl->collected);
    const auto ports = impl->exposer->GetListeningPorts();
    if (!ports.empty()) bound = ports.front();
  } catch (const std::exception& error) {
    return Refused(address, Printable(error.what(), 200));
  }
  std::unique_ptr<MetricsServer> server(new MetricsServer(std::move(impl)));
  server->url_ = fmt::format("http://{}:{}/metrics", host, bound);
  return server;
}

}  // namespace vecferry
