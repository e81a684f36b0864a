#include "cli/report_text.h"

#include <cmath>
#include <ostream>

#include <fmt/format.h>

#include "base/text.h"
#include "cli/delta_text.h"
#include "cli/search_text.h"
#include "cli/text_out.h"

namespace vecferry::cli {
namespace {

using Facts = std::vector<std::pair<std::string, std::string>>;

std::string PerSecond(double amount, double seconds) {
  return seconds > 0 ? FormatCount(std::llround(amount / seconds)) + "/s" : "-";
}

std::string DescribeVector(const VectorSpec& spec) {
  const std::string name = spec.name.empty() ? "" : Printable(spec.name, 100) + ": ";
  if (spec.kind == VectorKind::sparse) return fmt::format("{}sparse, {}", name, Name(spec.metric));
  const char* many = spec.kind == VectorKind::multi ? "n x " : "";
  return fmt::format("{}{}{} x {}, {}", name, many, spec.dims, Name(spec.element), Name(spec.metric));
}

void PrintNotes(std::ostream& out, const std::vector<Note>& notes) {
  for (const auto& note : notes) {
    const std::string count = note.count >= 0 ? fmt::format(" ({})", FormatCount(note.count)) : "";
    out << (note.warning ? "  warning: " : "  note: ") << Printable(note.message, 500) << count << '\n';
  }
}

void PrintIssues(std::ostream& out, const std::vector<PlanIssue>& issues) {
  for (const auto& issue : issues) {
    std::string line = fmt::format("  {}: {}", issue.blocking ? "in the way" : "note", Printable(issue.message, 500));
    if (issue.count >= 0) line += fmt::format(" ({}{})", issue.estimate ? "about " : "", Counted(issue.count, "record"));
    if (!issue.way.empty()) line += fmt::format("; {} at the target would hold it", issue.way);
    out << line << '\n';
  }
}

std::string CountText(int64_t count, bool exact) {
  if (count < 0) return "unknown";
  return (exact ? "" : "about ") + FormatCount(count);
}

void PrintSettings(std::ostream& out, const char* title, const std::vector<std::pair<std::string, std::string>>& settings) {
  if (settings.empty()) return;
  out << '\n' << title << '\n';
  for (const auto& [name, value] : settings) {
    // Single quotes, whatever the value holds: the line is meant to be pasted.
    std::string quoted;
    for (const char c : value) quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
    out << "  export " << Printable(name, 200) << "='" << Printable(quoted) << "'\n";
  }
}

std::string Phases(const CopyReport& report) {
  std::string text;
  const std::pair<const char*, double> phases[] = {{"snapshot", report.snapshot_seconds},
                                                   {"compare", report.compare_seconds},
                                                   {"transfer", report.transfer_seconds},
                                                   {"delete", report.delete_seconds},
                                                   {"finish", report.finish_seconds},
                                                   {"verify", report.verify_seconds}};
  for (const auto& [name, seconds] : phases) {
    if (seconds > 0) text += fmt::format("{}{} {}", text.empty() ? "" : ", ", name, FormatDuration(seconds));
  }
  return text.empty() ? FormatDuration(report.seconds) : fmt::format("{} ({})", FormatDuration(report.seconds), text);
}

std::string Headline(const CopyReport& report) {
  const std::string pair = fmt::format("{} -> {}", Printable(report.plan.source_uri, 500), Printable(report.plan.target_uri, 500));
  if (report.state == "dry-run") return "Dry run, nothing was written: " + pair;
  if (report.state == "in-sync") return "Nothing to do, the target is in line with the source: " + pair;
  if (report.state == "already-finished") return "Nothing to do, this copy is finished already: " + pair;
  if (!report.transfer.complete) return "Not finished: " + pair;
  return (report.delta ? "Synced " : "Copied ") + pair;
}

Facts CopyFacts(const CopyReport& report) {
  const TransferResult& t = report.transfer;
  Facts facts = {{"run", report.run_id},
                 {"total", Counted(report.total, "record")},
                 {"written", FormatCount(t.written)},
                 {"skipped", FormatCount(t.skipped) + (t.skipped ? " (equal ones were there)" : "")},
                 {"rejected", FormatCount(t.rejected)},
                 {"retried", Counted(t.retried, "time")},
                 {"batches", FormatCount(t.batches)},
                 {"bytes", FormatBytes(static_cast<double>(t.bytes))},
                 {"time", Phases(report)}};
  if (t.seconds > 0 && t.session_records > 0) facts.emplace_back("rate", PerSecond(static_cast<double>(t.session_records), t.seconds));
  if (report.reconciled > 0) facts.emplace_back("reconciled", Counted(report.reconciled, "record") + " that the source changed during the run");
  if (report.mismatches > 0) facts.emplace_back("differences", Counted(report.mismatches, "field") + " still differed after a second write");
  facts.emplace_back("memory", FormatBytes(static_cast<double>(report.peak_memory)) + " at most");
  facts.emplace_back("journal", report.journal.string());
  if (!report.rejects_file.empty()) facts.emplace_back("rejects", report.rejects_file.string());
  return facts;
}

std::string Differing(const VerifyReport& report) {
  std::string text;
  for (const auto& [kind, count] : report.counts) {
    if (count > 0) text += fmt::format("{}{} {}", text.empty() ? "" : ", ", FormatCount(count), Name(kind));
  }
  return text;
}

}  // namespace

void PrintDifferences(std::ostream& out, const std::vector<Difference>& differences) {
  for (const auto& difference : differences) {
    std::string line = fmt::format("  {:<17} {}", Name(difference.kind), Printable(difference.id, 200));
    if (!difference.tenant.empty()) line += fmt::format(" (tenant {})", Printable(difference.tenant, 100));
    if (!difference.field.empty()) line += ": " + Printable(difference.field, 200);
    out << line << '\n';
    if (difference.source_value.empty() && difference.target_value.empty()) continue;
    out << "    source: " << Printable(difference.source_value, 300) << "\n    target: " << Printable(difference.target_value, 300) << '\n';
  }
}

std::string DescribeVectors(const RecordSchema& schema) {
  std::string text;
  for (const auto& spec : schema.vectors) text += (text.empty() ? "" : "; ") + DescribeVector(spec);
  return text.empty() ? "none" : text;
}

void PrintPlan(std::ostream& out, const Plan& plan) {
  out << "Plan: " << Printable(plan.source_uri, 500) << " -> " << Printable(plan.target_uri, 500) << '\n';
  Facts facts = {{"source", CountText(plan.source.count, plan.source.count_exact) + " records, " + std::string(Name(plan.source.consistency))},
                 {"vectors", DescribeVectors(plan.source.schema)},
                 {"target", plan.target.exists ? Counted(plan.target.count, "record") + " there already" : "will be created"},
                 {"layout", plan.layout},
                 {"ids", plan.id_mapping},
                 {"splits", FormatCount(static_cast<int64_t>(plan.splits.size()))},
                 {"looked at", Counted(plan.sampled, "record")}};
  if (!plan.transforms.entries.empty()) {
    const PlannedTransforms& t = plan.transforms;
    facts.emplace_back("kept", fmt::format("{} of {} looked at{}", FormatCount(t.kept), Counted(t.read, "record"),
                                           t.rejected > 0 ? fmt::format(", {} that cannot be transformed", FormatCount(t.rejected)) : ""));
  }
  for (const auto& [flag, value] : plan.transforms.entries) facts.emplace_back(flag, Printable(value, 500));
  if (plan.needs_prepass) facts.emplace_back("pre-pass", "every id is read first: two could become one");
  if (plan.estimated_seconds >= 0) facts.emplace_back("time", "about " + FormatDuration(plan.estimated_seconds));
  if (plan.estimated_bytes >= 0) facts.emplace_back("space", "about " + FormatBytes(static_cast<double>(plan.estimated_bytes)) + " in the target");
  if (plan.free_bytes >= 0) facts.emplace_back("free", FormatBytes(static_cast<double>(plan.free_bytes)));
  PrintFacts(out, facts);
  PrintNotes(out, plan.source.notes);
  PrintNotes(out, plan.target.notes);
  PrintIssues(out, plan.issues);
}

void PrintVerify(std::ostream& out, const VerifyReport& report) {
  const std::string levels = report.level == VerifyLevel::none ? "search" : fmt::format("{}{}", Name(report.level), report.search ? ", search" : "");
  out << "Verification (" << levels << "): " << (report.ok ? "passed" : "FAILED") << '\n';
  Facts facts;
  if (report.level != VerifyLevel::none) {
    facts = {{"source", Counted(report.source_count, "record") + fmt::format(", {} ids twice, {} unreadable", FormatCount(report.source_duplicates), FormatCount(report.source_rejects))},
             {"target", Counted(report.target_count, "record") + fmt::format(", {} ids twice, {} unreadable", FormatCount(report.target_duplicates), FormatCount(report.target_rejects))}};
  }
  if (report.sampled > 0) {
    facts.emplace_back("cosine", fmt::format("mean {:.6f}, least {:.6f}, of {}", report.mean_cosine, report.least_cosine, Counted(report.sampled, "vector")));
  }
  if (!report.source_digest.empty()) facts.emplace_back("digest", report.source_digest);
  if (!report.target_digest.empty() && report.target_digest != report.source_digest) facts.emplace_back("target's", report.target_digest);
  if (!report.transforms.empty()) facts.emplace_back("compared", report.transforms_of.empty() ? "as asked for" : "as run " + Printable(report.transforms_of, 100) + " copied");
  for (const auto& [flag, value] : report.transforms) facts.emplace_back(flag, Printable(value, 500));
  facts.emplace_back("time", FormatDuration(report.seconds));
  PrintFacts(out, facts);
  for (const auto& check : report.checks) {
    out << "  " << (check.ok ? "pass  " : "FAIL  ") << Printable(check.name, 100) << (check.detail.empty() ? "" : ": ") << Printable(check.detail, 500) << '\n';
  }
  if (report.search) PrintSearch(out, *report.search);
  if (const std::string differing = Differing(report); !differing.empty()) out << "\nRecords that differ: " << differing << '\n';
  PrintDifferences(out, report.differences);
}

void PrintCopy(std::ostream& out, const CopyReport& report) {
  if (report.state == "dry-run") {
    out << Headline(report) << '\n';
    if (report.delta) PrintDelta(out, report);
    PrintPlan(out, report.plan);
    return;
  }
  out << Headline(report) << '\n';
  if (report.delta) PrintDelta(out, report);
  if (report.state == "in-sync") return;
  PrintFacts(out, CopyFacts(report));
  if (report.verify) {
    out << '\n';
    PrintVerify(out, *report.verify);
  }
  PrintSettings(out, "To switch the service over to the target:", report.switch_over);
  PrintSettings(out, "To switch it back:", report.switch_back);
  if (report.next.empty()) return;
  out << "\nNext:\n";
  for (const auto& command : report.next) out << "  " << Printable(command) << '\n';
}

void PrintRollback(std::ostream& out, const RollbackReport& report) {
  out << (report.conflicts ? "Rolled back but for records that changed since: " : "Rolled back: ") << Printable(report.run_id, 100) << '\n';
  PrintFacts(out, {{"dataset", report.dropped ? "dropped: the run had created it" : "kept"},
                   {"deleted", FormatCount(report.deleted)},
                   {"restored", FormatCount(report.restored)},
                   {"left alone", FormatCount(report.conflicts)}});
  PrintDifferences(out, report.listed);
}

}  // namespace vecferry::cli
