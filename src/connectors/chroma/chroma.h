#pragma once
#include <memory>

#include "connector/connector.h"

namespace vecferry {

/// Collections of a Chroma server, over its REST API v2.
std::unique_ptr<Connector> MakeChromaConnector();

}  // namespace vecferry
