#include <algorithm>
#include <chrono>
#include <functional>
#include <set>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "connector/fit.h"
#include "migration/open.h"
#include "migration/other_ways.h"
#include "migration/planner.h"
#include "migration/transforms.h"

namespace vecferry {
namespace {

constexpr int64_t kSampleRecords = 2000;

std::string Spelled(const VectorSpec& vector) {
  if (vector.kind == VectorKind::sparse) return "sparse";
  return fmt::format("{}{} x {} {}", vector.kind == VectorKind::multi ? "multi, " : "", vector.dims, Name(vector.element), Name(vector.metric));
}

class Planner {
 public:
  Planner(const Engine& engine, OpenedSource& source, OpenedTarget& target, const CopyOptions& options)
      : engine_(engine), source_(source), target_(target), options_(options), fit_(target.can) {}

  Result<Plan> Make() {
    plan_.source = source_.info;
    plan_.target = target_.info;
    plan_.source_uri = source_.location.Display();
    plan_.target_uri = target_.location.Display();
    plan_.target_store = target_.connector->info().scheme;
    plan_.target_dataset = target_.location.dataset;
    plan_.layout = target_.layout->name;
    plan_.on_exists = options_.on_exists;
    ARROW_RETURN_NOT_OK(ApplyMetric());
    ways_.emplace(*target_.connector, target_.location, plan_.source.schema);
    NoteBothSides();
    CheckSchema();
    CheckTarget();
    ARROW_RETURN_NOT_OK(Foresee());
    ARROW_RETURN_NOT_OK(AtSource(AddSplits()));
    ARROW_RETURN_NOT_OK(AtSource(ReadSample()));
    Estimate();
    return std::move(plan_);
  }

 private:
  void Add(std::string code, std::string message, bool blocking = false, int64_t count = -1, bool estimate = false, std::string way = {}) {
    plan_.issues.push_back({std::move(code), std::move(message), count, estimate, blocking, std::move(way)});
  }

  Status AtSource(const Status& status) const { return At(status, Side::source, source_.location.scheme, source_.location.Display()); }

  Status ApplyMetric() {
    for (auto& vector : plan_.source.schema.vectors) {
      if (vector.kind == VectorKind::sparse || vector.metric != Metric::unknown) continue;
      if (!options_.metric.empty()) {
        ARROW_ASSIGN_OR_RAISE(vector.metric, ParseMetric(options_.metric));
      } else if (!target_.can.unknown_metric) {
        Add("metric-unknown", fmt::format("the source does not know the metric of {}, and it is not guessed: say --metric cosine, dot, l2 or l1",
                                          vector.column()), true);
      }
    }
    const bool known = std::any_of(plan_.source.schema.vectors.begin(), plan_.source.schema.vectors.end(), [](const auto& v) { return !v.model.empty(); });
    if (target_.layout->bookkeeping && !target_.info.exists && options_.model.empty() && !known) {
      Add("model-unknown", "the application keeps the name of the embedding model beside its records: it is written as unknown unless --model NAME says it");
    }
    if (!options_.model.empty()) {
      for (auto& vector : plan_.source.schema.vectors) vector.model = options_.model;
    }
    return Status::OK();
  }

  void NoteBothSides() {
    for (const auto* notes : {&plan_.source.notes, &plan_.target.notes}) {
      for (const auto& note : *notes) Add(note.code, note.message, false, note.count);
    }
    if (plan_.source.consistency == Consistency::live) {
      Add("live-source", "the source is read while others may write to it: the run ends with a pass that repairs what changed meanwhile");
    }
  }

