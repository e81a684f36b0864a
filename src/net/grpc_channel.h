#pragma once
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/cancel.h"
#include "net/endpoint.h"

namespace vecferry {

/// One unary call; messages go in and out serialised, so that a caller may build and read them as it likes.
struct GrpcCall {
  std::string method;                                   ///< "/qdrant.Points/Upsert"
  std::string request;                                  ///< its bytes are handed on without a copy
  bool safe = false;                                    ///< made twice it comes to the same
  /// Of a safe call: whether an answer of code OK is a failure that may have passed already, as some stores answer one.
  std::function<bool(std::string_view answer)> failed = {};
};

/// What a call came to. `code` is gRPC's own, 0 for OK.
struct GrpcReply {
  int code = 0;
  std::string message;                                  ///< the server's or the library's words; not to be decided on
  std::optional<std::chrono::seconds> retry_after;      ///< trailing metadata `retry-after`
  std::string bytes;                                    ///< the answer, serialised
};

/// gRPC's status codes that connectors tell apart.
namespace grpc_code {
inline constexpr int kOk = 0, kCancelled = 1, kUnknown = 2, kInvalidArgument = 3, kDeadlineExceeded = 4, kNotFound = 5, kAlreadyExists = 6,
                     kPermissionDenied = 7, kResourceExhausted = 8, kFailedPrecondition = 9, kAborted = 10, kOutOfRange = 11, kUnimplemented = 12,
                     kInternal = 13, kUnavailable = 14, kDataLoss = 15, kUnauthenticated = 16;
}

/// Connections to one gRPC server. Answers are never compressed (compression is not offered), messages of any size are taken. A safe
/// call is made once more at once where nobody answered it or the server failed without naming a time to wait, as HttpClient does it;
/// what fails twice, and every other call, is the engine's to try again. Thread-safe.
class GrpcChannel {
 public:
  struct Options {
    int connections = 1;                                ///< calls are spread over them
    std::vector<std::pair<std::string, std::string>> metadata;  ///< sent with each call; may hold credentials, never shown
    std::chrono::milliseconds deadline{60'000};         ///< of one call
  };
  /// Connects when the first call is made. Fails only where the trusted authorities cannot be read.
  static Result<std::unique_ptr<GrpcChannel>> Make(const Endpoint& endpoint, Options options);
  ~GrpcChannel();
  /// A second request to stop ends it at once, with code kCancelled.
  GrpcReply Call(GrpcCall call, const CancelToken* cancel = nullptr);

 private:
  struct Impl;
  explicit GrpcChannel(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace vecferry
