// What happened over time, in all processes of a run one after the other.
#include <algorithm>
#include <cmath>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "report/histogram.h"
#include "report/html.h"
#include "report/text.h"

namespace vecferry::html {
namespace {

using Json = nlohmann::ordered_json;

/// One stretch of the run, its numbers as rates. Pauses between processes are left out of the time.
struct Point {
  double at = 0;           ///< seconds, the middle of the stretch
  bool gap = false;        ///< the end of a process: lines are not drawn across
  double records = 0, bytes = 0, checked = 0;
  double read = -1, write = -1, slowest_read = -1, slowest_write = -1;  ///< milliseconds, -1: none
  double in_flight = 0, retries = 0;
};

Point PointOf(const ActivityBucket& b, double at, double width) {
  Point p;
  p.at = at;
  p.records = static_cast<double>(b.records) / width;
  p.bytes = static_cast<double>(b.bytes) / width;
  p.checked = static_cast<double>(b.checked) / width;
  if (b.reads > 0) p.read = 1000 * b.read_seconds / static_cast<double>(b.reads), p.slowest_read = 1000 * b.slowest_read;
  if (b.writes > 0) p.write = 1000 * b.write_seconds / static_cast<double>(b.writes), p.slowest_write = 1000 * b.slowest_write;
  p.in_flight = static_cast<double>(b.in_flight);
  p.retries = static_cast<double>(b.retries);
  return p;
}

std::vector<Point> PointsOf(const RunReport& report) {
  std::vector<Point> points;
  double began = 0;
  for (const auto& activity : report.activity) {
    for (size_t i = 0; i < activity.buckets.size(); ++i) {
      const double from = activity.width * static_cast<double>(i);
      // The last stretch is not whole; a sliver of one would make the rate of what happened to fall into it look immense.
      const double width = std::clamp(activity.seconds - from, activity.width / 2, activity.width);
      points.push_back(PointOf(activity.buckets[i], began + from + width / 2, width));
    }
    began += std::max(activity.seconds, activity.width);
    if (!points.empty() && &activity != &report.activity.back()) {
      points.emplace_back();
      points.back().at = began;
      points.back().gap = true;
    }
  }
  return points;
}

Json Series(const std::vector<Point>& points, double Point::*field, bool zero_is_none = false) {
  Json series = Json::array();
  for (const auto& p : points) {
    const double value = p.*field;
    const bool none = p.gap || value < 0 || (zero_is_none && value == 0);
    series.push_back(none ? Json() : Json(std::round(value * 1000) / 1000));
  }
  return series;
}

bool Any(const std::vector<Point>& points, double Point::*field) {
  return std::any_of(points.begin(), points.end(), [&](const Point& p) { return p.*field > 0; });
}

Json TimePlots(const RunReport& report) {
  const auto points = PointsOf(report);
  Json json = {{"t", Series(points, &Point::at)}};
  for (size_t i = 0; i < points.size(); ++i) json["t"][i] = points[i].at;
  const std::pair<const char*, double Point::*> fields[] = {{"records", &Point::records}, {"bytes", &Point::bytes}, {"checked", &Point::checked}, {"read", &Point::read},
                                                            {"write", &Point::write}, {"slowest_read", &Point::slowest_read}, {"slowest_write", &Point::slowest_write},
                                                            {"in_flight", &Point::in_flight}, {"retries", &Point::retries}};
  for (const auto& [name, field] : fields) json[name] = Series(points, field);
  return json;
}

Json NormPlot(const SampledColumn& c) {
  const Histogram h = HistogramOf(c.source_norms, c.target_norms);
  Json x = Json::array();
  for (size_t i = 0; i < h.first.size(); ++i) x.push_back(h.low + h.width * (static_cast<double>(i) + 0.5));
  return {{"x", std::move(x)}, {"width", h.width}, {"source", h.first}, {"target", h.second}};
}

Json PlanePlot(const SampledColumn& c) {
  Json points = Json::array();
  for (const auto& p : c.points) {
    Json point = {Printable(p.id, 100), p.source_x, p.source_y};
    if (p.in_target) point.push_back(p.target_x), point.push_back(p.target_y);
    points.push_back(std::move(point));
  }
  return points;
}

std::string PhaseTable(const RunReport& report) {
  Grid grid("Phases", {"process", "began", "phase", "time", "end"});
  for (size_t i = 0; i < report.activity.size(); ++i) {
    const Activity& a = report.activity[i];
    for (const auto& p : a.phases) {
      grid.Add({fmt::format("{} of {}", i + 1, report.activity.size()), UtcText(a.started + p.begin), p.name, FormatDuration(p.end - p.begin), p.finished ? "done" : "not finished"});
    }
  }
  return grid.Html();
}

std::string LatencyTable(const RunReport& report) {
  LatencyHistogram reads, writes;
  for (const auto& a : report.activity) reads.Add(a.reads), writes.Add(a.writes);
  Grid grid("Requests", {"request", "count", "mean", "p50", "p90", "p95", "p99", "slowest"});
  for (const auto& [name, h] : {std::pair<const char*, const LatencyHistogram*>{"reads of the source", &reads}, {"writes to the target", &writes}}) {
    if (h->count() == 0) continue;
    grid.Add({name, FormatCount(h->count()), ShortSeconds(h->mean()), ShortSeconds(h->Quantile(0.5)), ShortSeconds(h->Quantile(0.9)), ShortSeconds(h->Quantile(0.95)),
              ShortSeconds(h->Quantile(0.99)), ShortSeconds(h->slowest())});
  }
  return grid.Html();
}

/// The plots as a table of at most two dozen rows.
std::string TimeTable(const RunReport& report) {
  Grid grid("", {"process", "seconds", "records/s", "bytes/s", "compared/s", "mean read", "mean write", "retries"});
  const size_t rows = std::max<size_t>(1, 24 / std::max<size_t>(1, report.activity.size()));
  for (size_t n = 0; n < report.activity.size(); ++n) {
    const Activity& a = report.activity[n];
    const size_t each = std::max<size_t>(1, (a.buckets.size() + rows - 1) / rows);
    for (size_t i = 0; i < a.buckets.size(); i += each) {
      ActivityBucket sum;
      const size_t end = std::min(i + each, a.buckets.size());
      for (size_t k = i; k < end; ++k) sum.Add(a.buckets[k]);
      const double from = a.width * static_cast<double>(i), width = std::clamp(a.seconds - from, a.width / 2, a.width * static_cast<double>(end - i));
      const Point p = PointOf(sum, from, width);
      grid.Add({std::to_string(n + 1), fmt::format("{:.1f}", from), FormatCount(std::llround(p.records)), FormatBytes(p.bytes), FormatCount(std::llround(p.checked)),
                p.read < 0 ? "-" : ShortSeconds(p.read / 1000), p.write < 0 ? "-" : ShortSeconds(p.write / 1000), FormatCount(sum.retries)});
    }
  }
  return grid.Html();
}

}  // namespace

std::string OverTime(const RunReport& report) {
  if (report.activity.empty()) return {};
  const auto points = PointsOf(report);
  const bool moved = Any(points, &Point::records), compared = Any(points, &Point::checked);
  std::string plots;
  const std::string many = report.activity.size() > 1 ? fmt::format(" {} processes, one after the other; the pauses between them are left out.", report.activity.size()) : "";
  if (moved || compared) {
    plots += Figure("throughput", 0, "Throughput", fmt::format("{}{}{} a second, over time.{}", moved ? "Records that were moved" : "", moved && compared ? " and " : "",
                                                               compared ? "records that verification read" : "", many));
  }
  if (Any(points, &Point::read) || Any(points, &Point::write)) {
    plots += Figure("latency", 0, "Latency", "How long the requests to the source and to the target took over time: the mean of each stretch, and the slowest");
  }
  if (Any(points, &Point::in_flight) || Any(points, &Point::retries)) {
    plots += Figure("flow", 0, "Writes in flight, and retries", "How many writes the target had not answered at a time, and how often something was tried again");
  }
  std::string out = plots.empty() ? "" : "<div class=\"plots\">" + plots + "</div>\n";
  out += LatencyTable(report) + PhaseTable(report) + Details("the plots as a table", TimeTable(report));
  return Section("time", "Over time", out);
}

std::string PlotData(const RunReport& report) {
  Json json = {{"time", TimePlots(report)}, {"norms", Json::array()}, {"plane", Json::array()}};
  if (report.sample) {
    for (const auto& column : report.sample->columns) {
      json["norms"].push_back(NormPlot(column));
      json["plane"].push_back(PlanePlot(column));
    }
  }
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace vecferry::html