  void CheckSchema() {
    RecordSchema schema = plan_.source.schema;
    for (const Note& misfit : SchemaMisfits(target_.can, schema)) {
      const bool known = misfit.code == "metric" && std::any_of(plan_.issues.begin(), plan_.issues.end(), [](const auto& i) { return i.code == "metric-unknown"; });
      if (!known) Add(misfit.code, misfit.message, true, misfit.count, false, ways_->Found());
    }
    if (!plan_.target.exists || options_.on_exists == OnExists::replace) return;
    for (const auto& vector : schema.vectors) {
      const VectorSpec* there = plan_.target.schema.FindVector(vector.name);
      if (!there) {
        Add("vector-missing-in-target", fmt::format("the target has no {}", vector.column()), true);
      } else if (there->kind != vector.kind || (there->dims != vector.dims && there->dims != 0) || there->element != vector.element ||
                 (vector.kind != VectorKind::sparse && there->metric != vector.metric && there->metric != Metric::unknown)) {
        Add("vector-differs-in-target", fmt::format("{} is {} in the source and {} in the target", vector.column(), Spelled(vector), Spelled(*there)), true);
      }
    }
  }

  void CheckTarget() {
    const TargetInfo& target = plan_.target;
    if (plan_.source.identity == target.identity && !target.identity.empty()) Add("same-dataset", "source and target are the same dataset", true);
    if (options_.on_exists == OnExists::replace && target.exists) return CheckReplace();
    if (!target.exists || target.count == 0 || options_.adopt) return;
    if (options_.on_exists == OnExists::fail) {
      Add("target-not-empty", fmt::format("the target holds {} records already: say --on-exists append, upsert or replace", FormatCount(target.count)), true);
    } else if (!target_.can.appends) {
      Add("cannot-append", fmt::format("{} cannot be written into once it holds records", plan_.target_store), true);
    } else if (options_.on_exists == OnExists::append && !target_.can.lookup) {
      Add("cannot-append", fmt::format("{} cannot tell which records it holds already", plan_.target_store), true);
    }
  }

  /// What the target would be made as, now that it is known what it is to take.
  Status Foresee() {
    SinkSpec spec;
    spec.schema = plan_.source.schema;
    spec.layout = target_.layout;
    spec.on_exists = options_.on_exists;
    spec.settings = plan_.source.settings;
    spec.index = options_.index != IndexMode::none;
    if (plan_.source.count_exact) spec.expected_records = plan_.source.count;
    for (const Note& note : target_.sink->Foresee(spec)) Add(note.code, note.message, false, note.count);
    // A schema that does not fit has been told of already.
    if (std::any_of(plan_.issues.begin(), plan_.issues.end(), [](const auto& issue) { return issue.blocking; })) return Status::OK();
    auto judge = target_.sink->JudgeOf(spec);
    if (IsCategory(judge.status(), Category::refused) || IsCategory(judge.status(), Category::unsupported)) {
      const std::string next = FactsOf(judge.status()).next_step;
      Add("does-not-fit", fmt::format("the target cannot take it: {}{}", judge.status().message(), next.empty() ? "" : "; " + next), true);
      return Status::OK();
    }
    return std::move(judge).Value(&judge_);
  }

  /// What stands in the way of rows that the capabilities say nothing of; `told` are those of which they do.
  Status LookCloser(const RecordView& view, const std::set<int64_t>& told) {
    if (!judge_) return Status::OK();
    ARROW_ASSIGN_OR_RAISE(const auto rejects, judge_(view));
    for (const RowReject& reject : rejects) {
      if (told.contains(reject.row)) continue;
      if (reject.code == "missing-vector") {
        ++rejects_[{reject.code, reject.message}];
        continue;
      }
      auto& [count, message] = judged_[reject.code];
      if (++count == 1) message = reject.message;
    }
    return Status::OK();
  }

  void CheckReplace() {
    const ReplaceMode mode = plan_.target.replace.value_or(target_.can.replace);
    if (mode == ReplaceMode::none) {
      Add("cannot-replace", fmt::format("{} cannot replace a dataset", plan_.target_store), true);
    } else if (mode == ReplaceMode::window && !options_.yes) {
      Add("replace-needs-yes", "replacing is not atomic here: for a moment the name is gone, the old data is kept until then; say --yes", true);
    }
  }

