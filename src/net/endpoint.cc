#include "net/endpoint.h"

#include <cstdlib>

#include <fmt/format.h>

#include "base/files.h"
#include "base/text.h"

namespace vecferry {
namespace {

constexpr const char* kSystemRoots[] = {"/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem"};

Status Malformed(std::string_view why) {
  return MakeError(Category::usage, fmt::format("the server's address {}", why), "write it as SCHEME://HOST:PORT#DATASET");
}

bool IsHostCharacter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_' || c == ':' || c == '%';
}

Status TakePort(std::string_view text, Authority* out) {
  const auto port = ParseInt(text);
  if (!port.ok() || *port < 1 || *port > 65535) return Malformed("has no port number between 1 and 65535 after its colon");
  out->port = static_cast<uint16_t>(*port);
  return Status::OK();
}

}  // namespace

std::string Endpoint::Display() const {
  return host.find(':') == host.npos ? fmt::format("{}:{}", host, port) : fmt::format("[{}]:{}", host, port);
}

Result<Authority> ParseAuthority(std::string_view path) {
  Authority out;
  if (path.substr(0, 2) == "//") path.remove_prefix(2);
  if (const auto slash = path.find('/'); slash != path.npos) {
    if (slash + 1 != path.size()) return Malformed("is followed by a path, which is not understood");
    path.remove_suffix(1);
  }
  if (const auto at = path.rfind('@'); at != path.npos) {
    const std::string_view user = path.substr(0, at);
    const auto colon = user.find(':');
    out.user = user.substr(0, colon);
    if (colon != user.npos) out.password = user.substr(colon + 1);
    path.remove_prefix(at + 1);
  }
  if (!path.empty() && path.front() == '[') {
    const auto close = path.find(']');
    if (close == path.npos) return Malformed("has a '[' without its ']'");
    out.host = path.substr(1, close - 1);
    path.remove_prefix(close + 1);
    if (!path.empty()) {
      if (path.front() != ':') return Malformed("goes on after its ']'");
      ARROW_RETURN_NOT_OK(TakePort(path.substr(1), &out));
    }
  } else {
    const auto colon = path.find(':');
    out.host = path.substr(0, colon);
    if (colon != path.npos) {
      if (path.find(':', colon + 1) != path.npos) return Malformed("has several colons: an IPv6 address stands in brackets");
      ARROW_RETURN_NOT_OK(TakePort(path.substr(colon + 1), &out));
    }
  }
  if (out.host.empty()) return Malformed("names no host");
  for (const char c : out.host) {
    if (!IsHostCharacter(c)) return Malformed("has a character that no host's name has");
  }
  return out;
}

Result<std::string> FindSecret(std::string_view file, std::initializer_list<const char*> variables) {
  if (!file.empty()) {
    ARROW_ASSIGN_OR_RAISE(std::string text, ReadFile(ExpandHome(file), 64u << 10));
    while (!text.empty() && (text.back() == '\n' || text.back() == '\r' || text.back() == ' ')) text.pop_back();
    const bool one_line = !text.empty() && text.find_first_of("\r\n") == text.npos;
    if (!one_line) return MakeError(Category::usage, "the file of the key does not hold one line", "write the key alone into it");
    return text;
  }
  for (const char* name : variables) {
    const char* value = std::getenv(name);
    if (value && *value) return std::string(value);
  }
  return std::string();
}

Result<std::string> TrustedRoots(const Endpoint& endpoint) {
  if (!endpoint.ca_file.empty()) return ReadFile(ExpandHome(endpoint.ca_file), 16u << 20);
  if (const char* named = std::getenv("SSL_CERT_FILE"); named && *named) return ReadFile(named, 16u << 20);
  for (const char* file : kSystemRoots) {
    std::error_code ec;
    if (fs::exists(file, ec)) return ReadFile(file, 16u << 20);
  }
  return MakeError(Category::not_found, "this system has no list of trusted certificate authorities", "name one with ?ca=FILE");
}

}  // namespace vecferry
