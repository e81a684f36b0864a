#pragma once
#include <chrono>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "net/endpoint.h"
#include "options/option.h"

namespace vecferry {

/// What the addresses of one kind of service leave out.
struct ServiceKind {
  std::string name;                     ///< "chroma"
  uint16_t port = 0;                    ///< where none is named
  uint16_t tls_port = 0;                ///< where none is named and TLS is spoken; 0: as `port`
  std::vector<std::string> variables;   ///< of the environment, that its key may stand in: "CHROMA_API_KEY"
  int connections = 4;                  ///< unless told
  bool loopback_plain = false;          ///< TLS is spoken unless the host is this machine
};

/// A service and how to speak to it.
struct Service {
  Endpoint endpoint;
  std::string user;                     ///< of USER:PASSWORD@ in the address
  std::string key;                      ///< a token, a password; never shown
  std::string path;                     ///< "/a/b" behind the authority as written, without a '/' at its end
  std::chrono::milliseconds deadline{60'000};
  int connections = 4;
};

/// tls, ca, api-key-file, api-key-env, api-key, timeout, connections: how a service is reached, nothing of what is there.
std::vector<OptionSpec> ServiceOptions(const ServiceKind& kind);

/// `options` have been checked against specs that hold those of ServiceOptions; `alias` is the scheme as written: "https" says TLS.
/// The key comes from ?api-key=, the password of the address, ?api-key-env=, ?api-key-file= or the kind's variables (before each,
/// VECFERRY_ and it). Category::usage for what cannot be understood.
Result<Service> ParseService(const ServiceKind& kind, std::string_view path, std::string_view alias, const std::map<std::string, std::string>& options);

/// ***, which stands where a secret was in a location that was kept.
inline constexpr std::string_view kSecretMask = "***";

}  // namespace vecferry
