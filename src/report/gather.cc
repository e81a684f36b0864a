// What a report says, out of the journal of a run and of what the verbs return.
#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "connector/fidelity.h"
#include "migration/report_json.h"
#include "report/report.h"

namespace vecferry {
namespace {

using Json = nlohmann::ordered_json;

constexpr size_t kExamples = 5;
constexpr int64_t kMismatchExamples = 100;

Facts FlagsOf(const Json& json) {
  Facts facts;
  for (const auto& [flag, value] : json.items()) facts.emplace_back(flag, value.is_string() ? value.get<std::string>() : value.dump());
  return facts;
}

std::string Text(const Json& json, const char* key) {
  const auto found = json.find(key);
  return found != json.end() && found->is_string() ? found->get<std::string>() : "";
}

int64_t Whole(const Json& json, const char* key, int64_t otherwise) {
  const auto found = json.find(key);
  return found != json.end() && found->is_number_integer() ? found->get<int64_t>() : otherwise;
}

bool Flag(const Json& json, const char* key) {
  const auto found = json.find(key);
  return found != json.end() && found->is_boolean() && found->get<bool>();
}

const Json& List(const Json& json, const char* key) {
  static const Json none = Json::array();
  const auto found = json.find(key);
  return found != json.end() && found->is_array() ? *found : none;
}

Status AddCounts(Journal& journal, RunReport* report) {
  ARROW_ASSIGN_OR_RAISE(const auto splits, journal.splits());
  report->moved = true;
  report->written = report->skipped = report->rejected = report->batches = report->bytes = 0;
  for (const auto& split : splits) {
    report->written += split.written;
    report->skipped += split.skipped;
    report->rejected += split.rejected;
    report->batches += split.batches;
    report->bytes += split.bytes;
  }
  return Status::OK();
}

Status AddRejects(Journal& journal, RunReport* report) {
  std::map<std::string, RejectReason> reasons;
  int64_t all = 0;
  ARROW_RETURN_NOT_OK(journal.EachReject([&](const JournalReject& reject) -> Status {
    RejectReason& reason = reasons[reject.code];
    reason.code = reject.code;
    ++reason.count, ++all;
    if (reason.examples.size() < kExamples) reason.examples.emplace_back(reject.tenant.empty() ? reject.id : reject.tenant + " / " + reject.id, reject.message);
    return Status::OK();
  }));
  report->rejected = all;
  report->rejects.clear();
  for (auto& [code, reason] : reasons) report->rejects.push_back(std::move(reason));
  std::stable_sort(report->rejects.begin(), report->rejects.end(), [](const auto& a, const auto& b) { return a.count > b.count; });
  return Status::OK();
}

Status AddActivities(Journal& journal, RunReport* report) {
  ARROW_ASSIGN_OR_RAISE(const auto bodies, journal.activities());
  for (const auto& body : bodies) {
    if (auto activity = Activity::FromJson(body); activity.ok()) report->activity.push_back(std::move(*activity));
  }
  return Status::OK();
}

/// The summary in the journal has the numbers of a run that is finished.
Status AddSummary(const std::string& summary, RunReport* report) {
  CopyReport copy;
  ARROW_RETURN_NOT_OK(FillFromSummary(summary, &copy));
  report->mismatches = copy.mismatches;
  report->reconciled = copy.reconciled;
  report->peak_memory = copy.peak_memory;
  if (copy.verify) report->verify = std::move(copy.verify);
  if (!copy.rejects_file.empty()) report->files.emplace_back("rejects", copy.rejects_file.string());
  return Status::OK();
}

void AddNext(std::string what, std::string command, RunReport* report) {
  const auto& next = report->next;
  const bool there = std::any_of(next.begin(), next.end(), [&](const auto& each) { return each.second == command; });
  if (!there && !command.empty()) report->next.emplace_back(std::move(what), std::move(command));
}

}  // namespace

std::map<std::string, int64_t> RunReport::errors() const {
  std::map<std::string, int64_t> sums;
  for (const auto& each : activity) {
    for (const auto& [category, count] : each.errors) sums[category] += count;
  }
  return sums;
}

void AddPlan(const std::string& text, RunReport* report) {
  const Json plan = Json::parse(text, nullptr, false);
  if (!plan.is_object()) return;
  const std::pair<const char*, const char*> labels[] = {{"id_mapping", "ids"}, {"layout", "layout of the target"}, {"on_exists", "where the target holds records"}};
  for (const auto& [key, label] : labels) {
    if (std::string value = Text(plan, key); !value.empty()) report->mapping.emplace_back(label, std::move(value));
  }
  report->mapping.emplace_back("target before the copy", Flag(plan, "target_exists") ? FormatCount(Whole(plan, "target_count", 0)) + " records" : "did not exist");
  if (const auto transforms = plan.find("transforms"); transforms != plan.end() && transforms->is_object() && transforms->contains("flags")) {
    report->transforms = FlagsOf((*transforms)["flags"]);
  }
  for (const auto& issue : List(plan, "issues")) {
    report->issues.push_back({Text(issue, "code"), Text(issue, "message"), Whole(issue, "count", -1), Flag(issue, "estimate"), Flag(issue, "blocking"), Text(issue, "way")});
  }
  const auto info = plan.find("source_info");
  if (info == plan.end() || !info->is_object()) return;
  report->mapping.emplace_back("the source while it is read", Text(*info, "consistency"));
  for (const auto& note : List(*info, "notes")) report->notes.push_back({Text(note, "code"), Text(note, "message"), Whole(note, "count", -1), Flag(note, "warning")});
  if (info->contains("schema")) {
    if (auto schema = RecordSchema::FromJson((*info)["schema"].dump()); schema.ok()) report->schema = std::move(*schema);
  }
}

Status AddJournal(const fs::path& file, RunReport* report) {
  ARROW_ASSIGN_OR_RAISE(const auto journal, Journal::Inspect(file));
  ARROW_ASSIGN_OR_RAISE(const RunHeader header, journal->header());
  report->run_id = header.id;
  if (report->command.empty()) report->command = header.command;
  report->source = header.source;
  report->target = header.target;
  report->state = header.state;
  report->exit_code = std::max(0, header.exit_code);
  report->started = header.started;
  report->ended = header.finished > 0 ? header.finished : header.updated;
  report->total = header.total;
  AddPlan(header.plan, report);
  ARROW_RETURN_NOT_OK(AddCounts(*journal, report));
  ARROW_RETURN_NOT_OK(AddRejects(*journal, report));
  ARROW_ASSIGN_OR_RAISE(report->phases, journal->phases());
  ARROW_ASSIGN_OR_RAISE(report->mismatch_examples, journal->mismatches(kMismatchExamples));
  ARROW_ASSIGN_OR_RAISE(report->mismatches, journal->mismatch_count());
  ARROW_RETURN_NOT_OK(AddActivities(*journal, report));
  report->files.emplace_back("journal", file.string());
  if (header.state == "finished") ARROW_RETURN_NOT_OK(AddSummary(header.summary, report));
  // The command as it was typed first is the one that resumes, whatever this process was called with.
  if (header.state == "interrupted" || header.state == "failed") AddNext("go on where it stopped", header.command, report);
  if (header.state != "rolled-back") AddNext("take it back", fmt::format("vecferry rollback {} --yes", header.id), report);
  AddNext("look at it", fmt::format("vecferry status {}", header.id), report);
  return Status::OK();
}

void AddCopy(const CopyReport& copy, RunReport* report) {
  report->state = copy.state;
  report->exit_code = copy.exit_code;
  if (copy.total >= 0) report->total = copy.total;
  report->mismatches = copy.mismatches;
  report->reconciled = copy.reconciled;
  report->peak_memory = std::max(report->peak_memory, copy.peak_memory);
  if (copy.verify) report->verify = copy.verify;
  report->switch_over = copy.switch_over;
  report->switch_back = copy.switch_back;
  for (const auto& command : copy.next) {
    const bool retries = command.find("--retry-rejects") != std::string::npos, anew = command.find("--restart") != std::string::npos;
    const bool back = command.starts_with("vecferry rollback ");
    AddNext(retries ? "try the rejected records again" : anew ? "copy anew" : back ? "take it back" : "compare again", command, report);
  }
}

void AddFidelity(const Registry& registry, const Location& target, RunReport* report) {
  const auto connector = registry.Find(target.scheme);
  if (!report->schema || !connector.ok()) return;
  Location plain = target;
  plain.options.erase("layout");
  const auto can = (*connector)->CapabilitiesOf(plain);
  if (!can.ok()) return;
  for (const auto& fate : FidelityOf(DataOf(*report->schema), *can).fates) report->fates.push_back({fate.data, std::string(Name(fate.fidelity)), fate.reason});
}

void AddFailure(const Status& failure, RunReport* report) {
  const ErrorFacts facts = FactsOf(failure);
  report->failure = ReportFailure{std::string(CategoryName(facts.category)), facts.side == Side::none ? "" : std::string(SideName(facts.side)), facts.store,
                                  facts.dataset, failure.message(), facts.next_step};
  report->exit_code = ExitCodeOf(failure);
  report->state = facts.category == Category::cancelled ? "interrupted" : "failed";
}

void Complete(RunReport* report) {
  for (const auto& activity : report->activity) {
    report->peak_memory = std::max(report->peak_memory, activity.peak_memory);
    report->retried += activity.retries;
    if (report->started == 0 || activity.started < report->started) report->started = activity.started;
    report->ended = std::max(report->ended, activity.started + activity.seconds);
  }
}

}  // namespace vecferry
