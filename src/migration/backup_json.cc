#include <nlohmann/json.hpp>

#include "base/clock.h"
#include "migration/backup.h"
#include "migration/report_json.h"

namespace vecferry {
namespace {

using Json = nlohmann::ordered_json;

Json Object(const char* type) { return Json{{"vecferry", type}, {"version", kJsonVersion}}; }

std::string Text(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

Json CountOrNull(int64_t count) { return count < 0 ? Json() : Json(count); }

/// Without schema and settings, which the manifest itself tells.
void Add(const BackupManifest& m, Json* json) {
  json->update({{"kind", Name(m.kind)}, {"created", FormatUtc(m.created, true)}, {"source", m.source}, {"store", m.store}, {"dataset", m.dataset},
                {"records", CountOrNull(m.records)}, {"rejected", m.rejected}, {"digest", m.digest.empty() ? Json() : Json(m.digest)},
                {"sha256", m.file.sha256}});
}

Json ToObject(const BackupEntry& entry) {
  Json json = {{"file", entry.file.string()}, {"state", Name(entry.state)}, {"detail", entry.detail}, {"bytes", CountOrNull(entry.bytes)}};
  if (entry.manifest) Add(*entry.manifest, &json);
  return json;
}

Json ToObject(const std::vector<BackupEntry>& entries) {
  Json list = Json::array();
  for (const auto& entry : entries) list.push_back(ToObject(entry));
  return list;
}

Json CopyOrNull(const std::optional<CopyReport>& copy) { return copy ? Json::parse(copy->ToJson()) : Json(); }

}  // namespace

std::string BackupReport::ToJson() const {
  Json json = Object("backup");
  json.update({{"source", source}, {"file", file.string()}, {"manifest", manifest_file.string()}});
  if (manifest) {
    Add(*manifest, &json);
    json["bytes"] = manifest->file.bytes;
  }
  json["seconds"] = seconds;
  json["checked"] = manifest.has_value();
  json["copy"] = CopyOrNull(copy);
  return Text(json);
}

std::string RestoreReport::ToJson() const {
  Json json = Object("restore");
  json.update({{"file", file.string()}, {"target", target}, {"state", state}});
  Add(manifest, &json);
  json["bytes"] = manifest.file.bytes;
  json["problems"] = problems;
  json["seconds"] = seconds;
  json["copy"] = CopyOrNull(copy);
  return Text(json);
}

std::string BackupVerifyReport::ToJson() const {
  Json json = Object("backup verify");
  json["ok"] = ok;
  json["backups"] = Json::array();
  for (const auto& check : backups) {
    Json one = ToObject(check.entry);
    one["problems"] = check.problems;
    one["read"] = CountOrNull(check.records);
    json["backups"].push_back(std::move(one));
  }
  json["unfinished"] = ToObject(unfinished);
  json["seconds"] = seconds;
  return Text(json);
}

std::string BackupList::ToJson() const {
  Json json = Object("backup list");
  json["dir"] = dir.string();
  json["backups"] = ToObject(backups);
  return Text(json);
}

std::string PruneReport::ToJson() const {
  Json json = Object("backup prune");
  json.update({{"deleted", deleted}, {"backups", ToObject(backups)}, {"bytes", bytes}, {"kept", kept}});
  return Text(json);
}

}  // namespace vecferry
