#include <ostream>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "cli/actions.h"
#include "cli/failure.h"
#include "cli/report_text.h"
#include "cli/text_out.h"
#include "cli/version.h"
#include "journal/runs.h"

namespace vecferry::cli {
namespace {

/// One thing that was looked at.
struct Finding {
  enum class Level { ok, note, warning, failure };
  Level level = Level::ok;
  std::string subject, text;
  int exit_code = 0;  ///< of a failure
};

const char* Name(Finding::Level level) {
  switch (level) {
    case Finding::Level::ok: return "ok";
    case Finding::Level::note: return "note";
    case Finding::Level::warning: return "warning";
    case Finding::Level::failure: return "FAILURE";
  }
  return "?";
}

using Findings = std::vector<Finding>;
using Level = Finding::Level;

void AddFailure(const Status& status, const std::string& subject, Findings* findings) {
  const std::string next = FactsOf(status).next_step;
  findings->push_back({Level::failure, subject, status.message() + (next.empty() ? "" : "; next: " + next), ExitCodeOf(status)});
}

/// Creates the folder: a run would do the same.
void LookAtState(Findings* findings) {
  const auto state = StateDir();
  if (!state.ok()) return AddFailure(state.status(), "state folder", findings);
  Status usable = MakePrivateDirs(*state);
  const fs::path probe = *state / fmt::format(".doctor-{}", ::getpid());
  if (usable.ok()) usable = WriteFileAtomic(probe, "x");
  std::error_code ec;
  fs::remove(probe, ec);
  if (!usable.ok()) return AddFailure(usable, "state folder", findings);
  findings->push_back({Level::ok, "state folder", state->string() + " can be written"});
  if (const auto free = FreeSpace(*state); free.ok()) {
    const bool low = *free < (256u << 20);
    findings->push_back({low ? Level::warning : Level::ok, "free space", FormatBytes(static_cast<double>(*free)) + " for journals, snapshots and rejects"});
  }
}

void LookAtRuns(Findings* findings) {
  const auto store = RunStore::Default();
  const auto runs = store.ok() ? store->List() : Result<std::vector<std::pair<RunFolder, RunHeader>>>(store.status());
  if (!runs.ok()) return AddFailure(runs.status(), "runs", findings);
  int64_t unfinished = 0, damaged = 0;
  for (const auto& [folder, header] : *runs) {
    damaged += header.state == "damaged" ? 1 : 0;
    unfinished += header.state != "finished" && header.state != "rolled-back" && header.state != "damaged" ? 1 : 0;
  }
  findings->push_back({unfinished ? Level::note : Level::ok, "runs", fmt::format("{}, {} unfinished", Counted(static_cast<int64_t>(runs->size()), "run"), FormatCount(unfinished))});
  if (damaged) findings->push_back({Level::warning, "runs", Counted(damaged, "journal") + " cannot be read: `vecferry runs` lists them"});
}

/// A variable that no flag answers to was most likely meant for one.
void LookAtEnvironment(const Context& context, Findings* findings) {
  std::vector<std::string> known;
  for (const auto& command : Commands()) {
    for (const auto* group : command.groups) {
      for (const auto& flag : group->flags) known.push_back(VariableOf(flag));
    }
  }
  for (const auto& [name, value] : context.environment) {
    if (!name.starts_with("VECFERRY_") || name == "VECFERRY_FAILPOINT" || name == "VECFERRY_BIN") continue;
    if (std::find(known.begin(), known.end(), name) != known.end()) continue;
    findings->push_back({Level::warning, "environment", "no flag answers to " + Printable(name, 100) + Suggestion(name, known)});
  }
}

void LookAtDataset(Connector& connector, const Location& location, const OpenContext& open, Findings* findings) {
  const std::string subject = location.Display();
  if (location.dataset.empty()) {
    const auto datasets = connector.List(location, open);
    if (!datasets.ok()) return AddFailure(datasets.status(), subject, findings);
    findings->push_back({Level::ok, subject, "reachable, " + Counted(static_cast<int64_t>(datasets->size()), "dataset")});
    if (datasets->size() != 1) return;
  }
  Location dataset = location;
  auto source = connector.OpenSource(dataset, open);
  if (!source.ok() && IsCategory(source.status(), Category::not_found) && connector.info().capabilities.sink) {
    findings->push_back({Level::note, subject, "does not exist yet; a copy would create it"});
    return;
  }
  if (!source.ok()) return AddFailure(source.status(), subject, findings);
  const auto info = (*source)->Describe();
  if (!info.ok()) return AddFailure(info.status(), subject, findings);
  findings->push_back({Level::ok, subject, fmt::format("{} records, vectors: {}", info->count < 0 ? "?" : FormatCount(info->count), DescribeVectors(info->schema))});
  if (info->bytes >= 0) findings->push_back({Level::ok, subject, FormatBytes(static_cast<double>(info->bytes)) + " on disk"});
}

void LookAtStore(const std::string& text, const Context& context, const Layout* layout, Findings* findings) {
  const auto location = context.registry.Resolve(text);
  if (!location.ok()) return AddFailure(location.status(), "address", findings);
  const std::string subject = location->Display();
  if (location->had_secret) findings->push_back({Level::warning, subject, "a credential stands in the address: give it by the environment or a file"});
  const auto connector = context.registry.Find(location->scheme);
  if (!connector.ok()) return AddFailure(connector.status(), subject, findings);
  OpenContext open;
  open.cancel = &context.cancel;
  const auto own = context.registry.FindLayout((*connector)->info().default_layout);
  open.layout = own.ok() ? *own : layout;
  LookAtDataset(**connector, *location, open, findings);
  const std::string holders = HoldersOf(ExpandHome(location->path));
  if (!holders.empty()) findings->push_back({Level::note, subject, "open in another process: " + holders});
  for (const auto& note : (*connector)->Diagnose(*location, open)) {
    findings->push_back({note.warning ? Level::warning : Level::note, subject, note.message + (note.count >= 0 ? fmt::format(" ({})", FormatCount(note.count)) : "")});
  }
}

int64_t BytesOf(const fs::path& path) {
  std::error_code ec;
  if (fs::is_regular_file(path, ec)) return static_cast<int64_t>(fs::file_size(path, ec));
  return -1;
}

/// With a source and a target: whether the target's disk has twice the source's size.
void LookAtSpace(const std::vector<std::string>& uris, const Context& context, Findings* findings) {
  if (uris.size() != 2) return;
  const auto source = context.registry.Resolve(uris[0]), target = context.registry.Resolve(uris[1]);
  if (!source.ok() || !target.ok()) return;
  const int64_t bytes = BytesOf(ExpandHome(source->path));
  const auto free = FreeSpace(ExpandHome(target->path));
  if (bytes < 0 || !free.ok() || target->path.starts_with("//")) return;
  const bool enough = *free >= 2 * static_cast<uint64_t>(bytes);
  findings->push_back({enough ? Level::ok : Level::warning, "disk",
                       fmt::format("{} free for {}, the source has {}; twice the source's size is {}", FormatBytes(static_cast<double>(*free)), target->Display(),
                                   FormatBytes(static_cast<double>(bytes)), enough ? "there" : "advised")});
}

Result<int> Show(const Invocation& invocation, Context& context, const Findings& findings) {
  int code = exit_code::kOk;
  for (const auto& finding : findings) {
    if (finding.level == Level::failure && code == exit_code::kOk) code = finding.exit_code;
  }
  if (invocation.Bool("json")) {
    nlohmann::ordered_json body;
    for (const auto& [name, version] : Versions()) body["versions"][name] = version;
    body["findings"] = nlohmann::ordered_json::array();
    for (const auto& f : findings) body["findings"].push_back({{"level", ToLower(Name(f.level))}, {"subject", f.subject}, {"text", f.text}});
    ARROW_ASSIGN_OR_RAISE(const std::string object, ResultObject("doctor", code, body.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace)));
    context.out << object << '\n';
    return code;
  }
  PrintFacts(context.out, Versions());
  TextTable table;
  for (const auto& f : findings) table.Add({Name(f.level), f.subject, f.text});
  table.Print(context.out, "  ");
  return code;
}

}  // namespace

Result<int> RunDoctor(const Invocation& invocation, Context& context) {
  Findings findings;
  LookAtState(&findings);
  LookAtRuns(&findings);
  LookAtEnvironment(context, &findings);
  const auto layout = context.registry.FindLayout("default");
  for (const auto& uri : invocation.arguments) LookAtStore(uri, context, layout.ok() ? *layout : nullptr, &findings);
  LookAtSpace(invocation.arguments, context, &findings);
  return Show(invocation, context, findings);
}

}  // namespace vecferry::cli
