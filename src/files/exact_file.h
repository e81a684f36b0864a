#pragma once
#include "connector/capabilities.h"

namespace vecferry::files {

/// What a format that holds every type of the record can do, as a source and as a sink whose files appear when they are whole.
/// How much it takes in at once is the format's own.
Capabilities ExactFileCapabilities();

}  // namespace vecferry::files
