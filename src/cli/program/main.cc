#include <unistd.h>

#include <iostream>

#include "cli/program.h"
#include "cli/signals.h"
#include "connectors/builtin.h"

extern char** environ;

namespace {

std::map<std::string, std::string> Environment() {
  std::map<std::string, std::string> all;
  for (char** entry = environ; *entry; ++entry) {
    const std::string_view text(*entry);
    const auto equals = text.find('=');
    if (equals != std::string_view::npos) all.emplace(text.substr(0, equals), text.substr(equals + 1));
  }
  return all;
}

}  // namespace

int main(int argc, char** argv) {
  static vecferry::CancelToken cancel;
  vecferry::cli::InstallSignals(&cancel);
  vecferry::Registry registry;
  vecferry::RegisterBuiltin(registry);
  vecferry::cli::Context context{std::cout, std::cerr, ::isatty(STDERR_FILENO) == 1, STDERR_FILENO, Environment(), registry, cancel};
  return vecferry::cli::RunProgram({argv + 1, argv + argc}, context);
}
