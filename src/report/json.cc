#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/clock.h"
#include "migration/report_json.h"
#include "report/report.h"

namespace vecferry {
namespace {

using Json = nlohmann::ordered_json;

Json TimeOrNull(double epoch) { return epoch > 0 ? Json(FormatUtc(epoch, true)) : Json(); }

Json ToObject(const Facts& facts) {
  Json json = Json::object();
  for (const auto& [name, value] : facts) json[name] = value;
  return json;
}

Json ToObject(const LatencyHistogram& h) {
  return {{"count", h.count()}, {"mean", h.mean()}, {"p50", h.Quantile(0.5)}, {"p90", h.Quantile(0.9)}, {"p95", h.Quantile(0.95)}, {"p99", h.Quantile(0.99)}, {"slowest", h.slowest()}};
}

Json ToObject(const Activity& a) {
  Json json = {{"version", a.version}, {"started", TimeOrNull(a.started)}, {"seconds", a.seconds}, {"outcome", a.outcome}, {"records", a.records}, {"bytes", a.bytes},
               {"retries", a.retries}, {"peak_memory", a.peak_memory}, {"errors", a.errors}, {"rejects", a.rejects}, {"warnings", a.warnings}, {"more_warnings", a.more_warnings},
               {"reads", ToObject(a.reads)}, {"writes", ToObject(a.writes)}, {"width_seconds", a.width}};
  json["phases"] = Json::array();
  for (const auto& p : a.phases) json["phases"].push_back({{"name", p.name}, {"begin", p.begin}, {"end", p.end}, {"finished", p.finished}});
  Json over = {{"records", Json::array()}, {"bytes", Json::array()}, {"checked", Json::array()}, {"rejects", Json::array()}, {"retries", Json::array()},
               {"reads", Json::array()}, {"writes", Json::array()}, {"read_seconds", Json::array()}, {"write_seconds", Json::array()},
               {"slowest_read", Json::array()}, {"slowest_write", Json::array()}, {"in_flight", Json::array()}};
  for (const auto& b : a.buckets) {
    const std::pair<const char*, Json> values[] = {{"records", b.records}, {"bytes", b.bytes}, {"checked", b.checked}, {"rejects", b.rejects}, {"retries", b.retries}, {"reads", b.reads},
                                                   {"writes", b.writes}, {"read_seconds", b.read_seconds}, {"write_seconds", b.write_seconds}, {"slowest_read", b.slowest_read},
                                                   {"slowest_write", b.slowest_write}, {"in_flight", b.in_flight}};
    for (const auto& [name, value] : values) over[name].push_back(value);
  }
  json["over_time"] = std::move(over);
  return json;
}

Json ToObject(const SampledColumn& c) {
  Json json = {{"column", c.column}, {"source_dims", c.source.dims}, {"target_dims", c.target.dims}, {"source_element", Name(c.source.element)}, {"target_element", Name(c.target.element)},
               {"compared", c.compared}, {"mean_cosine", c.mean_cosine}, {"least_cosine", c.least_cosine}, {"source_norms", c.source_norms}, {"target_norms", c.target_norms},
               {"explained", c.explained}};
  json["points"] = Json::array();
  for (const auto& p : c.points) {
    Json point = {{"id", p.id}, {"source", {p.source_x, p.source_y}}, {"target", Json()}};
    if (p.in_target) point["target"] = {p.target_x, p.target_y};
    json["points"].push_back(std::move(point));
  }
  return json;
}

/// An object that the text is, else the text.
Json RecordOf(const std::string& text) {
  if (text.empty()) return Json();
  int deepest = 0;
  const auto shallow = [&](int depth, nlohmann::ordered_json::parse_event_t, nlohmann::ordered_json&) { return (deepest = std::max(deepest, depth)) < 100; };
  Json json = Json::parse(text, shallow, false);
  return json.is_discarded() || deepest >= 100 ? Json(text) : json;
}

Json ToObject(const ReportSample& s) {
  Json json = {{"records", s.records}, {"found", s.found}, {"note", s.note}, {"shown", Json::array()}, {"columns", Json::array()}};
  for (const auto& r : s.shown) {
    json["shown"].push_back({{"tenant", r.tenant}, {"id", r.id}, {"found", r.found}, {"source", RecordOf(r.source)}, {"target", RecordOf(r.target)},
                             {"source_vectors", r.source_vectors}, {"target_vectors", r.target_vectors}});
  }
  for (const auto& column : s.columns) json["columns"].push_back(ToObject(column));
  return json;
}

Json Rejects(const RunReport& r) {
  Json json = Json::array();
  for (const auto& reason : r.rejects) {
    Json examples = Json::array();
    for (const auto& [id, message] : reason.examples) examples.push_back({{"id", id}, {"message", message}});
    json.push_back({{"code", reason.code}, {"count", reason.count}, {"examples", std::move(examples)}});
  }
  return json;
}

/// Null for one whose names are no text: they are the source's.
Json SchemaOf(const RecordSchema& schema) {
  try {
    return Json::parse(schema.ToJson());
  } catch (const nlohmann::json::exception&) {
    return {};
  }
}

Json PlanOf(const RunReport& r) {
  Json json = {{"mapping", ToObject(r.mapping)}, {"transforms", ToObject(r.transforms)}, {"issues", Json::array()}, {"notes", Json::array()}};
  for (const auto& i : r.issues) json["issues"].push_back({{"code", i.code}, {"message", i.message}, {"count", i.count}, {"estimate", i.estimate}, {"way", i.way}});
  for (const auto& n : r.notes) json["notes"].push_back({{"code", n.code}, {"message", n.message}, {"count", n.count}, {"warning", n.warning}});
  json["not_exact"] = Json::array();
  for (const auto& f : r.fates) json["not_exact"].push_back({{"data", f.data}, {"how", f.how}, {"why", f.why}});
  json["schema"] = r.schema ? SchemaOf(*r.schema) : Json();
  return json;
}

Json Failure(const ReportFailure& f) {
  return {{"category", f.category}, {"side", f.side}, {"store", f.store}, {"dataset", f.dataset}, {"message", f.message}, {"next_step", f.next_step}};
}

}  // namespace

std::string ReportJson(const RunReport& r) {
  Json json = {{"vecferry", "report"}, {"version", kJsonVersion}, {"exit_code", r.exit_code}, {"of", r.verb}, {"state", r.state}, {"run", r.run_id}, {"command", r.command},
               {"source", r.source}, {"target", r.target}, {"started", TimeOrNull(r.started)}, {"ended", TimeOrNull(r.ended)}};
  json["failure"] = r.failure ? Failure(*r.failure) : Json();
  if (r.moved) {
    json["counts"] = {{"total", r.total < 0 ? Json() : Json(r.total)}, {"written", r.written}, {"skipped", r.skipped}, {"rejected", r.rejected}, {"retried", r.retried},
                      {"batches", r.batches}, {"bytes", r.bytes}, {"mismatches", r.mismatches}, {"reconciled", r.reconciled}};
  }
  json["peak_memory"] = r.peak_memory;
  json["plan"] = PlanOf(r);
  json["rejects"] = Rejects(r);
  json["errors"] = r.errors();
  json["phases"] = Json::array();
  for (const auto& p : r.phases) json["phases"].push_back({{"name", p.name}, {"started", TimeOrNull(p.started)}, {"finished", TimeOrNull(p.finished)}});
  json["processes"] = Json::array();
  for (const auto& activity : r.activity) json["processes"].push_back(ToObject(activity));
  json["verify"] = r.verify ? Json::parse(r.verify->ToJson(), nullptr, false) : Json();
  json["sample"] = r.sample ? ToObject(*r.sample) : Json();
  json["no_sample"] = r.no_sample;
  json["files"] = ToObject(r.files);
  json["versions"] = ToObject(r.versions);
  json["switch_over"] = ToObject(r.switch_over);
  json["switch_back"] = ToObject(r.switch_back);
  json["next"] = Json::array();
  for (const auto& [what, command] : r.next) json["next"].push_back({{"what", what}, {"command", command}});
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace vecferry
