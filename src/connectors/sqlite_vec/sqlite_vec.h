#pragma once
#include <memory>

#include "connector/connector.h"

namespace vecferry {

/// `sqlite-vec:FILE#TABLE`: vec0 virtual tables of sqlite-vec, read without the extension.
std::unique_ptr<Connector> MakeSqliteVecConnector();

}  // namespace vecferry