  Status AddSplits() {
    const int wanted = options_.limit >= 0 ? 1 : std::max(1, options_.jobs);
    ARROW_ASSIGN_OR_RAISE(const auto splits, source_.source->Splits(wanted));
    for (const auto& split : splits) {
      SplitProgress progress;
      progress.payload = split.payload;
      progress.label = split.label;
      plan_.splits.push_back(std::move(progress));
    }
    return Status::OK();
  }

  Status ReadSample() {
    const auto began = engine_.clock.Now();
    int64_t seen = 0;
    bool all = true;
    for (const auto& split : plan_.splits) {
      ReadOptions read;
      ARROW_ASSIGN_OR_RAISE(auto reader, source_.source->Read({split.payload, split.label, -1, -1}, "", read));
      while (options_.scan_full || Examined(seen) < kSampleRecords) {
        ARROW_RETURN_NOT_OK(engine_.cancel.Check());
        ARROW_ASSIGN_OR_RAISE(auto batch, reader->Next());
        if (!batch) break;
        ARROW_ASSIGN_OR_RAISE(const int64_t rows, Look(*batch));
        seen += rows;
      }
      all = all && (options_.scan_full || Examined(seen) < kSampleRecords);
    }
    plan_.sampled = Examined(seen);
    const double seconds = std::chrono::duration<double>(engine_.clock.Now() - began).count();
    if (plan_.sampled > 0 && source_.read_count > 0) {
      plan_.estimated_seconds = 4 * seconds * static_cast<double>(source_.read_count) / static_cast<double>(plan_.sampled);
    }
    if (source_.transformed) AddTransforms(seen, all);
    AddFindings(!all);
    return Status::OK();
  }

  /// Records of the source that were looked at, to find those that were seen.
  int64_t Examined(int64_t seen) const { return source_.transformed ? std::max<int64_t>(source_.transformed->counts().read, seen) : seen; }

  /// What the transforms did, and how many records they leave of all.
  void AddTransforms(int64_t seen, bool all) {
    TransformCounts& counts = source_.transformed->counts();
    const TransformSpec& spec = source_.transformed->transforms().spec;
    plan_.transforms = {spec.Entries(), counts.read, counts.kept, counts.dropped, counts.rejected};
    if (spec.selects() && all) {
      plan_.source.count = seen;
      plan_.source.count_exact = true;
    } else if (spec.selects() && source_.read_count >= 0 && plan_.sampled > 0) {
      plan_.source.count = static_cast<int64_t>(static_cast<double>(source_.read_count) * static_cast<double>(seen) / static_cast<double>(plan_.sampled));
    }
    if (counts.read == 0) return;
    if (counts.kept == 0) Add("nothing-kept", "of the records that were looked at the filters keep none", false, 0, !all);
    for (const auto& [field, use] : counts.fields) {
      if (use.asked > 0 && use.found == 0) {
        Add("filter-field-unknown", fmt::format("no record that was looked at has {}, which --filter names; text stands in single quotes", Printable(field, 200)));
      }
    }
    for (size_t i = 0; i < counts.rule_hits.size() && i < spec.maps.size(); ++i) {
      if (counts.rule_hits[i] == 0 && counts.kept + counts.rejected > 0) {
        Add("map-field-unknown", fmt::format("--map '{}' finds its field in no record that was looked at", Printable(spec.maps[i], 200)));
      }
    }
  }

  /// Counts what stands in the way of single records. Returns how many there were.
  Result<int64_t> Look(const SourceBatch& batch) {
    const RecordView& view = batch.records;
    std::set<int64_t> told;
    for (int64_t row = 0; row < view.rows(); ++row) {
      const auto reject = fit_.Check(view, row);
      if (!reject) continue;
      told.insert(row);
      const bool missing = reject->code == "missing-vector";
      ++(missing ? rejects_ : misfits_)[{reject->code, reject->message}];
      if (!missing) ways_->Refused(view, row);
    }
    ARROW_RETURN_NOT_OK(LookCloser(view, told));
    for (const auto& reject : batch.rejects) ++rejects_[{reject.code, reject.message}];
    rounded_ += static_cast<int64_t>(batch.rounded.size());
    sample_bytes_ += view.bytes();
    return view.rows() + static_cast<int64_t>(batch.rejects.size());
  }

