#include "cli/html.h"

#include <cmath>

#include <fmt/format.h>

#include "base/text.h"

namespace vecferry::cli {
namespace {

using Rows = std::vector<std::pair<std::string, std::string>>;

constexpr const char* kStyle =
    "body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1a1a1a;background:#fff}"
    "table{border-collapse:collapse;margin:1rem 0}td,th{text-align:left;padding:.2rem 1rem .2rem 0;vertical-align:top;border-bottom:1px solid #ddd}"
    "code,pre{font-family:ui-monospace,monospace;overflow-wrap:anywhere}pre{background:#f4f4f4;padding:.6rem}"
    ".ok{color:#176b2c}.bad{color:#a11212}"
    "@media(prefers-color-scheme:dark){body{color:#eee;background:#161616}td,th{border-color:#444}pre{background:#262626}.ok{color:#7fd494}.bad{color:#ff9a9a}}";

std::string Page(const std::string& title, const std::string& body) {
  // The policy lets the page load nothing and run nothing, whatever a record holds.
  return fmt::format(
      "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">"
      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"
      "<title>{0}</title><style>{1}</style></head><body>\n<h1>{0}</h1>\n{2}</body></html>\n",
      EscapeHtml(title), kStyle, body);
}

std::string Table(const Rows& rows) {
  std::string html = "<table>\n";
  for (const auto& [label, value] : rows) html += fmt::format("<tr><th>{}</th><td>{}</td></tr>\n", EscapeHtml(label), EscapeHtml(value));
  return html + "</table>\n";
}

std::string Verdict(bool ok, const std::string& good, const std::string& bad) {
  return fmt::format("<p class=\"{}\"><strong>{}</strong></p>\n", ok ? "ok" : "bad", EscapeHtml(ok ? good : bad));
}

std::string Differences(const std::vector<Difference>& differences) {
  if (differences.empty()) return {};
  std::string html = "<h2>Differences</h2>\n<table>\n<tr><th>kind</th><th>id</th><th>field</th><th>source</th><th>target</th></tr>\n";
  for (const auto& d : differences) {
    html += fmt::format("<tr><td>{}</td><td><code>{}</code></td><td>{}</td><td><code>{}</code></td><td><code>{}</code></td></tr>\n", Name(d.kind),
                        EscapeHtml(d.tenant.empty() ? d.id : d.tenant + " / " + d.id), EscapeHtml(d.field), EscapeHtml(d.source_value),
                        EscapeHtml(d.target_value));
  }
  return html + "</table>\n";
}

std::string VerifyBody(const VerifyReport& report) {
  std::string html = fmt::format("<h2>Verification ({})</h2>\n", Name(report.level));
  html += Verdict(report.ok, "Passed", "Failed");
  Rows rows = {{"records at the source", FormatCount(report.source_count)}, {"records at the target", FormatCount(report.target_count)}};
  if (report.sampled > 0) {
    rows.emplace_back("cosine", fmt::format("mean {:.6f}, least {:.6f}, of {} vectors", report.mean_cosine, report.least_cosine, FormatCount(report.sampled)));
  }
  for (const auto& check : report.checks) rows.emplace_back(check.name, (check.ok ? "pass" : "FAIL") + (check.detail.empty() ? "" : ": " + check.detail));
  for (const auto& [kind, count] : report.counts) {
    if (count > 0) rows.emplace_back(std::string(Name(kind)), FormatCount(count));
  }
  rows.emplace_back("digest of the source", report.source_digest);
  rows.emplace_back("digest of the target", report.target_digest);
  return html + Table(rows) + Differences(report.differences);
}

std::string Exports(const char* title, const std::vector<std::pair<std::string, std::string>>& settings) {
  if (settings.empty()) return {};
  std::string html = fmt::format("<h2>{}</h2>\n<pre>", title);
  for (const auto& [name, value] : settings) html += EscapeHtml(name + "=" + value) + "\n";
  return html + "</pre>\n";
}

}  // namespace

std::string EscapeHtml(std::string_view text) {
  std::string out;
  for (const char c : Printable(text, 20000)) {
    switch (c) {
      case '&': out += "&amp;"; break;
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      case '"': out += "&quot;"; break;
      case '\'': out += "&#39;"; break;
      default: out += c;
    }
  }
  return out;
}

std::string VerifyHtml(const VerifyReport& report, const std::string& source, const std::string& target) {
  return Page("Vecferry: verification", Table({{"source", source}, {"target", target}}) + VerifyBody(report));
}

std::string CopyHtml(const CopyReport& report) {
  const TransferResult& t = report.transfer;
  std::string html = Verdict(report.exit_code == exit_code::kOk, "Done, and as promised", fmt::format("Exit code {}", report.exit_code));
  html += Table({{"run", report.run_id},
                 {"state", report.state},
                 {"source", report.plan.source_uri},
                 {"target", report.plan.target_uri},
                 {"total", FormatCount(report.total)},
                 {"written", FormatCount(t.written)},
                 {"skipped", FormatCount(t.skipped)},
                 {"rejected", FormatCount(t.rejected)},
                 {"retried", FormatCount(t.retried)},
                 {"batches", FormatCount(t.batches)},
                 {"bytes", FormatBytes(static_cast<double>(t.bytes))},
                 {"time", FormatDuration(report.seconds)},
                 {"rate", t.seconds > 0 ? FormatCount(std::llround(static_cast<double>(t.session_records) / t.seconds)) + " records/s" : "-"},
                 {"peak memory", FormatBytes(static_cast<double>(report.peak_memory))},
                 {"journal", report.journal.string()},
                 {"rejects file", report.rejects_file.string()}});
  if (report.verify) html += VerifyBody(*report.verify);
  html += Exports("Settings that switch the service over", report.switch_over);
  html += Exports("Settings that switch it back", report.switch_back);
  if (!report.next.empty()) {
    html += "<h2>Next</h2>\n<pre>";
    for (const auto& command : report.next) html += EscapeHtml(command) + "\n";
    html += "</pre>\n";
  }
  return Page("Vecferry: copy", html);
}

}  // namespace vecferry::cli
