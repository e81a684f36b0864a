// Some records of both sides: as they are, how long their vectors are, and where they stand in the plane.
#include <algorithm>
#include <cmath>
#include <numeric>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "report/histogram.h"
#include "report/html.h"
#include "report/text.h"

namespace vecferry::html {
namespace {

struct Spread {
  double least = 0, mean = 0, greatest = 0;
};

Spread Of(const std::vector<double>& values) {
  if (values.empty()) return {};
  const auto [least, greatest] = std::minmax_element(values.begin(), values.end());
  return {*least, std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size()), *greatest};
}

std::string Lines(const std::vector<std::string>& vectors) {
  std::string out;
  for (const auto& vector : vectors) out += "<div class=\"vector\">" + Code(vector) + "</div>";
  return out;
}

/// A JSON object indented, where it is one of a depth that can be shown, else as it is. What is not printable is escaped by the caller.
std::string Indented(const std::string& text) {
  using Json = nlohmann::ordered_json;
  bool deep = false;
  const auto shallow = [&](int depth, Json::parse_event_t, Json&) { return !(deep |= depth > 50); };
  const Json json = Json::parse(text, shallow, false);
  return deep || json.is_discarded() ? text : json.dump(2, ' ', false, Json::error_handler_t::replace);
}

/// Lines stay lines; each is escaped.
std::string EscapedLines(const std::string& text) {
  std::string out;
  std::string_view rest(text.data(), std::min<size_t>(text.size(), 8000));
  while (true) {
    const auto end = rest.find('\n');
    out += EscapeMarkup(rest.substr(0, end));
    if (end == std::string_view::npos) break;
    out += '\n';
    rest.remove_prefix(end + 1);
  }
  return text.size() > 8000 ? out + "\n..." : out;
}

std::string Side(const char* name, const std::string& record, const std::vector<std::string>& vectors) {
  return fmt::format("<div class=\"side\"><h4>{}</h4><pre>{}</pre>{}</div>\n", name, EscapedLines(Indented(record)), Lines(vectors));
}

std::string Records(const ReportSample& sample) {
  std::string out;
  for (const auto& r : sample.shown) {
    const bool same = r.found && r.source == r.target && r.source_vectors == r.target_vectors;
    const std::string state = !r.found ? "not found in the target" : same ? "the same on both sides" : "shown differently by the two sides";
    out += fmt::format("<article class=\"record\"><h3>{} <small>{}</small></h3>\n<div class=\"sides\">", Code(r.tenant.empty() ? r.id : r.tenant + " / " + r.id), EscapeMarkup(state));
    out += Side("Source", r.source, r.source_vectors);
    out += r.found ? Side("Target", r.target, r.target_vectors) : "<div class=\"side\"><h4>Target</h4><p>not found</p></div>\n";
    out += "</div></article>\n";
  }
  return out.empty() ? "" : Details(fmt::format("{} records side by side", sample.shown.size()), out, true);
}

std::string Bins(const SampledColumn& column) {
  const Histogram h = HistogramOf(column.source_norms, column.target_norms);
  Grid grid("", {"norm from", "to", "source", "target"});
  for (size_t i = 0; i < h.first.size(); ++i) {
    if (h.first[i] + h.second[i] == 0) continue;
    grid.Add({fmt::format("{:.6g}", h.low + h.width * static_cast<double>(i)), fmt::format("{:.6g}", h.low + h.width * static_cast<double>(i + 1)), FormatCount(h.first[i]), FormatCount(h.second[i])});
  }
  return grid.Html();
}

/// How far apart the two sides of a record stand in the plane, at most.
double Farthest(const SampledColumn& column) {
  double most = 0;
  for (const auto& p : column.points) {
    if (p.in_target) most = std::max(most, std::hypot(p.source_x - p.target_x, p.source_y - p.target_y));
  }
  return most;
}

std::string Column(const SampledColumn& c, size_t index) {
  const Spread source = Of(c.source_norms), target = Of(c.target_norms);
  std::string out = "<h3>" + Code(c.column) + "</h3>\n";
  Grid grid("Norms of the sampled vectors", {"side", "dimensions", "type", "metric", "vectors", "least norm", "mean norm", "greatest norm"});
  const auto row = [&](const char* side, const VectorSpec& spec, const std::vector<double>& norms, const Spread& s) {
    grid.Add({side, std::to_string(spec.dims), std::string(Name(spec.element)), std::string(Name(spec.metric)), FormatCount(static_cast<int64_t>(norms.size())), fmt::format("{:.6g}", s.least),
              fmt::format("{:.6g}", s.mean), fmt::format("{:.6g}", s.greatest)});
  };
  row("source", c.source, c.source_norms, source);
  row("target", c.target, c.target_norms, target);
  out += grid.Html();
  if (c.compared > 0) out += Paragraph(fmt::format("Cosine between the two sides of a record: mean {:.6f}, least {:.6f}, of {} vectors.", c.mean_cosine, c.least_cosine, FormatCount(c.compared)));
  const auto here = std::count_if(c.points.begin(), c.points.end(), [](const auto& p) { return p.in_target; });
  std::string plots = Figure("norms", index, "Norms", fmt::format("How many of the sampled vectors have which length: source {:.4g} to {:.4g}, target {:.4g} to {:.4g}", source.least, source.greatest, target.least, target.greatest));
  plots += Figure("plane", index, "Projection",
                  fmt::format("{} vectors of the source and {} of the target on the same two axes, the directions in which the source's vary most ({:.0f} % of their variance). The two "
                              "sides of a record are at most {:.3g} apart",
                              c.points.size(), here, 100 * c.explained, Farthest(c)));
  return out + "<div class=\"plots\">" + plots + "</div>\n" + Details("the norms as a table", Bins(c));
}

}  // namespace

std::string Sample(const RunReport& report) {
  if (!report.sample) return report.no_sample.empty() ? "" : Section("sample", "Sample", Paragraph("No records are shown: " + report.no_sample + "."));
  const ReportSample& sample = *report.sample;
  std::string out = Paragraph(fmt::format("{} records of the source ({}), {} of them found in the target.", FormatCount(sample.records), sample.note, FormatCount(sample.found)));
  for (size_t i = 0; i < sample.columns.size(); ++i) {
    if (!sample.columns[i].source_norms.empty()) out += Column(sample.columns[i], i);
  }
  return Section("sample", "Sample", out + Records(sample));
}

}  // namespace vecferry::html