  void AddFindings(bool estimate) {
    const bool blocking = options_.unsupported != "reject";
    for (const auto& [what, count] : misfits_) Add(what.first, fmt::format("the target cannot hold it: {}", what.second), blocking, count, estimate, ways_->Found());
    for (const auto& [code, found] : judged_) Add(code, fmt::format("the target would refuse it: {}", found.second), blocking, found.first, estimate);
    std::map<std::string, std::pair<int64_t, std::string>> by_code;
    for (const auto& [what, count] : rejects_) {
      by_code[what.first].first += count;
      by_code[what.first].second = what.second;
    }
    for (const auto& [code, found] : by_code) Add("reject-" + code, fmt::format("would be rejected: {}", found.second), false, found.first, estimate);
    if (rounded_ > 0) Add("rounded", "vectors are stored with more precision than their declared type; they are read as the store itself serves them", false, rounded_, estimate);
  }

  void Estimate() {
    if (plan_.sampled > 0 && plan_.source.count >= 0) {
      plan_.estimated_bytes = static_cast<int64_t>(static_cast<double>(sample_bytes_) / static_cast<double>(plan_.sampled) *
                                                   static_cast<double>(plan_.source.count) * target_.can.expansion);
    }
    if (target_.location.path.empty() || target_.location.path.starts_with("//")) return;
    const auto free = FreeSpace(target_.location.path);
    if (free.ok()) plan_.free_bytes = static_cast<int64_t>(*free);
    if (plan_.free_bytes >= 0 && plan_.estimated_bytes > plan_.free_bytes) {
      Add("disk-space", fmt::format("the target needs about {}, and {} are free there", FormatBytes(static_cast<double>(plan_.estimated_bytes)),
                                    FormatBytes(static_cast<double>(plan_.free_bytes))));
    }
  }

