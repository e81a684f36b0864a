// What was compared, and what was found: counts, ids, content, neighbours.
#include <algorithm>

#include <fmt/format.h>

#include "base/text.h"
#include "report/html.h"
#include "report/text.h"

namespace vecferry::html {
namespace {

/// What a check is about, in a few words.
std::string_view Meaning(std::string_view check) {
  const std::pair<std::string_view, std::string_view> known[] = {{"count", "as many records on both sides"},
                                                                 {"ids", "the same ids on both sides"},
                                                                 {"duplicates", "no id twice that was there once"},
                                                                 {"content", "documents, metadata and vectors are equal"},
                                                                 {"vectors", "directions of sampled vectors agree"},
                                                                 {"search", "the same queries find the same records"}};
  const auto found = std::find_if(std::begin(known), std::end(known), [&](const auto& each) { return each.first == check; });
  return found == std::end(known) ? std::string_view() : found->second;
}

std::string Checks(const VerifyReport& verify) {
  Grid grid("Checks", {"check", "what it asks", "found", "result"});
  for (const auto& check : verify.checks) grid.AddHtml({check.name, std::string(Meaning(check.name)), check.detail}, Mark(check.ok, check.ok ? "passed" : "failed"));
  return grid.Html();
}

std::string Differences(const VerifyReport& verify) {
  Grid grid("", {"kind", "id", "field", "source", "target"});
  for (const auto& d : verify.differences) {
    grid.Add({std::string(Name(d.kind)), d.tenant.empty() ? d.id : d.tenant + " / " + d.id, d.field, d.source_value, d.target_value}, "values");
  }
  int64_t all = 0;
  std::string kinds;
  for (const auto& [kind, count] : verify.counts) {
    if (count <= 0) continue;
    all += count;
    kinds += fmt::format("{}{} {}", kinds.empty() ? "" : ", ", FormatCount(count), Name(kind));
  }
  if (all == 0 && grid.empty()) return {};
  return Paragraph(fmt::format("Records that differ: {}.", kinds.empty() ? "listed below" : kinds)) +
         Details(fmt::format("{} listed", FormatCount(static_cast<int64_t>(verify.differences.size()))), grid.Html(), verify.differences.size() <= 20);
}

std::string Latency(const Latencies& l) {
  if (l.count == 0) return "-";
  return fmt::format("{} / {} / {}", ShortSeconds(l.p50), ShortSeconds(l.p95), ShortSeconds(l.p99));
}

std::string Share(double share) { return share < 0 ? "-" : fmt::format("{:.2f} %", 100 * share); }

std::string Column(const SearchColumn& column, const SearchReport& search) {
  std::string out = fmt::format("<h4>{} {}</h4>\n", Code(column.column), Mark(column.ok, column.ok ? "passed" : "failed"));
  out += FactTable({{"queries", FormatCount(column.queries)},
                    {fmt::format("overlap of the top {}", search.top), fmt::format("{} mean, {} least", Share(column.top_overlap), Share(column.least_top_overlap))},
                    {fmt::format("overlap of the top {}", search.k), Share(column.overlap)},
                    {"agreement of ranks", fmt::format("{:.4f} (Kendall's tau, 1 is the same order)", column.rank_agreement)}});
  Grid sides("Both sides", {"side", "neighbours by", "metric", "nearer is", "answered", "recall", "recall of the index", "latency p50 / p95 / p99"});
  for (const auto& [name, side] : {std::pair<const char*, const SearchSide*>{"source", &column.source}, {"target", &column.target}}) {
    sides.Add({name, side->how, std::string(Name(side->metric)), side->higher_is_nearer ? "a higher score" : "a lower score", FormatCount(side->answered), Share(side->recall),
               Share(side->index_recall), Latency(side->latency)});
  }
  out += sides.Html();
  Grid findings("Findings", {"finding", "what it says", "kind"});
  for (const auto& finding : column.findings) findings.Add({finding.code, finding.message, finding.failure ? "failure" : "to know"});
  out += findings.Html();
  Grid worst("", {"query", "overlap", "not found in the target", "found in their place"});
  for (const auto& each : column.worst) {
    std::string missing, unexpected;
    for (const auto& id : each.missing) missing += (missing.empty() ? "" : ", ") + id;
    for (const auto& id : each.unexpected) unexpected += (unexpected.empty() ? "" : ", ") + id;
    worst.Add({each.tenant.empty() ? each.query : each.tenant + " / " + each.query, Share(each.overlap), missing, unexpected}, "values");
  }
  return out + Details("queries on which the two sides agree the least", worst.Html());
}

}  // namespace

std::string Search(const SearchReport& search) {
  std::string out = "<h3>Search " + Mark(search.ok, search.ok ? "passed" : "failed") + "</h3>\n";
  out += Paragraph(fmt::format("The same queries on both sides: {}. Of the source's nearest {} the target must find {:.0f} %.", search.queries, search.top, 100 * search.min_overlap));
  for (const auto& column : search.columns) out += Column(column, search);
  Grid left("Not searched", {"column and why"});
  for (const auto& each : search.not_searched) left.Add({each});
  return out + left.Html();
}

std::string Verification(const RunReport& report) {
  if (!report.verify) {
    if (report.verb == "verify" || report.failure) return {};
    return Section("verify", "Verification", Paragraph("No verification was asked for: nothing here proves that the target holds what the source does.", "warn"));
  }
  const VerifyReport& verify = *report.verify;
  std::string out = "<p>" + Mark(verify.ok, verify.ok ? "The target holds what it should." : "The target differs from the source.") + "</p>\n";
  out += Checks(verify);
  Facts facts = {{"level", std::string(Name(verify.level))},
                 {"records at the source", FormatCount(verify.source_count)},
                 {"records at the target", FormatCount(verify.target_count)}};
  if (verify.source_rejects + verify.target_rejects > 0) facts.emplace_back("unreadable", fmt::format("source {}, target {}", FormatCount(verify.source_rejects), FormatCount(verify.target_rejects)));
  if (verify.sampled > 0) facts.emplace_back("cosine of sampled vectors", fmt::format("mean {:.6f}, least {:.6f}, of {}", verify.mean_cosine, verify.least_cosine, FormatCount(verify.sampled)));
  facts.emplace_back("digest of the source", verify.source_digest);
  facts.emplace_back("digest of the target", verify.target_digest == verify.source_digest && !verify.source_digest.empty() ? "the same" : verify.target_digest);
  if (!verify.transforms_of.empty()) facts.emplace_back("compared as run", verify.transforms_of);
  if (verify.seconds > 0) facts.emplace_back("time", FormatDuration(verify.seconds));
  out += FactTable(facts) + Differences(verify);
  if (verify.search) out += Search(*verify.search);
  return Section("verify", "Verification", out);
}

}  // namespace vecferry::html
