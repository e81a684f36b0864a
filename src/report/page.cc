// The page as a whole.
#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "base/base64.h"
#include "base/sha256.h"
#include "base/text.h"
#include "report/assets.h"
#include "report/html.h"
#include "report/text.h"

namespace vecferry {
namespace {

using namespace html;

std::string Title(const RunReport& r) {
  const std::string what = r.verb == "verify" ? "Verification" : r.verb == "restore" ? "Restore" : "Copy";
  return what + (r.source.empty() ? "" : fmt::format(": {} to {}", r.source, r.target));
}

/// What it came to, in a sentence.
std::string Verdict(const RunReport& r) {
  if (r.state == "dry-run" && r.failure) return "Dry run: the copy would be refused: " + r.failure->message;
  if (r.state == "interrupted") return "Interrupted. What was acknowledged is kept, and the same command goes on.";
  if (r.failure) return "Failed: " + r.failure->message;
  if (r.state == "rolled-back") return "Rolled back.";
  if (r.state == "dry-run") return "Dry run: nothing was written.";
  if (r.state == "running") return "Not finished: the process that executed it is gone, or still at work.";
  switch (r.exit_code) {
    case exit_code::kOk: return r.verb == "verify" ? "The two sides agree." : "Done, and as promised.";
    case exit_code::kRejects: return fmt::format("Done, but {} records were rejected.", FormatCount(r.rejected));
    case exit_code::kDifference: return "Verification found a difference.";
    default: return fmt::format("Ended with exit code {}.", r.exit_code);
  }
}

std::string Tile(const std::string& value, const char* label) {
  return fmt::format("<li><strong>{}</strong> <span>{}</span></li>\n", EscapeMarkup(value), label);
}

double Worked(const RunReport& r) {
  double seconds = 0;
  for (const auto& a : r.activity) seconds += a.seconds;
  return seconds > 0 ? seconds : std::max(0.0, r.ended - r.started);
}

/// Seconds of the transfer, over all processes.
double Transferring(const RunReport& r) {
  double seconds = 0;
  for (const auto& a : r.activity) {
    for (const auto& p : a.phases) seconds += p.name == "transfer" ? p.end - p.begin : 0;
  }
  return seconds;
}

std::string Tiles(const RunReport& r) {
  std::string out;
  if (r.moved) {
    out += Tile(FormatCount(r.written), "records written");
    if (r.skipped > 0) out += Tile(FormatCount(r.skipped), "there already");
    out += Tile(FormatCount(r.rejected), "rejected");
    out += Tile(FormatBytes(static_cast<double>(r.bytes)), "moved");
  } else if (r.verify && r.verify->level != VerifyLevel::none) {
    out += Tile(FormatCount(r.verify->source_count), "records at the source");
    out += Tile(FormatCount(r.verify->target_count), "at the target");
  }
  out += Tile(FormatDuration(Worked(r)), r.activity.size() > 1 ? "at work, in all processes" : "at work");
  int64_t records = 0;
  for (const auto& a : r.activity) records += a.records;
  if (const double seconds = Transferring(r); r.moved && seconds > 0 && records > 0) out += Tile(FormatCount(std::llround(static_cast<double>(records) / seconds)) + "/s", "records while transferring");
  if (r.peak_memory > 0) out += Tile(FormatBytes(static_cast<double>(r.peak_memory)), "of memory at most");
  return "<ul class=\"tiles\">\n" + out + "</ul>\n";
}

std::string Failure(const RunReport& r) {
  if (!r.failure) return {};
  const ReportFailure& f = *r.failure;
  return Section("failure", r.state == "interrupted" ? "Where it stopped" : "What went wrong",
                 FactTable({{"what", f.message}, {"kind", f.category}, {"side", f.side}, {"store", f.store}, {"dataset", f.dataset}, {"what to do", f.next_step},
                            {"exit code", std::to_string(r.exit_code)}}));
}

std::string Moved(const RunReport& r) {
  Facts facts = {{"from", r.source}, {"to", r.target}, {"command", r.command}, {"run", r.run_id}, {"state", r.state}, {"exit code", std::to_string(r.exit_code)},
                 {"began", UtcText(r.started)}, {"ended", UtcText(r.ended)}};
  if (r.activity.size() > 1) facts.emplace_back("processes", fmt::format("{}: it was interrupted and went on", r.activity.size()));
  if (r.moved) {
    const Facts counts = {{"records at the source", r.total < 0 ? "unknown" : FormatCount(r.total)},
                          {"written", FormatCount(r.written)},
                          {"skipped, equal ones were there", r.skipped > 0 ? FormatCount(r.skipped) : ""},
                          {"rejected", FormatCount(r.rejected)},
                          {"batches", FormatCount(r.batches)},
                          {"bytes of records", FormatBytes(static_cast<double>(r.bytes))},
                          {"reconciled, the source changed meanwhile", r.reconciled > 0 ? FormatCount(r.reconciled) : ""},
                          {"fields that differed after two writes", r.mismatches > 0 ? FormatCount(r.mismatches) : ""}};
    facts.insert(facts.end(), counts.begin(), counts.end());
  }
  facts.emplace_back("tried again", FormatCount(r.retried) + (r.retried == 1 ? " time" : " times"));
  if (r.peak_memory > 0) facts.emplace_back("peak memory", FormatBytes(static_cast<double>(r.peak_memory)));
  return Section("moved", r.moved ? "What was moved" : r.failure || r.state == "dry-run" ? "What was asked for" : "What was compared", FactTable(facts));
}

std::string Vectors(const RecordSchema& schema) {
  Grid grid("Vectors", {"column", "kind", "dimensions", "type", "metric", "model"});
  for (const auto& v : schema.vectors) {
    grid.Add({v.column(), std::string(Name(v.kind)), v.kind == VectorKind::sparse ? "-" : std::to_string(v.dims), std::string(Name(v.element)), std::string(Name(v.metric)), v.model});
  }
  return grid.Html();
}

std::string FieldTypes(const RecordSchema& schema) {
  Grid grid("", {"field", "type in the source"});
  for (const auto& [field, type] : schema.field_types) grid.Add({field, type});
  return Details("types of the metadata's fields", grid.Html());
}

std::string Mapping(const RunReport& r) {
  Facts facts = r.mapping;
  if (r.schema) {
    facts.insert(facts.begin(), {"kind of ids", std::string(Name(r.schema->id_kind))});
    facts.emplace_back("tenants", r.schema->has_tenant ? "yes" : "none");
    facts.emplace_back("documents", r.schema->has_document ? "yes" : "none");
  }
  std::string out = FactTable(facts);
  if (!r.transforms.empty()) {
    Grid grid("What is made of the records", {"flag", "value"});
    for (const auto& [flag, value] : r.transforms) grid.Add({flag, value});
    out += grid.Html();
  }
  if (r.schema) out += Vectors(*r.schema) + FieldTypes(*r.schema);
  Grid fates("What is not carried exactly, or not at all", {"data", "how", "why"});
  for (const auto& fate : r.fates) fates.Add({fate.data, fate.how, fate.why});
  out += fates.Html();
  Grid issues("What the plan found", {"finding", "records", "what it says"});
  for (const auto& i : r.issues) issues.Add({i.code, i.count < 0 ? "-" : (i.estimate ? "about " : "") + FormatCount(i.count), i.way.empty() ? i.message : fmt::format("{} ({} at the target would hold it)", i.message, i.way)});
  out += issues.Html();
  Grid notes("What to know of the source", {"note", "count", "what it says"});
  for (const auto& n : r.notes) notes.Add({n.code, n.count < 0 ? "-" : FormatCount(n.count), n.message});
  return Section("mapping", "Mapping and fidelity", out + notes.Html());
}

std::string Rejects(const RunReport& r) {
  if (!r.moved) return {};
  if (r.rejects.empty()) return Section("rejects", "Rejects", Paragraph("No record was rejected."));
  std::string out = "<div class=\"wide\"><table><caption>By reason</caption>\n<thead><tr><th scope=\"col\">reason</th><th scope=\"col\">records</th><th scope=\"col\">share</th></tr></thead>\n<tbody>\n";
  for (const auto& reason : r.rejects) {
    const double share = r.rejected > 0 ? 100.0 * static_cast<double>(reason.count) / static_cast<double>(r.rejected) : 0;
    out += fmt::format("<tr><td>{}</td><td class=\"n\">{}</td><td><span class=\"bar\"><span style=\"width:{:.1f}%\"></span></span> {:.1f} %</td></tr>\n", Code(reason.code), FormatCount(reason.count), share, share);
  }
  out += "</tbody></table></div>\n";
  Grid grid("", {"reason", "id", "what was wrong"});
  for (const auto& reason : r.rejects) {
    for (const auto& [id, message] : reason.examples) grid.Add({reason.code, id, message}, "values");
  }
  return Section("rejects", "Rejects", out + Details("examples", grid.Html(), r.rejects.size() <= 4));
}

std::string Errors(const RunReport& r) {
  Grid grid("By category; most passed by themselves and were tried again", {"category", "times"});
  for (const auto& [category, count] : r.errors()) grid.Add({category, FormatCount(count)});
  Grid warnings("Warnings", {"warning"});
  int64_t more = 0;
  for (const auto& a : r.activity) {
    for (const auto& warning : a.warnings) warnings.Add({warning});
    more += a.more_warnings;
  }
  if (more > 0) warnings.Add({fmt::format("and {} more", FormatCount(more))});
  Grid mismatches("", {"id", "field", "source", "target"});
  for (const auto& m : r.mismatch_examples) mismatches.Add({m.tenant.empty() ? m.id : m.tenant + " / " + m.id, m.field, m.source_value, m.target_value}, "values");
  std::string out = grid.Html() + warnings.Html() + Details("fields that differed after two writes", mismatches.Html());
  if (out.empty() && !r.failure) out = Paragraph("No request failed, and there was nothing to warn of.");
  return Section("errors", "Errors and warnings", out);
}

std::string Settings(const char* title, const Facts& settings) {
  if (settings.empty()) return {};
  std::string lines;
  for (const auto& [name, value] : settings) lines += EscapeMarkup(name + "=" + value) + "\n";
  return fmt::format("<h3>{}</h3>\n<pre>{}</pre>\n", title, lines);
}

std::string Next(const RunReport& r) {
  return Section("next", "What comes next", Commands(r.next) + Settings("Settings that switch the application over", r.switch_over) + Settings("Settings that switch it back", r.switch_back));
}

std::string Footer(const RunReport& r) {
  Grid grid("", {"part", "version"});
  for (const auto& [name, version] : r.versions) grid.Add({name, version});
  std::string earlier;
  for (const auto& a : r.activity) {
    if (!a.version.empty() && earlier.find(a.version) == std::string::npos) earlier += (earlier.empty() ? "" : ", ") + a.version;
  }
  return Section("about", "Files and versions", FactTable(r.files) + grid.Html() + (earlier.empty() ? "" : Paragraph("Processes of this run were of version " + earlier + ".")));
}

std::string Nav(const std::string& body) {
  const std::pair<const char*, const char*> all[] = {{"failure", "Failure"}, {"moved", "Overview"}, {"mapping", "Mapping"}, {"verify", "Verification"}, {"rejects", "Rejects"}, {"time", "Over time"},
                                                     {"sample", "Sample"}, {"errors", "Errors"}, {"next", "Next"}, {"about", "Versions"}};
  std::string out;
  for (const auto& [id, title] : all) {
    if (body.find(fmt::format("<section id=\"{}\"", id)) != std::string::npos) out += fmt::format("<a href=\"#{}\">{}</a>\n", id, title);
  }
  return "<nav aria-label=\"sections\">\n" + out + "</nav>\n";
}

std::string BytesOfHex(const std::string& hex) {
  std::string bytes;
  for (size_t i = 0; i + 1 < hex.size(); i += 2) bytes += static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16));
  return bytes;
}

