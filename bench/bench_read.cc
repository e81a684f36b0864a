// What a connector's reader alone reaches: all batches at the default size, dropped as they come, opened as `inspect` opens
// it, without a folder of its own; THREADS splits at once. For mcp-memory the limit beside it is `bench_main_job read`.
// usage: bench_read URI [THREADS=1]
#include <ctime>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <thread>
#include <vector>

#include "connectors/builtin.h"

namespace {

using namespace vecferry;

template <typename T>
T Must(Result<T> result) {
  if (!result.ok()) {
    std::fprintf(stderr, "%s\n", result.status().message().c_str());
    std::exit(1);
  }
  return std::move(*result);
}

double CpuSeconds() { return static_cast<double>(std::clock()) / CLOCKS_PER_SEC; }

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) return std::fprintf(stderr, "usage: bench_read URI [THREADS]\n"), 2;
  const int threads = argc > 2 ? std::atoi(argv[2]) : 1;
  Registry registry;
  RegisterBuiltin(registry);
  const Location location = Must(registry.Resolve(argv[1]));
  Connector* const connector = Must(registry.Find(location.scheme));
  OpenContext context;
  const std::string& layout = connector->info().default_layout;
  context.layout = Must(registry.FindLayout(layout.empty() ? "default" : layout));
  const auto source = Must(connector->OpenSource(location, context));
  const auto splits = Must(source->Splits(threads));
  std::atomic<int64_t> records = 0, rejects = 0, bytes = 0;
  std::atomic<size_t> next = 0;
  const auto work = [&] {
    for (size_t i = next++; i < splits.size(); i = next++) {
      const auto reader = Must(source->Read(splits[i], {}, {}));
      while (const auto batch = Must(reader->Next())) {
        records += batch->records.rows();
        bytes += batch->records.bytes();
        rejects += static_cast<int64_t>(batch->rejects.size());
      }
    }
  };
  const double cpu = CpuSeconds();
  const auto began = std::chrono::steady_clock::now();
  std::vector<std::thread> workers;
  for (int i = 1; i < threads; ++i) workers.emplace_back(work);
  work();
  for (auto& worker : workers) worker.join();
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
  std::printf("{\"records\": %lld, \"seconds\": %.6f, \"rate\": %.0f, \"cpu\": %.6f, \"bytes\": %lld, \"rejects\": %lld}\n",
              static_cast<long long>(records.load()), seconds, static_cast<double>(records.load()) / seconds, CpuSeconds() - cpu,
              static_cast<long long>(bytes.load()), static_cast<long long>(rejects.load()));
  return 0;
}
