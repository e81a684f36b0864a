#pragma once
#include <memory>

#include "connector/connector.h"

namespace vecferry {

/// `csv:FILE`: rows of RFC 4180, as PostgreSQL's \copy takes and gives them (docs/formats/csv.md).
std::unique_ptr<Connector> MakeCsvConnector();

}  // namespace vecferry
