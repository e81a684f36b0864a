#include "migration/delta.h"

#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "pipeline/batch_writer.h"

namespace vecferry {
namespace {

constexpr size_t kPage = 500;

using Json = nlohmann::ordered_json;

/// The counts of a report under their names in JSON.
constexpr std::pair<const char*, int64_t DeltaReport::*> kCounts[] = {
    {"unchanged", &DeltaReport::unchanged}, {"new", &DeltaReport::added},         {"changed", &DeltaReport::changed},     {"lost", &DeltaReport::lost},
    {"corrupt", &DeltaReport::corrupt},     {"conflicts", &DeltaReport::conflicts}, {"gone", &DeltaReport::gone},           {"extra", &DeltaReport::extra},
    {"unrelated", &DeltaReport::unrelated}, {"to_write", &DeltaReport::to_write}, {"to_delete", &DeltaReport::to_delete}, {"deleted", &DeltaReport::deleted},
    {"kept", &DeltaReport::kept},           {"unreadable", &DeltaReport::unreadable}};

class Decider {
 public:
  Decider(const DeltaOptions& options, const KnownRun& known) : options_(options), known_(known) {
    delta_.report.mode = options.mode;
    delta_.report.base_run = known.found ? known.id : "";
  }

  Delta Run(VerifyOutcome outcome) {
    DeltaReport& report = delta_.report;
    Shield(outcome);
    for (auto& record : outcome.records) {
      if (!record.in_source) OfTarget(record);
      else if (!record.in_target) Missing(record);
      else Differing(record);
    }
    report.unchanged = std::max<int64_t>(0, outcome.report.source_count - report.added - report.lost - report.changed - report.corrupt - both_);
    report.to_write = static_cast<int64_t>(delta_.write.size());
    report.to_delete = static_cast<int64_t>(delta_.remove.size());
    report.kept = static_cast<int64_t>(delta_.kept.size());
    report.listed = std::move(outcome.report.differences);
    return std::move(delta_);
  }

 private:
  /// What cannot be read is still there: those whose ids are known are left in the target, others keep everything from being taken out.
  void Shield(const VerifyOutcome& outcome) {
    int64_t told = 0;
    for (const auto& reject : outcome.source_rejects) {
      if (reject.id.empty()) continue;
      ++told;
      shielded_.insert(RecordHasher::Key(reject.tenant.empty() ? std::nullopt : std::optional<std::string_view>(reject.tenant), reject.id).low);
    }
    delta_.report.unreadable = outcome.report.source_rejects - told;
  }

  /// The source alone has it.
  void Missing(FoundRecord& record) {
    const bool written = record.kind == DifferenceClass::lost && known_.found;
    ++(written || options_.mode == DeltaMode::repair ? delta_.report.lost : delta_.report.added);
    delta_.write.push_back(std::move(record));
  }

  void Differing(FoundRecord& record) {
    const bool conflict = record.kind == DifferenceClass::changed_at_target && !record.doubtful;
    if (conflict) return Conflict(record);
    const bool known_change = record.kind != DifferenceClass::corrupt || (options_.mode == DeltaMode::sync && !known_.found);
    ++(known_change ? delta_.report.changed : delta_.report.corrupt);
    delta_.write.push_back(std::move(record));
  }

  void Conflict(FoundRecord& record) {
    ++delta_.report.conflicts;
    ++both_;
    if (options_.overwrite_changed) delta_.write.push_back(std::move(record));
    else delta_.kept.push_back(record.key);
  }

  /// The target alone has it.
  void OfTarget(FoundRecord& record) {
    if (shielded_.contains(record.key)) return;
    if (record.kind == DifferenceClass::unrelated) {
      ++delta_.report.unrelated;
      return;
    }
    if (record.doubtful && !options_.overwrite_changed) {
      ++delta_.report.conflicts;
      delta_.kept.push_back(record.key);
      return;
    }
    ++(record.kind == DifferenceClass::extra ? delta_.report.extra : delta_.report.gone);
    if (options_.remove && delta_.report.unreadable == 0) delta_.remove.push_back({record.key, std::move(record.tenant), std::move(record.id)});
  }

