#include "cli/search_text.h"

#include <ostream>

#include <fmt/format.h>

#include "base/text.h"
#include "cli/text_out.h"

namespace vecferry::cli {
namespace {

/// "0.42 ms", "13 ms", "1.2 s".
std::string Time(double seconds) {
  if (seconds < 0.01) return fmt::format("{:.2f} ms", seconds * 1e3);
  return seconds < 1 ? fmt::format("{:.1f} ms", seconds * 1e3) : fmt::format("{:.2f} s", seconds);
}

std::string Share(double share) { return share < 0 ? "-" : fmt::format("{:.4f}", share); }

std::string Ids(const std::vector<std::string>& ids) {
  std::string text;
  for (const auto& id : ids) text += (text.empty() ? "" : ", ") + Printable(id, 100);
  return text.empty() ? "none" : text;
}

void PrintWorst(std::ostream& out, const SearchColumn& column) {
  size_t left = 5;
  for (const auto& d : column.worst) {
    if (left-- == 0) return;
    const std::string tenant = d.tenant.empty() ? "" : fmt::format(" (tenant {})", Printable(d.tenant, 100));
    out << fmt::format("    {}{}: overlap {:.2f}; not found: {}; in their place: {}\n", Printable(d.query, 200), tenant, d.overlap, Ids(d.missing), Ids(d.unexpected));
  }
}

void PrintColumn(std::ostream& out, const SearchColumn& column) {
  out << "  " << Printable(column.column, 200) << '\n';
  TextTable table({"", "FOUND BY", "METRIC", "SCORES", "RECALL", "INDEX", "P50", "P95"});
  table.Right({4, 5, 6, 7});
  for (const auto& [name, side] : {std::pair("source", &column.source), std::pair("target", &column.target)}) {
    if (side->how.empty()) continue;
    const bool timed = side->latency.count > 0;
    table.Add({name, side->how, std::string(Name(side->metric)), side->higher_is_nearer ? "similarity" : "distance", Share(side->recall), Share(side->index_recall),
               timed ? Time(side->latency.p50) : "-", timed ? Time(side->latency.p95) : "-"});
  }
  table.Print(out, "    ");
  for (const auto& finding : column.findings) out << (finding.failure ? "    FAIL  " : "    note: ") << Printable(finding.message, 500) << '\n';
  PrintWorst(out, column);
}

}  // namespace

void PrintSearch(std::ostream& out, const SearchReport& report) {
  out << fmt::format("\nSearch: {} neighbours, {} queries: {}\n", report.k, report.columns.empty() ? "no" : FormatCount(report.columns.front().queries), Printable(report.queries, 300));
  for (const auto& column : report.columns) PrintColumn(out, column);
  for (const auto& text : report.not_searched) out << "  note: " << Printable(text, 300) << '\n';
}

void PrintBench(std::ostream& out, const BenchReport& report) {
  out << fmt::format("Search: {} neighbours, {}, {}\n", report.k, Counted(report.clients, "client"), Printable(report.queries, 300));
  TextTable table({"", "RECORDS", "FOUND BY", "QUERIES", "QPS", "MEAN", "P50", "P90", "P95", "P99", "MAX"});
  table.Right({1, 3, 4, 5, 6, 7, 8, 9, 10});
  for (const auto& side : report.sides) {
    const Latencies& l = side.latency;
    table.Add({Printable(side.uri, 200), side.records < 0 ? "?" : FormatCount(side.records), side.how, FormatCount(side.requests), fmt::format("{:.1f}", side.qps), Time(l.mean), Time(l.p50), Time(l.p90),
               Time(l.p95), Time(l.p99), Time(l.max)});
  }
  table.Print(out, "  ");
  for (const auto& side : report.sides) {
    if (side.failures > 0) out << fmt::format("  {} of {} failed: {}\n", Counted(side.failures, "query"), Printable(side.uri, 200), Printable(side.failure, 300));
  }
  if (report.sides.size() == 2) out << fmt::format("  speed-up: {:.2f} times the queries a second, {:.2f} times as quick in the median\n", report.speed_up, report.latency_ratio);
  if (report.interrupted) out << "  interrupted: this is what was measured until then\n";
}

}  // namespace vecferry::cli
