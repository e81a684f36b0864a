#pragma once
#include <memory>

#include "connector/connector.h"

namespace vecferry {

/// `faiss:FILE` and `faiss:FOLDER`: an index of FAISS with its side-car (docs/formats/faiss.md).
std::unique_ptr<Connector> MakeFaissConnector();

}  // namespace vecferry