  const DeltaOptions& options_;
  const KnownRun& known_;
  Delta delta_;
  std::set<uint64_t> shielded_;
  int64_t both_ = 0;   ///< conflicts that the source has too
};

}  // namespace

std::string_view Name(DeltaMode mode) {
  switch (mode) {
    case DeltaMode::none: return "none";
    case DeltaMode::sync: return "sync";
    case DeltaMode::repair: return "repair";
  }
  return "?";
}

Delta Decide(const DeltaOptions& options, const KnownRun& known, VerifyOutcome outcome) { return Decider(options, known).Run(std::move(outcome)); }

Status FindTouched(Lookup& target, const KnownRun& known, VectorChange change, bool has_tenant, std::vector<FoundRecord>* records) {
  std::map<uint64_t, FoundRecord*> asked;
  RecordHasher hasher(WordScope(change));
  const auto ask = [&]() -> Status {
    std::vector<std::string_view> tenants, ids;
    for (const auto& [key, record] : asked) {
      if (has_tenant) tenants.push_back(record->tenant);
      ids.push_back(record->id);
    }
    ARROW_ASSIGN_OR_RAISE(const RecordView found, target.Get(tenants, ids));
    for (int64_t row = 0; row < found.rows(); ++row) {
      ARROW_ASSIGN_OR_RAISE(const RecordHash hash, hasher.Hash(found, row));
      const auto at = asked.find(hash.key.low);
      if (at != asked.end()) at->second->doubtful = known.written.at(hash.key.low) != RecordWord(hash);
    }
    asked.clear();
    return Status::OK();
  };
  for (auto& record : *records) {
    if (record.in_source || !known.written.contains(record.key)) continue;
    asked.emplace(record.key, &record);
    if (asked.size() >= kPage) ARROW_RETURN_NOT_OK(ask());
  }
  return asked.empty() ? Status::OK() : ask();
}

Status CheckMaxDelete(const DeltaOptions& options, int64_t remove, int64_t target_count) {
  if (remove == 0) return Status::OK();
  const bool by_count = options.max_delete >= 0;
  const bool within = by_count ? remove <= options.max_delete : static_cast<double>(remove) <= options.max_delete_share * static_cast<double>(target_count);
  if (within) return Status::OK();
  const std::string allowed = by_count ? FormatCount(options.max_delete) : fmt::format("{:g}%", options.max_delete_share * 100);
  return MakeError(Category::refused, fmt::format("{} of the target's {} records would be deleted, and --max-delete allows {}", FormatCount(remove), FormatCount(target_count), allowed),
                   fmt::format("look at them with --dry-run; --max-delete {} deletes them", remove));
}

std::vector<std::string> PartsOf(const std::vector<RemovedRecord>& removed) {
  std::vector<std::string> parts;
  for (size_t at = 0; at < removed.size(); at += kPage) {
    Json part = Json::array();
    for (size_t i = at; i < std::min(removed.size(), at + kPage); ++i) part.push_back(Json::array({fmt::format("{:016x}", removed[i].key), removed[i].tenant, removed[i].id}));
    parts.push_back(part.dump(-1, ' ', false, Json::error_handler_t::replace));
  }
  return parts;
}

std::string Told(const DeltaReport& report) {
  std::string text;
  for (const auto& [what, count] : {std::pair<const char*, int64_t>{"new", report.added}, {"changed", report.changed}, {"lost", report.lost}, {"corrupt", report.corrupt},
                                    {"changed at the target", report.conflicts}, {"gone from the source", report.gone}, {"never in the source", report.extra},
                                    {"of others", report.unrelated}}) {
    if (count > 0) text += fmt::format("{}{} {}", text.empty() ? "" : ", ", FormatCount(count), what);
  }
  return text.empty() ? "no record differs" : text;
}

std::string DeltaToJson(const DeltaReport& report) {
  Json json = {{"mode", Name(report.mode)}, {"base_run", report.base_run}};
  for (const auto& [name, member] : kCounts) json[name] = report.*member;
  json["rewritten"] = report.rewritten;
  json["listed"] = Json::array();
  for (const auto& d : report.listed) {
    json["listed"].push_back({{"class", Name(d.kind)}, {"id", d.id}, {"tenant", d.tenant}, {"field", d.field}, {"source", d.source_value}, {"target", d.target_value}});
  }
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Result<DeltaReport> DeltaFromJson(std::string_view text) {
  const auto json = Json::parse(text, nullptr, false);
  if (!json.is_object()) return MakeError(Category::corrupt, "the journal's comparison cannot be read", "start anew with --restart");
  DeltaReport report;
  report.mode = json.value("mode", "") == Name(DeltaMode::repair) ? DeltaMode::repair : DeltaMode::sync;
  report.base_run = json.value("base_run", "");
  for (const auto& [name, member] : kCounts) report.*member = json.value(name, int64_t{0});
  report.rewritten = json.value("rewritten", false);
  for (const auto& d : json.value("listed", Json::array())) {
    DifferenceClass kind = DifferenceClass::corrupt;
    for (const auto each : {DifferenceClass::lost, DifferenceClass::changed_at_target, DifferenceClass::changed_at_source, DifferenceClass::unrelated, DifferenceClass::extra}) {
      if (Name(each) == d.value("class", "")) kind = each;
    }
    report.listed.push_back({kind, d.value("id", ""), d.value("tenant", ""), d.value("field", ""), d.value("source", ""), d.value("target", "")});
  }
  return report;
}

}  // namespace vecferry
