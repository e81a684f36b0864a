#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.h"

namespace vecferry {

/// Where a server is, and how it is spoken to.
struct Endpoint {
  std::string host;          ///< a name, an IPv4 address, or an IPv6 address without brackets
  uint16_t port = 0;
  bool tls = false;
  std::string ca_file;       ///< PEM of the authorities that are trusted; "" for the system's
  /// "host:port", IPv6 in brackets.
  std::string Display() const;
};

/// What stands after "//": [USER[:PASSWORD]@]HOST[:PORT][/...].
struct Authority {
  std::string host;
  uint16_t port = 0;         ///< 0 where none is named
  std::string user, password;
};
/// Category::usage for an empty host, a bad port, a host with characters that no name has, or a path beside "/".
Result<Authority> ParseAuthority(std::string_view path);

/// Tries to reach a server step by step and says what is in the way: the name does not resolve (not_found), nobody listens or
/// nobody answers (transient), the certificate is not trusted or the port does not speak TLS (refused), the port speaks
/// HTTP/1, as a REST port does (usage). OK where HTTP/2 may be spoken there.
Status Diagnose(const Endpoint& endpoint, int timeout_ms = 5000);

/// A credential from where it may stand, first found: the file named, the environment variables in their order. "" where it
/// stands nowhere. Category::not_found or permission for a file that cannot be read, usage for one that holds more than a line.
Result<std::string> FindSecret(std::string_view file, std::initializer_list<const char*> variables);

/// PEM text of the authorities of an endpoint: of its file, or of the system.
Result<std::string> TrustedRoots(const Endpoint& endpoint);

}  // namespace vecferry