  const Engine& engine_;
  OpenedSource& source_;
  OpenedTarget& target_;
  const CopyOptions& options_;
  RowFit fit_;
  RowJudge judge_;
  std::optional<OtherWays> ways_;
  Plan plan_;
  std::map<std::pair<std::string, std::string>, int64_t> misfits_, rejects_;
  std::map<std::string, std::pair<int64_t, std::string>> judged_;  ///< by code: how many, and what was said of the first
  int64_t rounded_ = 0, sample_bytes_ = 0;
};

}  // namespace

Result<Plan> PlanCopy(const Engine& engine, OpenedSource& source, OpenedTarget& target, const CopyOptions& options) {
  return Planner(engine, source, target, options).Make();
}

Result<Plan> MakePlan(const Engine& engine, const Location& source, const Location& target, const CopyOptions& options) {
  ARROW_ASSIGN_OR_RAISE(auto from, OpenSourceSide(engine, source, {.missing_vector = options.missing_vector, .peek = true}));
  ARROW_ASSIGN_OR_RAISE(auto to, OpenTargetSide(engine, target, from.info.layout));
  ARROW_RETURN_NOT_OK(At(TransformNow(engine, &from, options.transforms), Side::source, source.scheme, source.Display()));
  return PlanCopy(engine, from, to, options);
}

Status Plan::Check() const {
  for (const auto& issue : issues) {
    if (!issue.blocking) continue;
    const std::string count = issue.count >= 0 ? fmt::format(" ({}{} {})", issue.estimate ? "at least " : "", FormatCount(issue.count), issue.count == 1 ? "record" : "records") : "";
    const std::string way = issue.way.empty() ? "" : fmt::format("say {} at the target, which would hold it; ", issue.way);
    return MakeError(Category::refused, fmt::format("{}: {}{}", issue.code, issue.message, count),
                     fmt::format("{}`vecferry plan` lists everything that stands in the way{}", way, issue.count >= 0 ? "; --unsupported reject leaves these records out" : ""));
  }
  return Status::OK();
}

namespace {

constexpr const char *kSyncKey = "--sync", *kRepairKey = "verify --repair";

/// Without credentials and the way to the store: they may change, and are nobody's to read in a journal.
std::map<std::string, std::string> OptionsOfData(const Connector& connector, std::map<std::string, std::string> options) {
  for (const auto& spec : connector.info().options) {
    if (spec.secret || spec.reaching) options.erase(spec.name);
  }
  std::erase_if(options, [](const auto& option) { return IsSecretName(option.first); });
  return options;
}

}  // namespace

std::string Fingerprint(const OpenedSource& source, const OpenedTarget& target, const CopyOptions& options) {
  nlohmann::ordered_json json;
  json["source"] = source.info.identity;
  json["source options"] = OptionsOfData(*source.connector, source.location.options);
  json["source schema"] = nlohmann::ordered_json::parse(source.info.schema.ToJson());
  json["target"] = target.info.identity;
  json["target options"] = OptionsOfData(*target.connector, target.location.options);
  json["layout"] = target.layout->name;
  json["--on-exists"] = static_cast<int>(options.on_exists);
  json["--limit"] = options.limit;
  json["--missing-vector"] = options.missing_vector;
  json["--unsupported"] = options.unsupported;
  json["--metric"] = options.metric;
  json["--model"] = options.model;
  for (const auto& [flag, value] : options.transforms.Entries()) json[flag] = nlohmann::ordered_json::parse(value, nullptr, false);
  if (options.delta.mode != DeltaMode::none) {
    json[options.delta.mode == DeltaMode::sync ? kSyncKey : kRepairKey] = true;
    json["--delete"] = options.delta.remove;
    json["--overwrite-changed"] = options.delta.overwrite_changed;
  }
  return json.dump();
}

bool IsDelta(std::string_view fingerprint) {
  const auto json = nlohmann::json::parse(fingerprint, nullptr, false);
  return json.is_object() && (json.contains(kSyncKey) || json.contains(kRepairKey));
}

namespace {

/// "KEY was A and is B" for every key that `about` is true of and that is not the same in both.
Result<std::string> Changes(std::string_view before, std::string_view now, const std::function<bool(const std::string&)>& about) {
  const auto a = nlohmann::json::parse(before, nullptr, false), b = nlohmann::json::parse(now, nullptr, false);
  if (!a.is_object() || !b.is_object()) return MakeError(Category::corrupt, "the journal's fingerprint cannot be read", "start anew with --restart");
  std::set<std::string> keys;
  for (const auto* side : {&a, &b}) {
    for (const auto& [key, value] : side->items()) keys.insert(key);
  }
  const auto told = [](const nlohmann::json& side, const std::string& key) { return side.contains(key) ? Printable(side[key].dump(), 200) : "(none)"; };
  std::string changed;
  for (const auto& key : keys) {
    const bool same = a.contains(key) && b.contains(key) && a[key] == b[key];
    if (!same && about(key)) changed += fmt::format("{}{} was {} and is {}", changed.empty() ? "" : "; ", key, told(a, key), told(b, key));
  }
  return changed;
}

constexpr const char* kOtherCopy = "run it as it was begun, or start anew with --restart";

}  // namespace

Status CheckFingerprint(std::string_view before, std::string_view now) {
  ARROW_ASSIGN_OR_RAISE(const std::string changed, Changes(before, now, [](const std::string&) { return true; }));
  if (changed.empty()) return Status::OK();
  return MakeError(Category::refused, fmt::format("this run cannot be resumed, since it would not be the same copy: {}", changed), kOtherCopy);
}

Status CheckTransforms(std::string_view before, std::string_view now) {
  static const std::set<std::string> kFlags = {"--filter", "--include", "--exclude", "--ids", "--sample", "--map", "--reduce", "--normalise"};
  ARROW_ASSIGN_OR_RAISE(const std::string changed, Changes(before, now, [](const std::string& key) { return kFlags.contains(key); }));
  if (changed.empty()) return Status::OK();
  return MakeError(Category::refused, fmt::format("this copy is finished, and it was another one: {}", changed), kOtherCopy);
}

}  // namespace vecferry
