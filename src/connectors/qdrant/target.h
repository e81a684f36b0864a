#pragma once
#include <chrono>
#include <string>
#include <vector>

#include "connector/location.h"
#include "net/endpoint.h"
#include "options/option.h"

namespace vecferry::qdrant {

inline constexpr const char* kScheme = "qdrant";

/// A server and how to speak to it, from a location.
struct Target {
  Endpoint endpoint;
  std::string api_key;                    ///< never shown
  std::chrono::milliseconds deadline{60'000};
  int connections = 2;
};

const std::vector<OptionSpec>& Options();
/// "//HOST[:PORT]" of the scheme qdrant, or of http and https, whose port is that of REST: 6333 or none means gRPC's 6334; another
/// needs ?grpc-port=N. The key comes from ?api-key-file=, ?api-key-env=, VECFERRY_QDRANT_API_KEY or QDRANT_API_KEY; also from
/// ?api-key= or the user part. Category::usage for what cannot be understood.
Result<Target> ParseTarget(const Location& location);

}  // namespace vecferry::qdrant
