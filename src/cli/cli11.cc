#include <CLI/CLI.hpp>

#include "base/text.h"
#include "cli/invocation.h"

namespace vecferry::cli::internal {
namespace {

std::string NamesOf(const FlagSpec& flag) {
  const std::string name = "--" + flag.option.name;
  return flag.letter ? std::string("-") + flag.letter + "," + name : name;
}

void AddFlag(CLI::App& app, const FlagSpec& flag, std::vector<std::string>* into) {
  if (flag.option.kind == OptionSpec::Kind::boolean) {
    app.add_flag(NamesOf(flag), *into)->take_all();
  } else {
    app.add_option(NamesOf(flag), *into)->allow_extra_args(false)->take_all();
  }
}

/// CLI11 tells of a failure with the option's own names.
Status Refused(const CommandSpec& command, const CLI::ParseError& error) {
  return MakeError(Category::usage, Printable(error.what(), 300), "see `vecferry " + command.name + " --help`");
}

}  // namespace

Result<RawWords> SplitWords(const CommandSpec& command, const std::vector<std::string>& words) {
  RawWords raw;
  CLI::App app;
  app.set_help_flag();
  app.allow_extras();
  app.add_flag("-h,--help", raw.help);
  std::map<std::string, std::vector<std::string>> values;
  for (const auto* group : command.groups) {
    for (const auto& flag : group->flags) AddFlag(app, flag, &values[flag.option.name]);
  }
  app.add_option("arguments", raw.arguments);
  try {
    // CLI11 takes words from the back of the vector.
    app.parse(std::vector<std::string>(words.rbegin(), words.rend()));
  } catch (const CLI::ParseError& error) {
    return Refused(command, error);
  }
  for (auto& [name, list] : values) {
    if (!list.empty()) raw.values[name] = std::move(list);
  }
  raw.unknown = app.remaining();
  return raw;
}

}  // namespace vecferry::cli::internal
