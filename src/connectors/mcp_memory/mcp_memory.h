#pragma once
#include <memory>

#include "connector/connector.h"

namespace vecferry {

/// `mcp-memory:FILE`: the SQLite database of mcp-memory-service, generations 9.x and 10.x to 12.x.
std::unique_ptr<Connector> MakeMcpMemoryConnector();

}  // namespace vecferry
