#include "cli/help.h"

#include <fmt/format.h>

#include "cli/text_out.h"

namespace vecferry::cli {
namespace {

constexpr size_t kColumns = 100;

std::string FlagLines(const FlagSpec& flag) {
  const std::string spelling = (flag.letter ? "" : "    ") + Spelling(flag);
  constexpr size_t kIndent = 30;
  std::string line = "  " + spelling;
  line += line.size() + 2 <= kIndent ? std::string(kIndent - line.size(), ' ') : "\n" + std::string(kIndent, ' ');
  return line + Wrap(FlagHelp(flag), kColumns - kIndent, kIndent) + "\n";
}

}  // namespace

std::string FlagHelp(const FlagSpec& flag) {
  return flag.option.default_value.empty() ? flag.option.help : fmt::format("{} [{}]", flag.option.help, flag.option.default_value);
}

std::string GeneralHelp() {
  std::string text = "vecferry moves collections of vectors between the systems that store them, and proves that what arrived is what left.\n\n";
  text += "  vecferry copy mcp-memory:notes.db 'qdrant-local:./qdrant#memories'\n\n";
  text += "A dataset is written SCHEME:LOCATION[?option=value&...]#DATASET, in quotes. `vecferry stores` lists the schemes.\n\nCommands:\n";
  for (const auto& command : Commands()) {
    if (!command.hidden) text += fmt::format("  {:<15}{}\n", command.name, command.summary);
  }
  text += "\n`vecferry COMMAND --help` tells the flags. Each --flag-name may be set as VECFERRY_FLAG_NAME in the environment,\nor stand in a job file: --config JOB.yaml.\n";
  text += "Exit codes: 0 done; 2 command line or job file; 3 rejects; 4 difference; 5 not found; 6 not allowed; 7 run again to resume;\n"
          "8 refused; 9 limit; 11 held by another process; 130 interrupted, resumable; 1 anything else.\n";
  return text;
}

std::string CommandHelp(const CommandSpec& command) {
  std::string text = command.summary + ".\n\nUsage: " + Usage(command) + "\n";
  for (size_t i = 0; i < command.examples.size(); ++i) text += (i ? "  " : "\nExamples:\n  ") + command.examples[i] + "\n";
  text += "\n" + Wrap(command.description, kColumns, 0) + "\n";
  for (size_t i = 0; i < command.arguments.size(); ++i) {
    const auto& argument = command.arguments[i];
    text += fmt::format("{}  {:<12}{}\n", i ? "" : "\nArguments:\n", argument.name, argument.help);
  }
  const auto under = CommandsUnder(command);
  for (size_t i = 0; i < under.size(); ++i) text += fmt::format("{}  {:<15}{}\n", i ? "" : "\nCommands under it:\n", under[i]->name, under[i]->summary);
  for (const auto* group : command.groups) {
    text += "\n" + group->title + ":\n";
    for (const auto& flag : group->flags) text += FlagLines(flag);
  }
  return text;
}

}  // namespace vecferry::cli
