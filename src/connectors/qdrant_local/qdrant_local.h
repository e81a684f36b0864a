#pragma once
#include <memory>

#include "connector/connector.h"

namespace vecferry {

/// `qdrant-local:DIR#COLLECTION`: the folder that qdrant-client's local mode keeps (`QdrantClient(path=...)`).
std::unique_ptr<Connector> MakeQdrantLocalConnector();

}  // namespace vecferry
