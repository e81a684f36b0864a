#include "cli/delta_text.h"

#include <ostream>

#include <fmt/format.h>

#include "base/text.h"
#include "cli/report_text.h"
#include "cli/text_out.h"

namespace vecferry::cli {
namespace {

using Facts = std::vector<std::pair<std::string, std::string>>;

void Add(Facts* facts, const char* name, int64_t count, const std::string& what) {
  if (count > 0) facts->emplace_back(name, FormatCount(count) + (what.empty() ? "" : " " + what));
}

/// What becomes of records that the target alone has.
std::string Fate(const DeltaReport& delta) { return delta.to_delete > 0 ? "" : "(left: --delete takes them out)"; }

Facts FactsOf(const CopyReport& report) {
  const DeltaReport& delta = *report.delta;
  const bool dry = report.state == "dry-run";
  Facts facts = {{"unchanged", FormatCount(delta.unchanged)}, {"new", FormatCount(delta.added)}, {"changed", FormatCount(delta.changed)}};
  Add(&facts, "lost", delta.lost, "(missing in the target)");
  Add(&facts, "corrupt", delta.corrupt, "(different in the target)");
  Add(&facts, "conflicts", delta.conflicts, delta.kept > 0 ? "changed in the target since (kept: --overwrite-changed overwrites them)" : "changed in the target since (overwritten)");
  Add(&facts, "gone", delta.gone, "no longer in the source " + Fate(delta));
  Add(&facts, "extra", delta.extra, "never in the source " + Fate(delta));
  Add(&facts, "unrelated", delta.unrelated, "that the source does not have (left)");
  Add(&facts, "unreadable", delta.unreadable, "in the source, without an id: nothing is deleted");
  facts.emplace_back(dry ? "would write" : "written", FormatCount(dry ? delta.to_write : report.transfer.written));
  facts.emplace_back(dry ? "would delete" : "deleted", FormatCount(dry ? delta.to_delete : delta.deleted));
  if (delta.rewritten) facts.emplace_back("how", "the target cannot be changed in place: it is written whole");
  if (!delta.base_run.empty()) facts.emplace_back("since run", delta.base_run);
  return facts;
}

}  // namespace

void PrintDelta(std::ostream& out, const CopyReport& report) {
  PrintFacts(out, FactsOf(report));
  if (report.state == "dry-run" && !report.delta->listed.empty()) {
    out << "\nSome of them:\n";
    PrintDifferences(out, report.delta->listed);
  }
}

void PrintRepair(std::ostream& out, const CopyReport& report) {
  const std::string pair = fmt::format("{} -> {}", Printable(report.plan.source_uri, 500), Printable(report.plan.target_uri, 500));
  const char* what = report.state == "dry-run" ? "Dry run, nothing was written: " : report.state == "in-sync" ? "Nothing to repair: " : "Repaired: ";
  out << what << pair << '\n';
  PrintDelta(out, report);
  if (report.verify) {
    out << '\n';
    PrintVerify(out, *report.verify);
  }
  if (report.state != "finished") return;
  out << "\nNext:\n";
  for (const auto& command : report.next) out << "  " << Printable(command) << '\n';
}

}  // namespace vecferry::cli
