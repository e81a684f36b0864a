#include <algorithm>

#include <fmt/format.h>

#include "base/text.h"
#include "cli/actions.h"
#include "cli/flags.h"

namespace vecferry::cli {
namespace {

const ArgumentSpec kSource{"SOURCE", "the dataset to read: SCHEME:LOCATION#DATASET, or a path that is recognised", true, true, false};
const ArgumentSpec kTarget{"TARGET", "the dataset to write", true, true, false};

std::vector<CommandSpec> MigrationCommands() {
  const std::string pair = "mcp-memory:notes.db 'qdrant-local:./qdrant#memories'";
  return {
      {"copy", "Copy a dataset into another store, and prove it",
       "Plans, copies and verifies. The same command again resumes a copy that was interrupted, at whatever instruction, and "
       "copies nothing once it is finished. The source is opened read-only. A target that holds records is refused unless "
       "--on-exists says what to do with them.",
       {kSource, kTarget},
       {&kWhatFlags, &kCheckFlags, &kCompareFlags, &kRunFlags, &kLimitFlags, &kSpeedFlags, &kDryRunFlags, &kLocationFlags, &kYesFlags,
        &kProgressFlags, &kReportFlags, &kOutputFlags},
       {"vecferry copy " + pair, "vecferry copy " + pair + " --dry-run", "vecferry copy " + pair + " --max-rejects 1% --report copy.html"},
       &RunCopy},
      {"plan", "Say what a copy would do",
       "Reads both sides and writes neither: mapping of ids, what the target cannot hold and how many records have it, estimates of time "
       "and space. The same as copy --dry-run. Exit code 8 if the copy would be refused.",
       {kSource, kTarget},
       {&kPlanFlags, &kWhatFlags, &kSpeedFlags, &kLocationFlags, &kProgressFlags, &kOutputFlags},
       {"vecferry plan " + pair, "vecferry plan " + pair + " --scan full --out plan.json"},
       &RunPlan},
      {"verify", "Compare two datasets",
       "Reads both sides and writes neither. Lists what is missing, what is extra and what differs, with both values. Exit code 4 if there is a "
       "difference.",
       {kSource, kTarget},
       {&kLevelFlags, &kCompareFlags, &kLocationFlags, &kProgressFlags, &kReportFlags, &kOutputFlags},
       {"vecferry verify " + pair, "vecferry verify " + pair + " --ignore metadata.updated_at --time-tolerance 1ms"},
       &RunVerify}};
}

std::vector<CommandSpec> LookCommands() {
  const ArgumentSpec store{"URI", "a store or a dataset", true, true, false};
  return {
      {"stores", "List the kinds of store and what each can do",
       "The table is made from what each kind of store declares. With a scheme, that kind's options as well.",
       {{"SCHEME", "one kind of store", false, false, false}},
       {&kMarkdownFlags, &kOutputFlags},
       {"vecferry stores", "vecferry stores qdrant-local"},
       &RunStores},
      {"inspect", "Show what a store or a dataset holds",
       "Records, vectors with dimensions, element type and metric, metadata fields with their types, and a few records. Without #DATASET it lists "
       "the datasets of the store.",
       {store},
       {&kInspectFlags, &kSourceFlags, &kProgressFlags, &kOutputFlags},
       {"vecferry inspect mcp-memory:notes.db", "vecferry inspect 'qdrant-local:./qdrant#memories' --id 4f1c..."},
       &RunInspect},
      {"backup", "Copy the database file of a source, checked",
       "Takes SQLite's own online backup of one moment, while others may write, and has SQLite check its integrity. The file appears "
       "whole or not at all; one that exists is replaced only with --yes.",
       {{"URI", "a source that is one SQLite file", true, true, false}, {"FILE", "the copy", true, false, false}},
       {&kYesFlags, &kProgressFlags, &kOutputFlags},
       {"vecferry backup mcp-memory:notes.db notes.backup.db"},
       &RunBackup}};
}

std::vector<CommandSpec> RunCommands() {
  const ArgumentSpec run{"RUN", "id of a run, the beginning of one, or `last`", false, false, false};
  return {
      {"runs", "List the runs of this user", "Newest first: state, when, how many records, from where to where.", {}, {&kOutputFlags}, {"vecferry runs"}, &RunRuns},
      {"status", "Show how far a run is",
       "State, total, done, rejected ids, last id, rate and time left, from the run's journal; also while it is going on.",
       {run},
       {&kOutputFlags},
       {"vecferry status", "vecferry status 20260102T030405Z-1a2b3c"},
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
  for (auto part : {MigrationCommands(), LookCommands(), RunCommands(), HelperCommands()}) {
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
