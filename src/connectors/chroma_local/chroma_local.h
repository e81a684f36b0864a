#pragma once
#include <memory>

#include "connector/connector.h"

namespace vecferry {

/// The persistent directory of Chroma: read without Chroma, written through the vendor's own server.
std::unique_ptr<Connector> MakeChromaLocalConnector();

}  // namespace vecferry
