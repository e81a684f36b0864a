#pragma once
#include "migration/difference_log.h"

namespace vecferry {

/// Tells what differs in the request's buckets by asking for their records by key: the target for its ids and for the
/// records that the source has there; the source the same where it can be asked, else it is read once. Buckets of which
/// nothing could be told so, for a target that finds by key what it does not read, are left in `unexplained`.
Status DifferByLookup(const Engine& engine, const DifferRequest& request, DifferenceLog* log, std::set<int>* unexplained);

}  // namespace vecferry
