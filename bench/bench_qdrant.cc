// The engine's way into a Qdrant server beside a loop that sends the same requests made beforehand. The server is a
// qdrant_stub; `bench/run_qdrant` starts it and sets both beside each other.
// usage: bench_qdrant raw|copy|scroll PORT ROWS DIMS [IN_FLIGHT, of raw; or ROWS_PER_PAGE, of scroll]
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <thread>

#include "ready.h"

#include "connectors/qdrant/client.h"
#include "connectors/qdrant/requests.h"

namespace {

using namespace vecferry;
using namespace vecferry::bench;

/// Requests made beforehand, sent by `in_flight` threads.
Measured Raw(const std::string& uri, int64_t rows, int32_t dims, int in_flight, const Layout& layout) {
  const RecordSchema schema = SchemaOf(dims);
  qdrant::PointEncoder encoder(schema, layout, {});
  std::vector<std::string> requests;
  for (int64_t first = 0; first < rows; first += kBatch) {
    const RecordView batch = Records(schema, first, std::min(kBatch, rows - first));
    std::string& request = requests.emplace_back(qdrant::UpsertHead("docs", std::nullopt));
    for (int64_t row = 0; row < batch.rows(); ++row) (void)encoder.Append(batch, row, &request);
  }
  Location location = Must(ParseLocation(uri));
  const CancelToken cancel;
  const auto client = Must(qdrant::Client::Connect(Must(qdrant::ParseTarget(location)), &cancel));
  std::atomic<size_t> next{0};
  const double user = UserSeconds();
  const auto began = std::chrono::steady_clock::now();
  std::vector<std::thread> threads;
  for (int i = 0; i < in_flight; ++i) {
    threads.emplace_back([&] {
      for (size_t at = next++; at < requests.size(); at = next++) {
        Must(client->Call("/qdrant.Points/Upsert", std::move(requests[at]), qdrant::Act::write, "sending").status());
      }
    });
  }
  for (auto& thread : threads) thread.join();
  return {std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count(), UserSeconds() - user};
}

/// Every page of the stub's collection, one after another, dropped as it comes.
Measured Scroll(const std::string& uri, int64_t rows, uint32_t page_rows) {
  const CancelToken cancel;
  const Location location = Must(ParseLocation(uri));
  const auto client = Must(qdrant::Client::Connect(Must(qdrant::ParseTarget(location)), &cancel));
  const double user = UserSeconds();
  const auto began = std::chrono::steady_clock::now();
  int64_t bytes = 0;
  for (uint64_t first = 0; first < static_cast<uint64_t>(rows); first += page_rows) {
    bytes += static_cast<int64_t>(Must(client->Call("/qdrant.Points/Scroll", qdrant::ScrollRequest("docs", std::nullopt, qdrant::PointId::Of(first), page_rows, {}),
                                                    qdrant::Act::read, "reading")).size());
  }
  if (bytes < rows) std::exit(1);
  return {std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count(), UserSeconds() - user};
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 5) return std::fprintf(stderr, "usage: bench_qdrant raw|copy|scroll PORT ROWS DIMS [N]\n"), 2;
  Registry registry;
  RegisterBuiltin(registry);
  const std::string uri = std::string("qdrant://127.0.0.1:") + argv[2] + "#docs";
  const int64_t rows = std::atoll(argv[3]);
  const auto dims = static_cast<int32_t>(std::atoi(argv[4]));
  const std::string_view verb = argv[1];
  const int more = argc > 5 ? std::atoi(argv[5]) : 0;
  Measured m;
  if (verb == "raw") m = Raw(uri, rows, dims, more > 0 ? more : 2, *Must(registry.FindLayout("default")));
  else if (verb == "scroll") m = Scroll(uri, rows, more > 0 ? static_cast<uint32_t>(more) : 1000);
  else m = Whole(registry, Must(registry.Resolve(uri)), rows, dims, more);
  Print(rows, m);
  return 0;
}
