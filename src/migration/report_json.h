#pragma once
#include <string>
#include <string_view>

#include "migration/engine.h"

namespace vecferry {

/// Version of every JSON object that the program prints (docs/reference/json.md).
inline constexpr int kJsonVersion = 1;

/// What `verify --repair` prints: the verification after the repair, and in `repair` what was found and done.
std::string RepairToJson(const CopyReport& report);

/// The numbers of a finished run out of the summary in its journal.
Status FillFromSummary(std::string_view summary, CopyReport* report);

}  // namespace vecferry
