#include <fmt/format.h>

#include "base/clock.h"
#include "base/text.h"
#include "report/report.h"
#include "report/text.h"

namespace vecferry {
namespace {

constexpr size_t kListed = 50;

struct Case {
  enum class Outcome { passed, failed, error, skipped };
  std::string name;
  double seconds = 0;
  Outcome outcome = Outcome::passed;
  std::string type, message, detail;
};

double TookOf(const RunReport& report, std::string_view name) {
  double seconds = 0;
  for (const auto& phase : report.phases) {
    if (phase.name == name && phase.finished > 0) seconds += phase.finished - phase.started;
  }
  return seconds;
}

std::string Differences(const VerifyReport& verify) {
  std::string text;
  for (size_t i = 0; i < verify.differences.size() && i < kListed; ++i) {
    const Difference& d = verify.differences[i];
    text += fmt::format("{} {}{}: {}: source {}, target {}\n", Name(d.kind), d.tenant.empty() ? "" : d.tenant + " / ", d.id, d.field, d.source_value, d.target_value);
  }
  return text;
}

Case TransferCase(const RunReport& report) {
  Case one{report.verb, TookOf(report, "transfer"), Case::Outcome::passed, "", "", ""};
  if (!report.failure) return one;
  one.outcome = Case::Outcome::error;
  one.type = report.failure->category;
  one.message = report.failure->message;
  one.detail = report.failure->next_step;
  return one;
}

Case RejectsCase(const RunReport& report) {
  Case one{"rejects", 0, Case::Outcome::passed, "", "", ""};
  if (report.rejected == 0) return one;
  one.outcome = Case::Outcome::failed;
  one.type = "rejects";
  one.message = fmt::format("{} records were rejected", report.rejected);
  for (const auto& reason : report.rejects) {
    one.detail += fmt::format("{}: {}\n", reason.code, reason.count);
    for (const auto& [id, message] : reason.examples) one.detail += fmt::format("  {}: {}\n", id, message);
  }
  return one;
}

void AddSearch(const SearchReport& search, std::vector<Case>* cases) {
  for (const auto& column : search.columns) {
    Case one{"verify search " + column.column, search.seconds / static_cast<double>(search.columns.size()), Case::Outcome::passed, "", "", ""};
    if (!column.ok) {
      one.outcome = Case::Outcome::failed;
      one.type = "search";
      one.message = fmt::format("the mean overlap of the top {} is {:.4f}, at least {:.4f} was asked for", search.top, column.top_overlap, search.min_overlap);
    }
    for (const auto& finding : column.findings) one.detail += finding.code + ": " + finding.message + "\n";
    cases->push_back(std::move(one));
  }
}

void AddVerify(const RunReport& report, std::vector<Case>* cases) {
  if (!report.verify) {
    Case none{"verify", 0, Case::Outcome::skipped, "", report.failure ? "it was not come to" : "it was not asked for", ""};
    cases->push_back(std::move(none));
    return;
  }
  const VerifyReport& verify = *report.verify;
  for (const auto& check : verify.checks) {
    Case one{"verify " + check.name, verify.checks.empty() ? 0 : verify.seconds / static_cast<double>(verify.checks.size()), Case::Outcome::passed, "", "", ""};
    if (!check.ok) {
      one.outcome = Case::Outcome::failed;
      one.type = "difference";
      one.message = check.detail;
      if (check.name == "content" || check.name == "ids") one.detail = Differences(verify);
    }
    cases->push_back(std::move(one));
  }
  if (verify.search) AddSearch(*verify.search, cases);
}

std::string Attribute(const char* name, std::string_view value) { return fmt::format(" {}=\"{}\"", name, EscapeMarkup(value)); }

std::string ToXml(const Case& one, const std::string& suite) {
  std::string xml = "  <testcase" + Attribute("classname", suite) + Attribute("name", one.name) + fmt::format(" time=\"{:.3f}\"", one.seconds);
  if (one.outcome == Case::Outcome::passed) return xml + "/>\n";
  const char* element = one.outcome == Case::Outcome::failed ? "failure" : one.outcome == Case::Outcome::error ? "error" : "skipped";
  xml += fmt::format(">\n    <{}{}", element, Attribute("message", one.message));
  if (!one.type.empty()) xml += Attribute("type", one.type);
  // Lines of the detail stay lines; what is in them does not get to make some.
  std::string detail;
  std::string_view rest = one.detail;
  while (!rest.empty()) {
    const auto end = rest.find('\n');
    detail += EscapeMarkup(rest.substr(0, end)) + "\n";
    rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
  }
  return xml + (detail.empty() ? "/>\n" : fmt::format(">{}</{}>\n", detail, element)) + "  </testcase>\n";
}

}  // namespace

std::string ReportJunit(const RunReport& report) {
  std::vector<Case> cases = {TransferCase(report)};
  if (report.moved) cases.push_back(RejectsCase(report));
  AddVerify(report, &cases);
  int failures = 0, errors = 0, skipped = 0;
  for (const auto& one : cases) {
    failures += one.outcome == Case::Outcome::failed;
    errors += one.outcome == Case::Outcome::error;
    skipped += one.outcome == Case::Outcome::skipped;
  }
  const std::string suite = "vecferry." + report.verb;
  const std::string counts = fmt::format(" tests=\"{}\" failures=\"{}\" errors=\"{}\" skipped=\"{}\" time=\"{:.3f}\"", cases.size(), failures, errors, skipped,
                                         std::max(0.0, report.ended - report.started));
  std::string xml = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites" + Attribute("name", suite) + counts + ">\n<testsuite" + Attribute("name", suite) + counts;
  if (report.started > 0) xml += Attribute("timestamp", FormatUtc(report.started, false));
  xml += ">\n  <properties>\n";
  Facts properties = {{"run", report.run_id}, {"source", report.source}, {"target", report.target}, {"state", report.state}, {"exit_code", std::to_string(report.exit_code)}};
  properties.insert(properties.end(), report.versions.begin(), report.versions.end());
  for (const auto& [name, value] : properties) xml += "    <property" + Attribute("name", name) + Attribute("value", value) + "/>\n";
  xml += "  </properties>\n";
  for (const auto& one : cases) xml += ToXml(one, suite);
  return xml + "</testsuite>\n</testsuites>\n";
}

}  // namespace vecferry
