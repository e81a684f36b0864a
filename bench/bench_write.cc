// The engine's way into a store: records that lie ready are copied, digest and journal included. `bench/run_stores` sets it beside the
// fastest that the vendor's own tool does with the same bytes.
// usage: bench_write URI ROWS DIMS [JOBS=2] [ROWS_PER_BATCH=as the store prefers] [KEY=VALUE of the store's options ...]
#include "ready.h"

using namespace vecferry;
using namespace vecferry::bench;

int main(int argc, char** argv) {
  if (argc < 4) return std::fprintf(stderr, "usage: bench_write URI ROWS DIMS [JOBS] [ROWS_PER_BATCH] [KEY=VALUE ...]\n"), 2;
  Registry registry;
  RegisterBuiltin(registry);
  Location target = Must(registry.Resolve(argv[1]));
  for (int i = 6; i < argc; ++i) {
    const std::string option = argv[i];
    target.options[option.substr(0, option.find('='))] = option.substr(option.find('=') + 1);
  }
  const int64_t rows = std::atoll(argv[2]);
  Print(rows, Whole(registry, target, rows, std::atoi(argv[3]), argc > 4 ? std::atoi(argv[4]) : 2, argc > 5 ? std::atoll(argv[5]) : 0, true));
  return 0;
}
