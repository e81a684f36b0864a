#pragma once
#include <memory>

#include "connector/connector.h"

namespace vecferry {

/// Indexes of Pinecone and their namespaces, over REST.
std::unique_ptr<Connector> MakePineconeConnector();

}  // namespace vecferry
