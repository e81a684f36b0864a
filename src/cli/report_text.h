#pragma once
#include <iosfwd>

#include "migration/engine.h"

/// Results as people read them. Everything that comes from outside is made printable.
namespace vecferry::cli {

void PrintPlan(std::ostream& out, const Plan& plan);
void PrintCopy(std::ostream& out, const CopyReport& report);
void PrintVerify(std::ostream& out, const VerifyReport& report);
void PrintDifferences(std::ostream& out, const std::vector<Difference>& differences);
void PrintRollback(std::ostream& out, const RollbackReport& report);
void PrintInventory(std::ostream& out, const Inventory& inventory);
/// "384 x f32, cosine" for each vector column.
std::string DescribeVectors(const RecordSchema& schema);

}  // namespace vecferry::cli
