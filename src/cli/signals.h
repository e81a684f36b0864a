#pragma once
#include "base/cancel.h"

namespace vecferry::cli {

/// From now on the first SIGINT, SIGTERM or SIGHUP asks `cancel` to stop, and a SIGINT after it ends the process with
/// exit code 130 at once, which is safe too. SIGPIPE is ignored: a terminal that is closed must not kill a run.
/// `cancel` lives as long as the process.
void InstallSignals(CancelToken* cancel);

}  // namespace vecferry::cli
