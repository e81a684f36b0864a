#pragma once
#include <memory>

#include "connector/connector.h"

namespace vecferry::memory {

/// `memory:NAME#DATASET`: datasets of this process, gone with it. Exact for every type of the record. Its
/// options declare less than it can do, so that what the engine does about a lesser store can be tested.
std::unique_ptr<Connector> MakeMemoryConnector();

std::unique_ptr<Source> OpenSource(const Location& location, const Capabilities& can);
/// `single`: where it normalises, in single precision, as a server may.
Result<std::unique_ptr<Sink>> OpenSink(const Location& location, const Capabilities& can, bool single = false);

}  // namespace vecferry::memory
