#pragma once
#include <memory>

#include "connector/connector.h"
#include "connectors/postgresql/options.h"

namespace vecferry::postgresql {

/// A sink on one table. `given`: the options of the location that only writing knows.
Result<std::unique_ptr<Sink>> MakeSink(Options options, std::map<std::string, std::string> given, const OpenContext& context, const Capabilities& can);

/// The options of a table that is written.
void AddWriteOptions(std::vector<OptionSpec>* specs);

}  // namespace vecferry::postgresql
