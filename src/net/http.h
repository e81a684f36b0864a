#pragma once
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/cancel.h"
#include "base/error.h"
#include "net/endpoint.h"

namespace vecferry {

using HttpHeaders = std::vector<std::pair<std::string, std::string>>;

/// How far a call came that has no whole answer.
enum class HttpFault {
  none,        ///< there is an answer, of whatever status
  resolve,     ///< the name has no address
  connect,     ///< nobody took the connection, the proxy included
  tls,         ///< the certificate is not trusted, or the port speaks no TLS
  timeout,     ///< no whole answer within the deadline
  broken,      ///< the connection ended before the answer did, or the answer is not HTTP
  too_long,    ///< the answer is longer than Options::max_answer
  cancelled,
  internal,    ///< anything else: a defect, no memory
};

struct HttpCall {
  const char* method = "GET";
  std::string target;                ///< path and query after the endpoint's base, percent-encoded: "/api/v2/version"
  HttpHeaders headers;               ///< beside those of the client
  std::string body;                  ///< sent where the method has one
  std::string content_type = "application/json";
  bool safe = false;                 ///< made twice it comes to the same, though it is no GET
};

/// What a call came to.
struct HttpReply {
  HttpFault fault = HttpFault::none;
  bool sent = false;                 ///< the server may have received the whole request
  int status = 0;                    ///< 200; 0 where there is no answer
  HttpHeaders headers;               ///< names in lower case
  std::optional<std::chrono::milliseconds> retry_after;  ///< of the header, in seconds or as a date
  std::string body;                  ///< decoded; to be given to GiveBuffer when done
  std::string message;               ///< of a fault, for people; holds no header and no credential
  bool ok() const { return fault == HttpFault::none && status >= 200 && status < 300; }
  /// "" where the header was not sent.
  std::string_view header(std::string_view lower_case_name) const;
};

/// Connections to one HTTP server: kept alive and used again, one call on each at a time. Proxies stand in the environment as usual
/// (HTTPS_PROXY, HTTP_PROXY, NO_PROXY). Redirects are not followed: a key would go to wherever they lead. A safe call (GET, HEAD
/// and those that say so) is made once more at once where its connection broke or the server failed without naming a time to wait; what fails
/// twice, and every other call, is the engine's to try again. Thread-safe.
class HttpClient {
 public:
  struct Options {
    HttpHeaders headers;                                ///< sent with each call; may hold credentials, never shown
    std::string base;                                   ///< path that stands before each target: "", "/chroma"
    std::chrono::milliseconds deadline{60'000};         ///< of one call
    std::chrono::milliseconds connect_deadline{10'000};
    size_t max_answer = size_t{512} << 20;              ///< bytes, decoded
  };
  /// Connects when the first call is made. Fails only where the trusted authorities cannot be read.
  static Result<std::unique_ptr<HttpClient>> Make(const Endpoint& endpoint, Options options);
  ~HttpClient();
  /// A second request to stop ends it at once, with HttpFault::cancelled.
  HttpReply Call(const HttpCall& call, const CancelToken* cancel = nullptr);
  const Endpoint& endpoint() const;

 private:
  struct Impl;
  explicit HttpClient(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

/// What a call was for: the same status means another thing to a read than to a write.
enum class HttpAct {
  look,    ///< health, lists, parameters, counts
  read,    ///< records out
  write,   ///< records in
  manage,  ///< collections, indexes, tenants
};

/// The failure that a reply other than ok() is, decided by fault, status and `retry-after` alone; `words` are the server's own, taken
/// from the body by the connector, cut and made printable here. `what` says what was asked for: "writing records".
///   401 403 -> unauthorized; 404 -> not_found; 408 425 429 -> transient after a delay; 413 -> too_large; 400 422 of a write -> bad_content
///   (code "refused-by-store"), of anything else -> refused; 409 -> refused; 5xx and broken connections -> transient, of a write or an
///   act of managing with Delivery::unknown where it was sent; 507 -> no_space; 3xx and other 4xx -> refused.
/// A connector that knows better (an error code in the body) says so itself before it calls this.
Status Classify(const HttpReply& reply, HttpAct act, std::string_view what, std::string_view words = {});
/// An answer that is none: truncated JSON, another shape than asked for. To be tried again.
Status BadHttpAnswer(std::string_view what, std::string_view why);

}  // namespace vecferry
