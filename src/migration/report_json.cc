#include "migration/report_json.h"

#include <nlohmann/json.hpp>

#include "base/text.h"
#include "migration/delta.h"
#include "migration/session.h"

namespace vecferry {
namespace {

using Json = nlohmann::ordered_json;

Json Object(const char* type) { return Json{{"vecferry", type}, {"version", kJsonVersion}}; }

Json ToObject(const Difference& d) {
  return {{"class", Name(d.kind)}, {"id", d.id}, {"tenant", d.tenant}, {"field", d.field}, {"source", d.source_value}, {"target", d.target_value}};
}

Json ToObject(const std::vector<Difference>& differences) {
  Json list = Json::array();
  for (const auto& d : differences) list.push_back(ToObject(d));
  return list;
}

Json ToObject(const DatasetInfo& info) {
  Json json = {{"store", info.store}, {"dataset", info.dataset}, {"identity", info.identity}, {"count", info.count},
               {"count_exact", info.count_exact}, {"bytes", info.bytes}, {"consistency", Name(info.consistency)}, {"layout", info.layout},
               {"schema", Json::parse(info.schema.ToJson())}, {"facts", info.facts}};
  json["notes"] = Json::array();
  for (const auto& note : info.notes) json["notes"].push_back({{"code", note.code}, {"message", note.message}, {"count", note.count}, {"warning", note.warning}});
  return json;
}

Json Flags(const std::vector<std::pair<std::string, std::string>>& entries) {
  Json json = Json::object();
  for (const auto& [flag, value] : entries) json[flag] = Json::parse(value, nullptr, false);
  return json;
}

Json ToObject(const VerifyReport& r) {
  Json json = {{"level", Name(r.level)}, {"ok", r.ok}, {"source_count", r.source_count}, {"target_count", r.target_count},
               {"source_rejects", r.source_rejects}, {"target_rejects", r.target_rejects}, {"source_duplicates", r.source_duplicates},
               {"target_duplicates", r.target_duplicates}, {"sampled", r.sampled}, {"mean_cosine", r.mean_cosine}, {"least_cosine", r.least_cosine},
               {"source_digest", r.source_digest}, {"target_digest", r.target_digest}, {"seconds", r.seconds}};
  json["transforms"] = Flags(r.transforms);
  json["transforms_of"] = r.transforms_of;
  json["checks"] = Json::array();
  for (const auto& check : r.checks) json["checks"].push_back({{"name", check.name}, {"ok", check.ok}, {"detail", check.detail}});
  json["counts"] = Json::object();
  for (const auto& [kind, count] : r.counts) json["counts"][std::string(Name(kind))] = count;
  json["differences"] = ToObject(r.differences);
  json["search"] = r.search ? Json::parse(SearchJson(*r.search)) : Json();
  return json;
}

Json ToObject(const Plan& plan) {
  Json json = {{"source", plan.source_uri}, {"target", plan.target_uri}, {"source_info", ToObject(plan.source)}, {"target_store", plan.target_store},
               {"target_exists", plan.target.exists}, {"target_count", plan.target.count}, {"layout", plan.layout},
               {"on_exists", Name(plan.on_exists)}, {"id_mapping", plan.id_mapping}, {"sampled", plan.sampled},
               {"estimated_seconds", plan.estimated_seconds}, {"estimated_bytes", plan.estimated_bytes}, {"free_bytes", plan.free_bytes}};
  json["transforms"] = {{"flags", Flags(plan.transforms.entries)}, {"read", plan.transforms.read}, {"kept", plan.transforms.kept},
                        {"dropped", plan.transforms.dropped}, {"rejected", plan.transforms.rejected}};
  json["splits"] = Json::array();
  for (const auto& split : plan.splits) json["splits"].push_back({{"label", split.label}, {"payload", split.payload}});
  json["issues"] = Json::array();
  for (const auto& i : plan.issues) {
    json["issues"].push_back({{"code", i.code}, {"message", i.message}, {"count", i.count}, {"estimate", i.estimate}, {"blocking", i.blocking}});
    if (!i.way.empty()) json["issues"].back()["way"] = i.way;
  }
  return json;
}

std::string Text(const Json& json) { return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace); }

Json Settings(const std::vector<std::pair<std::string, std::string>>& settings) {
  Json json = Json::object();
  for (const auto& [name, value] : settings) json[name] = value;
  return json;
}

Json ToObject(const DeltaReport& d) { return Json::parse(DeltaToJson(d)); }

}  // namespace

std::string Plan::ToJson() const {
  Json json = Object("plan");
  json.update(ToObject(*this));
  return Text(json);
}

std::string VerifyReport::ToJson() const {
  Json json = Object("verify");
  json.update(ToObject(*this));
  return Text(json);
}

