#pragma once
#include <memory>

#include "connector/connector.h"

namespace vecferry::sqlite_vec {

/// A vec0 table as a sink, through the vendor's loadable extension. `can` outlives it.
Result<std::unique_ptr<Sink>> OpenTableSink(const Location& location, const OpenContext& context, const Capabilities& can);

}  // namespace vecferry::sqlite_vec
