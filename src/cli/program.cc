#include "cli/program.h"

#include <algorithm>
#include <exception>
#include <ostream>

#include "cli/actions.h"
#include "cli/failure.h"
#include "cli/help.h"

namespace vecferry::cli {
namespace {

/// The command whose runs go on when the same line is given again.
bool IsResumable(const CommandSpec& command) {
  return command.name == "copy" || command.name == "rollback" || command.name == "backup" || command.name == "restore";
}

/// What a library throws all the same becomes a failure like any other.
Result<int> Run(const Invocation& invocation, Context& context) {
  try {
    return invocation.command->run(invocation, context);
  } catch (const std::bad_alloc&) {
    return MakeError(Category::internal, "out of memory", "run it with a smaller --memory and --batch-size");
  } catch (const std::exception& error) {
    return MakeError(Category::internal, error.what(), "this is a defect: please report it");
  }
}

int RunInvocation(const Invocation& invocation, Context& context) {
  if (invocation.help) {
    context.out << CommandHelp(*invocation.command) << std::flush;
    return exit_code::kOk;
  }
  const auto code = Run(invocation, context);
  context.out.flush();
  if (code.ok()) return *code;
  const std::string resume = IsResumable(*invocation.command) ? invocation.display : "";
  return PrintFailure(code.status(), invocation.command->name, resume, invocation.Bool("json"), context);
}

bool Contains(const std::vector<std::string>& words, const char* word) { return std::find(words.begin(), words.end(), word) != words.end(); }

}  // namespace

int RunProgram(const std::vector<std::string>& words, Context& context) {
  if (words.empty()) {
    context.err << GeneralHelp();
    return exit_code::kUsage;
  }
  if (words[0] == "--help" || words[0] == "-h" || words[0] == "help") {
    size_t taken = 0;
    const CommandSpec* command = CommandOf({words.begin() + 1, words.end()}, &taken);
    if (words.size() > 1 && !command) return PrintFailure(UnknownCommand(words[1]), "help", "", false, context);
    context.out << (command ? CommandHelp(*command) : GeneralHelp()) << std::flush;
    return exit_code::kOk;
  }
  if (words[0] == "--version" || words[0] == "-V") return RunProgram({"version"}, context);
  const auto invocation = ParseCommandLine(words, context.environment);
  if (!invocation.ok()) return PrintFailure(invocation.status(), words[0], "", Contains(words, "--json"), context);
  return RunInvocation(*invocation, context);
}

}  // namespace vecferry::cli
