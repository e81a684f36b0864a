#pragma once
#include <memory>

#include "connector/connector.h"

namespace vecferry {

/// Collections of a Qdrant server, over gRPC.
std::unique_ptr<Connector> MakeQdrantConnector();

}  // namespace vecferry
