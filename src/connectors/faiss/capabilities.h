#pragma once
#include "connectors/faiss/place.h"

namespace vecferry::faiss_files {

/// What an index of that kind with that side-car holds.
Capabilities SinkCapabilities(const IndexKind& kind, sidecar::Format side);

}  // namespace vecferry::faiss_files
