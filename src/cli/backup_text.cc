#include "cli/backup_text.h"

#include <ostream>

#include <fmt/format.h>

#include "base/text.h"
#include "cli/invocation.h"
#include "cli/report_text.h"
#include "cli/text_out.h"

namespace vecferry::cli {
namespace {

using Facts = std::vector<std::pair<std::string, std::string>>;

std::string Size(int64_t bytes) { return bytes < 0 ? "-" : FormatBytes(static_cast<double>(bytes)); }

std::string Records(const BackupEntry& entry) { return entry.manifest && entry.manifest->records >= 0 ? FormatCount(entry.manifest->records) : "-"; }

/// What a manifest says of the data.
Facts DataFacts(const BackupManifest& manifest) {
  Facts facts;
  if (manifest.records >= 0) facts.emplace_back("records", FormatCount(manifest.records));
  if (manifest.rejected > 0) facts.emplace_back("rejected", FormatCount(manifest.rejected) + " of the source are not in it");
  if (manifest.schema) facts.emplace_back("vectors", DescribeVectors(*manifest.schema));
  facts.emplace_back("bytes", Size(manifest.file.bytes));
  facts.emplace_back("sha256", manifest.file.sha256);
  if (!manifest.digest.empty()) facts.emplace_back("digest", manifest.digest);
  return facts;
}

void PrintTable(std::ostream& out, const std::vector<BackupEntry>& entries) {
  TextTable table({"MADE (UTC)", "STATE", "RECORDS", "SIZE", "SOURCE", "FILE"});
  table.Right({2, 3});
  for (const auto& entry : entries) {
    const std::string file = entry.file.string() + (entry.detail.empty() ? "" : fmt::format(" ({})", entry.detail));
    table.Add({entry.manifest ? ShortTime(entry.manifest->created) : "-", std::string(Name(entry.state)), Records(entry), Size(entry.bytes),
               entry.manifest ? entry.manifest->source : "-", file});
  }
  table.Print(out);
}

void PrintProblems(std::ostream& out, const std::vector<std::string>& problems) {
  for (const auto& problem : problems) out << "  FAIL  " << Printable(problem, 500) << '\n';
}

}  // namespace

void PrintBackup(std::ostream& out, const BackupReport& report) {
  out << (report.manifest ? "Backed up " : "NOT backed up: the file differs from what was read of ") << Printable(report.source, 500) << '\n';
  Facts facts = {{"file", report.file.string()}};
  if (report.manifest) {
    facts.emplace_back("manifest", report.manifest_file.string());
    for (auto& fact : DataFacts(*report.manifest)) facts.push_back(std::move(fact));
    facts.emplace_back("proof", report.manifest->kind == BackupManifest::Kind::sqlite ? "integrity checked by SQLite" : "every record compared with what was read");
  }
  if (report.copy) facts.emplace_back("run", report.copy->run_id);
  if (report.copy && !report.copy->rejects_file.empty()) facts.emplace_back("rejects", report.copy->rejects_file.string());
  facts.emplace_back("time", FormatDuration(report.seconds));
  PrintFacts(out, facts);
  if (!report.manifest && report.copy && report.copy->verify) PrintVerify(out, *report.copy->verify);
  if (report.manifest) out << "\nNext:\n  vecferry backup verify " << Printable(ShellQuote(report.file.string())) << '\n';
}

void PrintRestore(std::ostream& out, const RestoreReport& report) {
  const std::string what = fmt::format("{} of {} -> {}", Printable(report.file.string()), Printable(report.manifest.source, 500), Printable(report.target, 500));
  out << (report.state == "damaged"   ? "The backup is damaged, and nothing was written: "
          : report.state == "dry-run" ? "The backup is as it was made; dry run, nothing was written: "
                                      : "Restored ")
      << what << '\n';
  PrintProblems(out, report.problems);
  PrintFacts(out, DataFacts(report.manifest));
  if (!report.copy) return;
  out << '\n';
  PrintCopy(out, *report.copy);
}

void PrintBackupCheck(std::ostream& out, const BackupVerifyReport& report) {
  for (const auto& check : report.backups) {
    const std::string read = check.records >= 0 ? ", " + Counted(check.records, "record") : "";
    out << (check.problems.empty() ? "pass  " : "FAIL  ") << Printable(check.entry.file.string()) << (check.problems.empty() ? Size(check.entry.bytes).insert(0, ": ") + read : "")
        << '\n';
    PrintProblems(out, check.problems);
  }
  for (const auto& entry : report.unfinished) out << "note  " << Printable(entry.file.string()) << ": unfinished, not a backup yet (" << Printable(entry.detail, 200) << ")\n";
  out << fmt::format("{} {}, {}\n", Counted(static_cast<int64_t>(report.backups.size()), "backup"), report.ok ? "as made" : "looked at: there are differences",
                     FormatDuration(report.seconds));
}

void PrintBackups(std::ostream& out, const BackupList& list) { PrintTable(out, list.backups); }

void PrintPrune(std::ostream& out, const PruneReport& report) {
  if (!report.backups.empty()) PrintTable(out, report.backups);
  out << fmt::format("{} {}, {}, {} kept\n", Counted(static_cast<int64_t>(report.backups.size()), "backup"), report.deleted ? "deleted" : "would be deleted",
                     Size(report.bytes), FormatCount(report.kept));
}

}  // namespace vecferry::cli
