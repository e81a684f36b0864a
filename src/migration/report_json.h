#pragma once
#include <string>
#include <string_view>

#include "migration/engine.h"

namespace vecferry {

/// Version of every JSON object that the program prints (docs/reference/json.md).
inline constexpr int kJsonVersion = 1;

/// A proof by search as a JSON object, and latencies.
std::string SearchJson(const SearchReport& report);
std::string LatencyJson(const Latencies& latency);
/// What `verify --repair` prints: the verification after the repair, and in `repair` what was found and done.
std::string RepairToJson(const CopyReport& report);

/// The numbers of a finished run out of the summary in its journal.
Status FillFromSummary(std::string_view summary, CopyReport* report);

}  // namespace vecferry