/// The policy lets the page load nothing, and run these two texts and no other, whatever a record holds.
std::string Policy(std::string_view library, std::string_view script) {
  const auto source = [](std::string_view text) {
    return "'sha256-" + Base64(BytesOfHex(Sha256::Of(text))) + "'";
  };
  return fmt::format("default-src 'none'; style-src 'unsafe-inline'; script-src {} {}; base-uri 'none'; form-action 'none'", source(library), source(script));
}

}  // namespace

std::string ReportPage(const RunReport& r) {
  const std::string title = EscapeMarkup(Title(r), 500);
  const bool good = r.ok() && !r.failure;
  std::string body = Failure(r) + Moved(r) + Mapping(r) + Verification(r) + Rejects(r) + OverTime(r) + Sample(r) + Errors(r) + Next(r) + Footer(r);
  std::string page = fmt::format(
      "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
      "<meta name=\"color-scheme\" content=\"light dark\">\n<meta name=\"referrer\" content=\"no-referrer\">\n<meta http-equiv=\"Content-Security-Policy\" content=\"{}\">\n<title>{}</title>\n",
      Policy(assets::kPlotLibrary, assets::kPageScript), title);
  page += fmt::format("<style>{}</style>\n<style>{}</style>\n</head>\n<body>\n<a class=\"skip\" href=\"#main\">to the report</a>\n", assets::kPlotStyle, assets::kPageStyle);
  page += fmt::format("<header>\n<p class=\"brand\">Vecferry</p>\n<h1>{}</h1>\n<p class=\"verdict {}\" role=\"status\">{}</p>\n{}</header>\n", title, good ? "ok" : "bad", Mark(good, Verdict(r)), Tiles(r));
  page += Nav(body) + "<main id=\"main\">\n" + body + "</main>\n";
  page += fmt::format("<script type=\"application/json\" id=\"plots\">{}</script>\n", SafeInScript(PlotData(r)));
  page += fmt::format("<script>{}</script>\n<script>{}</script>\n</body>\n</html>\n", assets::kPlotLibrary, assets::kPageScript);
  return page;
}

}  // namespace vecferry
