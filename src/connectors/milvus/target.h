#pragma once
#include <string>
#include <vector>

#include "connector/location.h"
#include "net/service.h"

namespace vecferry::milvus {

inline constexpr const char* kScheme = "milvus";

/// A server and what of it is meant, from a location.
struct Target {
  Service service;
  std::string token;     ///< "USER:PASSWORD", an API key of Zilliz Cloud, or ""; never shown
  std::string database;  ///< "" for the server's default

  // How a collection is read and made.
  std::string tenant_field;    ///< "" for the layout's; "partition": a partition is a tenant; "none"
  std::string document_field;  ///< "" for the layout's
  bool integer_keys = false;   ///< unsigned ids become an Int64 key
  std::string index_type;      ///< of new collections, "" for the server's choice
};

std::vector<OptionSpec> Options();
/// Category::usage for what cannot be understood.
Result<Target> ParseTarget(const Location& location);

}  // namespace vecferry::milvus
