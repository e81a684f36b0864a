#include <algorithm>

#include <fmt/format.h>

#include "base/text.h"
#include "cli/actions.h"
#include "cli/flags.h"

namespace vecferry::cli {
namespace {

const ArgumentSpec kSource{"SOURCE", "the dataset to read: SCHEME:LOCATION#DATASET, or a path that is recognised", true, true, false, "source"};
const ArgumentSpec kTarget{"TARGET", "the dataset to write", true, true, false, "target"};

std::vector<CommandSpec> MigrationCommands() {
  const std::string pair = "mcp-memory:notes.db 'qdrant-local:./qdrant#memories'";
  return {
      {"copy", "Copy a dataset into another store, and prove it",
       "Plans, copies and verifies. The same command again resumes a copy that was interrupted, at whatever instruction, and "
       "copies nothing once it is finished. The source is opened read-only. A target that holds records is refused unless "
       "--on-exists says what to do with them. With --sync a target that was copied before is brought in line: what is new or changed since is written, and nothing else.",
       {kSource, kTarget},
       {&kWhatFlags, &kSelectFlags, &kMapFlags, &kSyncFlags, &kCheckFlags, &kCompareFlags, &kQueryFlags, &kSearchFlags, &kRunFlags, &kLimitFlags, &kSpeedFlags, &kDryRunFlags, &kLocationFlags,
        &kConfigFlags, &kYesFlags, &kProgressFlags, &kReportFlags, &kOutputFlags},
       {"vecferry copy " + pair, "vecferry copy --config job.yaml", "vecferry copy " + pair + " --dry-run", "vecferry copy " + pair + " --filter \"year >= 2020\" --map title=name --map drop:tmp", "vecferry copy " + pair + " --max-rejects 1% --report copy.html --report copy.xml",
         "vecferry copy " + pair + " --sync", "vecferry copy " + pair + " --sync --delete --max-delete 100 --dry-run"},
       &RunCopy},
      {"plan", "Say what a copy would do",
       "Reads both sides and writes neither: mapping of ids, what the target cannot hold and how many records have it, estimates of time "
       "and space. The same as copy --dry-run. Exit code 8 if the copy would be refused.",
       {kSource, kTarget},
       {&kPlanFlags, &kWhatFlags, &kSelectFlags, &kMapFlags, &kSyncFlags, &kSpeedFlags, &kLocationFlags, &kConfigFlags, &kProgressFlags, &kOutputFlags},
       {"vecferry plan " + pair, "vecferry plan --config job.yaml", "vecferry plan " + pair + " --scan full --out plan.json"},
       &RunPlan},
      {"verify", "Compare two datasets",
       "Reads both sides and writes neither. Lists what is missing, what is extra and what differs, with both values. Where the last run of that pair filtered "
       "or mapped the records, so does this, unless flags say otherwise. Exit code 4 if there is a difference. With --repair "
       "the target is written to: records that are lost, corrupt or changed in the source are written again, and both sides are compared once more.",
       {kSource, kTarget},
       {&kLevelFlags, &kRepairFlags, &kCompareFlags, &kQueryFlags, &kSearchFlags, &kMetricFlags, &kSelectFlags, &kMapFlags, &kVerifyLimitFlags, &kLocationFlags, &kConfigFlags, &kYesFlags, &kProgressFlags, &kReportFlags, &kOutputFlags},
       {"vecferry verify " + pair, "vecferry verify " + pair + " --ignore metadata.updated_at --time-tolerance 1ms", "vecferry verify " + pair + " --level content,search --k 10", "vecferry verify " + pair + " --repair"},
       &RunVerify}};
}

std::vector<CommandSpec> LookCommands() {
  const ArgumentSpec store{"URI", "a store or a dataset", true, true, false, "source"};
  return {
      {"stores", "List the kinds of store and what each can do",
       "The table is made from what each kind of store declares. With a scheme, that kind's options as well.",
       {{"SCHEME", "one kind of store", false, false, false}},
       {&kMarkdownFlags, &kOutputFlags},
       {"vecferry stores", "vecferry stores qdrant-local"},
       &RunStores},
      {"inspect", "Show what a store or a dataset holds",
       "Records and ids, vectors with dimensions, element type, metric and norms, metadata fields with types, coverage, distinct values and ranges, what stands there twice or is "
       "missing, tenants, sizes, indexes, and a few records. Reads 10,000 records and says so, or all with --full. Without #DATASET it lists the datasets of the store.",
       {store},
       {&kInspectFlags, &kSelectFlags, &kMapFlags, &kSourceFlags, &kConfigFlags, &kProgressFlags, &kOutputFlags},
       {"vecferry inspect mcp-memory:notes.db --full", "vecferry inspect 'qdrant-local:./qdrant#memories' --id 4f1c..."},
       &RunInspect},
      {"bench", "Measure how fast one store, or two, can be searched",
       "Asks the same queries again and again and tells how many a second were answered and how long they took: median, 90, 95 and 99 in a hundred, and the longest. Of two, one after the "
       "other, also how much faster the second is. What has no search of its own is searched by vecferry, which reads it all for every query. Ctrl-C ends it with what was measured.",
       {store, {"URI2", "another, measured with the same queries", false, true, false, "target"}},
       {&kBenchFlags, &kQueryFlags, &kMetricFlags, &kLocationFlags, &kConfigFlags, &kProgressFlags, &kOutputFlags},
       {"vecferry bench 'qdrant://localhost#docs' --clients 8", "vecferry bench 'postgresql://localhost/db#docs' 'qdrant://localhost#docs' --queries queries.npy --duration 30s"},
       &RunBench}};
}

std::vector<CommandSpec> BackupCommands() {
  const ArgumentSpec dir{"DIR", "the folder that the backups are in, or one above it", true, false, false};
  return {
      {"backup", "Save a dataset with its parameters in a file, and prove it",
       "Every record, the schema and what the store says of the collection go into FILE, compared with what was read: as JSON lines where it ends in .jsonl, as Parquet where it ends in .parquet; a manifest with "
       "check sums and the digest, FILE.manifest.json, comes last. The same command again resumes a backup that was interrupted. Where FILE has another ending "
       "and the source is one SQLite file, SQLite's own online backup is taken instead, of one moment while others may write, and its integrity checked. FILE appears "
       "whole or not at all; one that exists is replaced only with --yes.",
       {{"URI", "the dataset to save", true, true, false, "source"}, {"FILE", "the backup: FILE.jsonl, FILE.parquet, or the copy of a database", true, false, false, "file"}},
       {&kBackupFlags, &kSelectFlags, &kLimitFlags, &kSpeedFlags, &kSourceFlags, &kConfigFlags, &kYesFlags, &kProgressFlags, &kOutputFlags},
       {"vecferry backup 'qdrant-local:./qdrant#memories' memories.jsonl", "vecferry backup 'qdrant-local:./qdrant#memories' memories.parquet", "vecferry backup mcp-memory:notes.db notes.backup.db"},
       &RunBackup},
      {"backup list", "List the backups in a folder",
       "Newest first, also of the folders below: when, of what, how many records, how large. By manifests and sizes alone: `complete` says that the file is there "
       "and as large as it was made, `unfinished` that it has no manifest, `damaged` that file and manifest do not belong together.",
       {dir},
       {&kOutputFlags},
       {"vecferry backup list ./backups"},
       &RunBackupList},
      {"backup verify", "Prove that backups are as they were made",
       "Reads every byte and compares the check sums, then every record and compares the digest; a database is checked by SQLite as well. Exit code 4 if there is a difference.",
       {{"PATH", "one backup, or a folder of them", true, false, false}},
       {&kJobsFlags, &kProgressFlags, &kOutputFlags},
       {"vecferry backup verify memories.jsonl", "vecferry backup verify ./backups"},
       &RunBackupVerify},
      {"backup prune", "Delete old backups",
       "Those in a folder and below it that were made longer ago than --older-than, but never the newest of each source unless --keep-last is 0. What has no readable manifest "
       "is left alone. Needs --yes; without it they are listed, with exit code 8.",
       {dir},
       {&kPruneFlags, &kYesFlags, &kOutputFlags},
       {"vecferry backup prune ./backups --older-than 30", "vecferry backup prune ./backups --older-than 7 --keep-last 3 --yes"},
       &RunBackupPrune},
      {"restore", "Bring a backup back into a store",
       "Compares the check sums before anything is written, then copies the records into the target with the parameters of the dataset they came from, verifies them, and compares their digest "
       "with the manifest's. The same command again resumes. A backup of a database comes back as a file, where there is none. Exit code 4 if the backup is damaged.",
       {{"FILE", "the backup", true, false, false, "file"}, {"URI", "the dataset to write", true, true, false, "target"}},
       {&kRestoreFlags, &kCheckFlags, &kCompareFlags, &kQueryFlags, &kSearchFlags, &kRunFlags, &kLimitFlags, &kSpeedFlags, &kDryRunFlags, &kTargetFlags, &kConfigFlags, &kYesFlags, &kProgressFlags, &kReportFlags,
        &kOutputFlags},
       {"vecferry restore memories.jsonl 'qdrant-local:./qdrant#memories'", "vecferry restore notes.backup.db mcp-memory:notes.db"},
       &RunRestore}};
}

std::vector<CommandSpec> RunCommands() {
  const ArgumentSpec run{"RUN", "id of a run, the beginning of one, or `last`", false, false, false};
  return {
      {"runs", "List the runs of this user", "Newest first: state, when, how many records, from where to where.", {}, {&kOutputFlags}, {"vecferry runs"}, &RunRuns},
      {"status", "Show how far a run is",
       "State, total, done, rejected ids, last id, rate and time left, from the run's journal; also while it is going on.",
       {run},
       {&kReportFileFlags, &kOutputFlags},
       {"vecferry status", "vecferry status last --report run.html", "vecferry status 20260102T030405Z-1a2b3c"},
       &RunStatus},
      {"rollback", "Take back what a run wrote",
       "Drops the dataset if the run created it, else deletes and restores record by record. A record that somebody changed since is "
       "left alone and reported, with exit code 4. Interrupted, the same command does what is left. Needs --yes.",
       {{"RUN", run.help, true, false, false}},
       {&kYesFlags, &kProgressFlags, &kOutputFlags},
       {"vecferry rollback last --yes"},
       &RunRollback},
      {"clean", "Forget finished runs",
       "Removes the folders of finished runs, with their journals, rejects and snapshots. A run that is going on is never removed, an "
       "unfinished one only when named by --run, with --yes. A run that is removed cannot be rolled back any more. Index settings that runs "
       "which were killed left put off in a target are put back, whatever is removed.",
       {},
       {&kCleanFlags, &kYesFlags, &kOutputFlags},
       {"vecferry clean", "vecferry clean --older-than 7", "vecferry clean --run 20260102T030405Z-1a2b3c --yes"},
       &RunClean}};
}

std::vector<CommandSpec> HelperCommands() {
  return {
      {"doctor", "Check this installation, and stores if named",
       "Versions, state folder and free space; for each URI whether it can be reached, who holds it, and what is in the way.",
       {{"URI", "stores to look at", false, true, true}},
       {&kOutputFlags},
       {"vecferry doctor", "vecferry doctor mcp-memory:notes.db 'qdrant-local:./qdrant#memories'"},
       &RunDoctor},
      {"completion", "Print a completion script for a shell",
       "For bash, zsh or fish.",
       {{"SHELL", "bash, zsh or fish", true, false, false}},
       {},
       {"source <(vecferry completion bash)", "vecferry completion fish > ~/.config/fish/completions/vecferry.fish"},
       &RunCompletion},
      {"version", "Print the version", "Of the program and of the libraries it uses.", {}, {&kOutputFlags}, {"vecferry version"}, &RunVersion},
      {"reference", "Write the generated pages of the documentation",
       "Into the folder of a checkout: the parts of README.md and docs/reference/ that are made from the program's tables.",
       {{"DIR", "the checkout", true, false, false}},
       {&kReferenceFlags},
       {},
       &RunReference,
       true}};
}

std::vector<CommandSpec> AllCommands() {
  std::vector<CommandSpec> all;
  for (auto part : {MigrationCommands(), LookCommands(), BackupCommands(), RunCommands(), HelperCommands()}) {
    for (auto& command : part) all.push_back(std::move(command));
  }
  return all;
}

}  // namespace

const std::vector<CommandSpec>& Commands() {
  static const std::vector<CommandSpec> commands = AllCommands();
  return commands;
}

const CommandSpec* FindCommand(std::string_view name) {
  const auto& all = Commands();
  const auto found = std::find_if(all.begin(), all.end(), [&](const auto& each) { return each.name == name; });
  return found == all.end() ? nullptr : &*found;
}

const CommandSpec* CommandOf(const std::vector<std::string>& words, size_t* taken) {
  for (*taken = std::min<size_t>(2, words.size()); *taken > 0; --*taken) {
    const CommandSpec* command = FindCommand(*taken == 2 ? words[0] + " " + words[1] : words[0]);
    if (command) return command;
  }
  return nullptr;
}

std::vector<const CommandSpec*> CommandsUnder(const CommandSpec& parent) {
  std::vector<const CommandSpec*> under;
  for (const auto& command : Commands()) {
    if (command.name.starts_with(parent.name + " ")) under.push_back(&command);
  }
  return under;
}

std::string LastWord(const CommandSpec& command) { return command.name.substr(command.name.rfind(' ') + 1); }

bool IsUnderAnother(const CommandSpec& command) { return command.name.find(' ') != std::string::npos; }

Status UnknownCommand(std::string_view name) {
  std::vector<std::string> names;
  for (const auto& command : Commands()) {
    if (!command.hidden) names.push_back(command.name);
  }
  if (name.starts_with("-")) {
    return MakeError(Category::usage, fmt::format("'{}' stands where a command should", Printable(name, 200)),
                     "flags come after the command: vecferry COMMAND --flag");
  }
  return MakeError(Category::usage, fmt::format("there is no command '{}'{}", Printable(name, 200), Suggestion(name, names)),
                   "`vecferry --help` lists them");
}

const FlagSpec* FindFlag(const CommandSpec& command, std::string_view name) {
  for (const auto* group : command.groups) {
    for (const auto& flag : group->flags) {
      if (flag.option.name == name) return &flag;
    }
  }
  return nullptr;
}

std::vector<std::string> ValuesIn(const FlagSpec& flag, const std::string& text) {
  std::vector<std::string> values(1);
  if (!flag.repeatable || flag.option.kind != OptionSpec::Kind::choice) return {text};
  for (const char c : text) {
    if (c == ',') values.emplace_back();
    else values.back() += c;
  }
  return values;
}

bool TakesJob(const CommandSpec& command) { return FindFlag(command, "config") != nullptr; }

std::string VariableOf(const FlagSpec& flag) {
  std::string name = "VECFERRY_";
  for (const char c : flag.option.name) name += c == '-' ? '_' : static_cast<char>(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
  return name;
}

std::string Spelling(const FlagSpec& flag) {
  std::string text = flag.letter ? fmt::format("-{}, --{}", flag.letter, flag.option.name) : "--" + flag.option.name;
  if (flag.option.kind == OptionSpec::Kind::choice) return fmt::format("{} {}", text, fmt::join(flag.option.choices, "|"));
  return flag.option.value_name.empty() ? text : text + " " + flag.option.value_name;
}

std::string Usage(const CommandSpec& command) {
  std::string text = "vecferry " + command.name;
  for (const auto& argument : command.arguments) {
    const std::string name = argument.name + (argument.many ? "..." : "");
    text += argument.required ? " " + name : " [" + name + "]";
  }
  return command.groups.empty() ? text : text + " [flags]";
}

}  // namespace vecferry::cli
