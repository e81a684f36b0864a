#pragma once
#include <memory>

#include "connector/connector.h"

namespace vecferry {

/// Tables, views and queries of a PostgreSQL database with the extension vector.
std::unique_ptr<Connector> MakePostgresqlConnector();

}  // namespace vecferry
