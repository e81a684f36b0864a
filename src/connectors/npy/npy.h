#pragma once
#include <memory>

#include "connector/connector.h"

namespace vecferry {

/// `npy:FILE`: an array of NumPy with a side-car (docs/formats/npy.md).
std::unique_ptr<Connector> MakeNpyConnector();

}  // namespace vecferry
