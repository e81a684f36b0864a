#pragma once
#include "migration/engine.h"

namespace vecferry {

/// Reads every id once and finds records that would become one in the target, or that stand twice in the source: of
/// each group the first in source order stays. Memory is bounded: keys are sorted in pieces on disk, in `dir`.
/// `unique_ids`: no id stands twice in the source, so only keys are read.
Result<Duplicates> FindDuplicates(const Engine& engine, Source& source, const std::vector<SplitProgress>& splits, const Sink& sink,
                                  bool unique_ids, const fs::path& dir);

}  // namespace vecferry
