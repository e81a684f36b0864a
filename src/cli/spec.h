#pragma once
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "options/option.h"

/// The command line as data: flags, groups of flags, commands. Parsing, help, completion, the environment's variables and the
/// reference pages are all made from these tables.
namespace vecferry::cli {

struct FlagSpec {
  OptionSpec option;
  char letter = 0;          ///< of the short form, 0 if there is none
  bool repeatable = false;  ///< may be given several times; the values are a list
  bool in_job = true;       ///< may stand in a job file under its name
};

struct FlagGroup {
  std::string title;
  std::vector<FlagSpec> flags;
};

struct ArgumentSpec {
  std::string name;         ///< "SOURCE"
  std::string help;
  bool required = true;
  bool location = false;    ///< a store or dataset: SCHEME:LOCATION#DATASET
  bool many = false;        ///< the last one alone: any number
  std::string job_key;      ///< under which a job file may name it: "source", "target", "file"; "" where none may
};

class Invocation;
struct Context;

struct CommandSpec {
  std::string name;         ///< "copy"; of one that stands under another both words, "backup list"
  std::string summary;      ///< a few words, for the list of commands
  std::string description;  ///< sentences, for its own page
  std::vector<ArgumentSpec> arguments;
  std::vector<const FlagGroup*> groups;
  std::vector<std::string> examples;
  Result<int> (*run)(const Invocation&, Context&) = nullptr;  ///< gives the exit code
  bool hidden = false;
};

const std::vector<CommandSpec>& Commands();
/// Nothing for an unknown name.
const CommandSpec* FindCommand(std::string_view name);
/// The command that words begin with, by the longest name that fits, and how many words its name has; nothing for an unknown one.
const CommandSpec* CommandOf(const std::vector<std::string>& words, size_t* taken);
/// The commands under another: of "backup" those named "backup list" and so on.
std::vector<const CommandSpec*> CommandsUnder(const CommandSpec& parent);
/// The last word of its name.
std::string LastWord(const CommandSpec& command);
bool IsUnderAnother(const CommandSpec& command);
/// Category::usage with the nearest names.
Status UnknownCommand(std::string_view name);

/// Flag of any group of a command, nothing for an unknown name.
const FlagSpec* FindFlag(const CommandSpec& command, std::string_view name);
/// The values of a flag that a text gives: several with commas between them where it is a repeatable choice, else the text.
std::vector<std::string> ValuesIn(const FlagSpec& flag, const std::string& text);
/// Whether it takes a job file.
bool TakesJob(const CommandSpec& command);
/// The variable that stands for a flag: "batch-size" -> "VECFERRY_BATCH_SIZE".
std::string VariableOf(const FlagSpec& flag);
/// "--batch-size N", "--yes", "-j, --jobs N".
std::string Spelling(const FlagSpec& flag);
/// "[SOURCE] ..." as it stands in the usage line.
std::string Usage(const CommandSpec& command);

}  // namespace vecferry::cli
