#include <cstdlib>
#include <unistd.h>

#include <iostream>

#include "cli/program.h"
#include "cli/signals.h"
#include "connectors/builtin.h"

#ifdef __GLIBC__
#include <malloc.h>
#endif

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

/// Batches are buffers of megabytes that threads fill and free in turn. With a fixed threshold glibc maps each of its own and gives
/// it back when it is freed; left to itself it raises the threshold and keeps them, which costs half as much memory again. Arrow's own
/// allocator keeps them too, and copies what grows: a third of a copy's memory, for no time that could be measured.
void KeepMemoryFlat() {
#ifdef __GLIBC__
  mallopt(M_MMAP_THRESHOLD, 1 << 20);
  ::setenv("ARROW_DEFAULT_MEMORY_POOL", "system", 0);
#endif
}

}  // namespace

int main(int argc, char** argv) {
  KeepMemoryFlat();
  static vecferry::CancelToken cancel;
  vecferry::cli::InstallSignals(&cancel);
  vecferry::Registry registry;
  vecferry::RegisterBuiltin(registry);
  vecferry::cli::Context context{std::cout, std::cerr, ::isatty(STDERR_FILENO) == 1, STDERR_FILENO, Environment(), registry, cancel};
  return vecferry::cli::RunProgram({argv + 1, argv + argc}, context);
}
