#pragma once
#include <map>
#include <string>
#include <vector>

#include "connector/location.h"
#include "connectors/pinecone/metadata.h"
#include "net/service.h"

namespace vecferry::pinecone {

inline constexpr const char* kScheme = "pinecone";

/// An index and how to speak to the service, from a location.
struct Target {
  std::string index;              ///< by its name, which the control plane knows the host of; "" where the host is named
  std::string host;               ///< as written, "" where the name is
  Service control, data;          ///< `data` where the host is named
  std::map<std::string, std::string> reaching;  ///< options of both, checked
  std::string cloud, region;      ///< of an index that is made
  std::string ids_file;           ///< ids to read, one a line, instead of those that the index lists
  std::string dense_name, sparse_name;  ///< names that the columns have; "" as the index's tags say
  bool dense_named = false, sparse_named = false;
  MetadataPolicy metadata;
  /// What stands behind '#': a namespace alone; nothing for all of them.
  bool one_namespace = false;
  std::string name_space;

  std::string IdentityOf() const;
};

const std::vector<OptionSpec>& Options();
/// "INDEX", "//INDEX-HOST[:PORT]" or nothing, for the service as such. Category::usage for what cannot be understood, and for a
/// key that would go over the network in clear.
Result<Target> ParseTarget(const Location& location);
/// How to speak to a host that the control plane named.
Result<Service> ServiceAt(const std::string& host, const std::map<std::string, std::string>& reaching);

}  // namespace vecferry::pinecone
