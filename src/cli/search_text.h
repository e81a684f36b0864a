#pragma once
#include <iosfwd>

#include "migration/bench.h"
#include "migration/search_report.h"

/// Searches as people read them. Everything that comes from outside is made printable.
namespace vecferry::cli {

void PrintSearch(std::ostream& out, const SearchReport& report);
void PrintBench(std::ostream& out, const BenchReport& report);

}  // namespace vecferry::cli
