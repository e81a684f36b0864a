#pragma once
#include <chrono>
#include <map>
#include <string>
#include <vector>

#include "connector/location.h"
#include "net/service.h"
#include "options/option.h"

namespace vecferry::weaviate {

inline constexpr const char* kScheme = "weaviate";

/// What becomes of a value that no property holds exactly.
enum class Inexact { refuse, text };
/// Whether a class that is made keeps tenants apart, where the records have any.
enum class Tenancy { apart, property };
enum class Consistency { unspecified = 0, one = 1, quorum = 2, all = 3 };

/// What a location says.
struct Target {
  Service rest;
  Endpoint grpc;
  std::string tenant;          ///< the one that is meant, "" for all
  Inexact inexact = Inexact::refuse;
  Tenancy tenancy = Tenancy::apart;
  Consistency level = Consistency::unspecified;
  std::map<std::string, int32_t> dims;  ///< told by the user, by vector name; "" is the unnamed
};

const std::vector<OptionSpec>& Options();
/// Category::usage for what cannot be understood; what a file of a key cannot be read for.
Result<Target> ParseTarget(const Location& location);
/// The policy alone, which decides what can be held.
Result<Inexact> InexactOf(const Location& location);

}  // namespace vecferry::weaviate
