#pragma once
#include <memory>
#include <string>

#include "base/error.h"

namespace prometheus {
class Collectable;
}

namespace vecferry {

/// Answers GET /metrics with what is collected, for Prometheus, until it goes.
class MetricsServer {
 public:
  /// `address`: "9464" and ":9464" are of 127.0.0.1, so that nobody else can ask; "HOST:PORT" and "[::1]:PORT" say where. Port 0 is any
  /// that is free. Category::usage for what is none, or is taken.
  static Result<std::unique_ptr<MetricsServer>> Start(const std::string& address, const std::shared_ptr<prometheus::Collectable>& collected);
  ~MetricsServer();
  /// "http://127.0.0.1:9464/metrics".
  const std::string& url() const { return url_; }

 private:
  struct Impl;
  explicit MetricsServer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
  std::string url_;
};

/// Host, without the brackets of IPv6, and port; Category::usage.
Result<std::pair<std::string, int>> ParseMetricsAddress(const std::string& address);

}  // namespace vecferry
