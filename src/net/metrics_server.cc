#include "net/metrics_server.h"

#include <thread>

#include <fmt/format.h>
#include <httplib.h>
#include <prometheus/collectable.h>
#include <prometheus/text_serializer.h>

#include "base/text.h"
#include "base/threads.h"

namespace vecferry {
namespace {

constexpr const char* kLoopback = "127.0.0.1";
constexpr const char* kTextFormat = "text/plain; version=0.0.4; charset=utf-8";
constexpr int kThreads = 2;
constexpr time_t kSeconds = 5;          ///< that an asker may take
constexpr int kMostWaits = 10'000;       ///< of a millisecond, for its thread
constexpr size_t kMostRequest = 16 << 10;

Status Refused(const std::string& address, const std::string& why) {
  return MakeError(Category::usage, fmt::format("metrics cannot be served at '{}': {}", Printable(address, 200), why), "give --metrics a PORT, or HOST:PORT");
}

}  // namespace

struct MetricsServer::Impl {
  httplib::Server server;
  std::thread thread;

  ~Impl() {
    server.stop();
    if (thread.joinable()) thread.join();
  }
};

Result<std::pair<std::string, int>> ParseMetricsAddress(const std::string& address) {
  const auto colon = address.rfind(':');
  std::string host = colon == std::string::npos ? "" : address.substr(0, colon);
  const auto port = ParseInt(colon == std::string::npos ? address : address.substr(colon + 1));
  if (!port.ok() || *port < 0 || *port > 65535) return Refused(address, "it ends in no port");
  if (host.empty()) host = kLoopback;
  if (host == "localhost") host = kLoopback;
  const bool six = host.starts_with('[') && host.ends_with(']');
  if (six) host = host.substr(1, host.size() - 2);
  const std::string_view allowed = six ? "0123456789abcdefABCDEF:." : "0123456789.";
  if (host.empty() || host.find_first_not_of(allowed) != std::string::npos) return Refused(address, "the host is no address of this machine, such as 127.0.0.1, 0.0.0.0 or [::1]");
  return std::pair(host, static_cast<int>(*port));
}

MetricsServer::MetricsServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
MetricsServer::~MetricsServer() = default;

Result<std::unique_ptr<MetricsServer>> MetricsServer::Start(const std::string& address, const std::shared_ptr<prometheus::Collectable>& collected) {
  ARROW_ASSIGN_OR_RAISE(const auto place, ParseMetricsAddress(address));
  const auto& [host, port] = place;
  auto impl = std::make_unique<Impl>();
  httplib::Server& server = impl->server;
  server.new_task_queue = [] { return new httplib::ThreadPool(kThreads); };
  server.set_read_timeout(kSeconds);
  server.set_write_timeout(kSeconds);
  server.set_keep_alive_max_count(1);
  server.set_payload_max_length(kMostRequest);
  server.set_tcp_nodelay(true);
  // No other program may listen beside this one: a port that is taken is refused.
  server.set_socket_options([](auto socket) {
    const int yes = 1;
    ::setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  });
  server.Get("/metrics", [collected](const httplib::Request&, httplib::Response& response) {
    response.set_content(prometheus::TextSerializer().Serialize(collected->Collect()), kTextFormat);
  });
  const int bound = port == 0 ? server.bind_to_any_port(host) : server.bind_to_port(host, port) ? port : -1;
  if (bound <= 0) return Refused(address, "the port is taken, or the address is none of this machine");
  impl->thread = std::thread([&server] {
    NameThread("vf-metrics");
    server.listen_after_bind();
  });
  // It can be told to stop only once it runs.
  for (int i = 0; i < kMostWaits && !server.is_running(); ++i) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  std::unique_ptr<MetricsServer> started(new MetricsServer(std::move(impl)));
  started->url_ = fmt::format(fmt::runtime(host.find(':') == std::string::npos ? "http://{}:{}/metrics" : "http://[{}]:{}/metrics"), host, bound);
  return started;
}

}  // namespace vecferry