std::string CopyReport::ToJson() const {
  Json json = Object("copy");
  json.update({{"run", run_id}, {"state", state}, {"exit_code", exit_code}, {"total", total}, {"written", transfer.written},
               {"skipped", transfer.skipped}, {"rejected", transfer.rejected}, {"retried", transfer.retried}, {"batches", transfer.batches},
               {"bytes", transfer.bytes}, {"session_records", transfer.session_records}, {"mismatches", mismatches}, {"reconciled", reconciled}});
  json["seconds"] = {{"snapshot", snapshot_seconds}, {"compare", compare_seconds}, {"transfer", transfer_seconds}, {"delete", delete_seconds}, {"finish", finish_seconds}, {"verify", verify_seconds}, {"all", seconds}};
  json["digest"] = transfer.digest.Fingerprint();
  json["peak_memory"] = peak_memory;
  json["journal"] = journal.string();
  json["rejects_file"] = rejects_file.string();
  json["verify"] = verify ? ToObject(*verify) : Json();
  json["sync"] = delta ? ToObject(*delta) : Json();
  if (state == "dry-run") json["plan"] = ToObject(plan);
  json["switch_over"] = Settings(switch_over);
  json["switch_back"] = Settings(switch_back);
  json["next"] = next;
  return Text(json);
}

std::string RepairToJson(const CopyReport& report) {
  Json json = Object("verify");
  if (report.verify) json.update(ToObject(*report.verify));
  Json repair = {{"run", report.run_id}, {"state", report.state}, {"written", report.transfer.written}, {"rejected", report.transfer.rejected},
                 {"journal", report.journal.string()}, {"next", report.next}};
  if (report.delta) repair.update(ToObject(*report.delta));
  json["repair"] = std::move(repair);
  return Text(json);
}

std::string RollbackReport::ToJson() const {
  Json json = Object("rollback");
  json.update({{"run", run_id}, {"dropped", dropped}, {"deleted", deleted}, {"restored", restored}, {"conflicts", conflicts}});
  json["listed"] = ToObject(listed);
  return Text(json);
}

namespace {

Json ToObject(const Tally& tally) { return {{"count", tally.count}, {"exact", tally.exact}}; }

Json ToObject(const FieldInventory& field, int64_t records) {
  const auto null = field.types.find("null");
  return {{"types", field.types}, {"records", field.records}, {"coverage", records > 0 ? static_cast<double>(field.records) / static_cast<double>(records) : 0},
          {"nulls", null == field.types.end() ? 0 : null->second}, {"distinct", ToObject(field.distinct)}, {"least", field.least}, {"greatest", field.greatest},
          {"first_time", field.first_time}, {"last_time", field.last_time}, {"longest", field.longest}};
}

Json ToObject(const VectorInventory& v) {
  Json json = {{"kind", Name(v.spec.kind)}, {"element", Name(v.spec.element)}, {"dims", v.spec.dims}, {"metric", Name(v.spec.metric)}, {"present", v.present},
               {"missing", v.missing}, {"bytes", v.bytes}, {"equal", ToObject(v.equal)}};
  if (v.spec.kind == VectorKind::dense) {
    json.update({{"norms", {{"least", v.least_norm}, {"mean", v.mean_norm}, {"greatest", v.greatest_norm}, {"of", v.normed}}}, {"unit", v.unit}, {"zero", v.zero}, {"non_finite", v.non_finite}});
  } else {
    json["entries"] = {{"least", v.least_entries}, {"greatest", v.greatest_entries}, {"all", v.entries}};
  }
  return json;
}

/// The norms of the first dense vector.
Json NormsOf(const Inventory& inventory) {
  for (const auto& v : inventory.vectors) {
    if (v.spec.kind == VectorKind::dense) return {{"least", v.least_norm}, {"mean", v.mean_norm}, {"greatest", v.greatest_norm}};
  }
  return {{"least", 0}, {"mean", 0}, {"greatest", 0}};
}

/// What was counted of the records.
Json CountsOf(const Inventory& inventory) {
  Json json = {{"fields", Json::object()}, {"missing_vectors", Json::object()}, {"norms", NormsOf(inventory)}, {"metadata", Json::object()}, {"fields_left_out", inventory.fields_left_out},
               {"vectors", Json::object()}, {"ids", {{"kinds", inventory.id_kinds}, {"longest", inventory.longest_id}}},
               {"documents", {{"present", inventory.documents}, {"empty", inventory.empty_documents}, {"longest", inventory.longest_document}}}};
  for (const auto& [name, field] : inventory.fields) {
    json["fields"][name] = field.types;
    json["metadata"][name] = ToObject(field, inventory.records);
  }
  Json equal = {{"ids", ToObject(inventory.equal_ids)}, {"documents", ToObject(inventory.equal_documents)}, {"vectors", Json::object()}};
  for (const auto& vector : inventory.vectors) {
    json["vectors"][vector.spec.column()] = ToObject(vector);
    if (vector.missing > 0) json["missing_vectors"][vector.spec.column()] = vector.missing;
    equal["vectors"][vector.spec.column()] = ToObject(vector.equal);
  }
  json["duplicates"] = std::move(equal);
  json["tenants"] = {{"distinct", ToObject(inventory.tenants)}, {"largest", Json::array()}};
  for (const auto& [name, count] : inventory.largest_tenants) json["tenants"]["largest"].push_back({{"tenant", name}, {"records", count}});
  const auto size = [&](int64_t bytes) { return Json{{"read", bytes}, {"whole", inventory.Whole(bytes)}}; };
  json["sizes"] = {{"ids", size(inventory.id_bytes)}, {"documents", size(inventory.document_bytes)}, {"metadata", size(inventory.metadata_bytes)}, {"vectors", size(inventory.vector_bytes())}};
  return json;
}

}  // namespace

