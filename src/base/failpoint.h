#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace vecferry::failpoint {

/// A place where a test may end or fail the process. Each name is hit before or after one act
/// that matters for durability: journal commit, sink write, flush, fsync, rename.
///
/// The environment variable VECFERRY_FAILPOINT holds "NAME:N[:ACTION]": at the N-th hit (from 1)
/// of NAME the process does ACTION: `kill` (SIGKILL to itself, the default), `error` (the call
/// fails with Category::internal), `transient` or `no_space` (the call fails so classified), or
/// `pause` (waits for a signal; the tests use it to hold a run). "list:FILE" appends the name of
/// every hit to FILE, which is how tests find them all. Without the variable a hit costs one load.
Status Hit(std::string_view name);

/// Replaces what the environment said; for tests in process. Empty disarms.
void Arm(std::string_view spec);

}  // namespace vecferry::failpoint

#define VF_FAILPOINT(name) ARROW_RETURN_NOT_OK(::vecferry::failpoint::Hit(name))
