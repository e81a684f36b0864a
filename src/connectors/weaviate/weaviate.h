#pragma once
#include <memory>

#include "connector/connector.h"

namespace vecferry {

/// `weaviate://HOST:PORT#Class`: a Weaviate server, its schema over REST and its records over gRPC.
std::unique_ptr<Connector> MakeWeaviateConnector();

}  // namespace vecferry