std::string Inventory::ToJson() const {
  Json json = Object("inspect");
  json.update(ToObject(info));
  json.update({{"read", records}, {"rejects", rejects}, {"complete", complete}});
  json.update(CountsOf(*this));
  json["samples"] = Json::array();
  for (const auto& sample : samples) json["samples"].push_back(Json::parse(sample, nullptr, false));
  return Text(json);
}

namespace {

std::optional<DifferenceClass> ClassNamed(std::string_view name) {
  for (const auto kind : {DifferenceClass::lost, DifferenceClass::corrupt, DifferenceClass::changed_at_target, DifferenceClass::changed_at_source, DifferenceClass::unrelated, DifferenceClass::extra}) {
    if (Name(kind) == name) return kind;
  }
  return std::nullopt;
}

/// What a summary says of a verification; the neighbours that a search found are not kept in it for this.
Result<VerifyReport> VerifyFrom(const Json& v) {
  VerifyReport verify;
  ARROW_ASSIGN_OR_RAISE(verify.level, ParseVerifyLevel(v.value("level", "content")));
  verify.ok = v.value("ok", false);
  verify.source_count = v.value("source_count", int64_t{0});
  verify.target_count = v.value("target_count", int64_t{0});
  verify.source_digest = v.value("source_digest", "");
  verify.target_digest = v.value("target_digest", "");
  verify.sampled = v.value("sampled", int64_t{0});
  verify.mean_cosine = v.value("mean_cosine", 1.0);
  verify.least_cosine = v.value("least_cosine", 1.0);
  verify.seconds = v.value("seconds", 0.0);
  for (const auto& check : v.value("checks", Json::array())) {
    verify.checks.push_back({check.value("name", ""), check.value("ok", false), check.value("detail", "")});
  }
  const Json counts = v.value("counts", Json::object());
  for (const auto& [name, count] : counts.items()) {
    if (const auto kind = ClassNamed(name); kind && count.is_number_integer()) verify.counts[*kind] = count.get<int64_t>();
  }
  for (const auto& d : v.value("differences", Json::array())) {
    const auto kind = ClassNamed(d.value("class", ""));
    if (kind) verify.differences.push_back({*kind, d.value("id", ""), d.value("tenant", ""), d.value("field", ""), d.value("source", ""), d.value("target", "")});
  }
  return verify;
}

}  // namespace

Status FillFromSummary(std::string_view summary, CopyReport* report) {
  const auto json = Json::parse(summary, nullptr, false);
  if (!json.is_object()) return Status::OK();
  report->transfer.written = json.value("written", int64_t{0});
  report->transfer.skipped = json.value("skipped", int64_t{0});
  report->transfer.rejected = json.value("rejected", int64_t{0});
  report->transfer.batches = json.value("batches", int64_t{0});
  report->transfer.bytes = json.value("bytes", int64_t{0});
  report->mismatches = json.value("mismatches", int64_t{0});
  report->rejects_file = json.value("rejects_file", "");
  report->peak_memory = json.value("peak_memory", uint64_t{0});
  const auto seconds = json.value("seconds", Json::object());
  report->snapshot_seconds = seconds.value("snapshot", 0.0);
  report->transfer_seconds = seconds.value("transfer", 0.0);
  report->verify_seconds = seconds.value("verify", 0.0);
  report->seconds = seconds.value("all", 0.0);
  report->reconciled = json.value("reconciled", int64_t{0});
  if (!json.contains("verify") || !json["verify"].is_object()) return Status::OK();
  ARROW_ASSIGN_OR_RAISE(report->verify, VerifyFrom(json["verify"]));
  return Status::OK();
}

}  // namespace vecferry
