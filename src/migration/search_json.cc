#include <nlohmann/json.hpp>

#include "migration/report_json.h"
#include "migration/search_report.h"

namespace vecferry {
namespace {

using Json = nlohmann::ordered_json;

Json KnownOrNull(double share) { return share < 0 ? Json() : Json(share); }

Json ToObject(const Latencies& l) {
  return {{"count", l.count}, {"mean", l.mean}, {"p50", l.p50}, {"p90", l.p90}, {"p95", l.p95}, {"p99", l.p99}, {"max", l.max}};
}

Json ToObject(const SearchSide& side) {
  return {{"how", side.how}, {"metric", Name(side.metric)}, {"higher_is_nearer", side.higher_is_nearer}, {"answered", side.answered}, {"disordered", side.disordered},
          {"recall", KnownOrNull(side.recall)}, {"index_recall", KnownOrNull(side.index_recall)}, {"latency", ToObject(side.latency)}};
}

Json ToObject(const SearchColumn& c) {
  Json json = {{"column", c.column}, {"ok", c.ok}, {"queries", c.queries}, {"top_overlap", c.top_overlap}, {"least_top_overlap", c.least_top_overlap},
               {"overlap", c.overlap}, {"rank_agreement", c.rank_agreement}, {"source", ToObject(c.source)}, {"target", ToObject(c.target)}};
  json["findings"] = Json::array();
  for (const auto& f : c.findings) json["findings"].push_back({{"code", f.code}, {"message", f.message}, {"failure", f.failure}});
  json["worst"] = Json::array();
  for (const auto& w : c.worst) {
    json["worst"].push_back({{"query", w.query}, {"tenant", w.tenant}, {"overlap", w.overlap}, {"missing", w.missing}, {"unexpected", w.unexpected}});
  }
  return json;
}

std::string Text(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

}  // namespace

std::string LatencyJson(const Latencies& latency) { return Text(ToObject(latency)); }

std::string SearchJson(const SearchReport& report) {
  Json json = {{"ok", report.ok}, {"k", report.k}, {"top", report.top}, {"min_overlap", report.min_overlap}, {"min_recall", report.min_recall},
               {"queries", report.queries}, {"seconds", report.seconds}, {"not_searched", report.not_searched}};
  json["columns"] = Json::array();
  for (const auto& column : report.columns) json["columns"].push_back(ToObject(column));
  return Text(json);
}

}  // namespace vecferry
