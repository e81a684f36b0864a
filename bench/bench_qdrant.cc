// The engine's way into a Qdrant server beside a loop that sends the same requests made beforehand. The server is a
// qdrant_stub; `bench/run_qdrant` starts it and sets both beside each other.
// usage: bench_qdrant raw|copy|scroll PORT ROWS DIMS [IN_FLIGHT, of raw; or ROWS_PER_PAGE, of scroll]
#include <sys/resource.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <thread>

#include "connectors/builtin.h"
#include "connectors/qdrant/client.h"
#include "connectors/qdrant/requests.h"
#include "migration/engine.h"

namespace {

using namespace vecferry;

constexpr int64_t kBatch = 1000;

template <typename T>
T Must(Result<T> result) {
  if (result.ok()) return std::move(*result);
  std::fprintf(stderr, "%s\n", Describe(result.status()).c_str());
  std::exit(1);
}
void Must(const Status& status) {
  if (status.ok()) return;
  std::fprintf(stderr, "%s\n", Describe(status).c_str());
  std::exit(1);
}

double UserSeconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_utime.tv_sec) + static_cast<double>(usage.ru_utime.tv_usec) / 1e6;
}

RecordSchema SchemaOf(int32_t dims) {
  RecordSchema schema;
  schema.id_kind = IdKind::u64;
  schema.vectors = {{"", VectorKind::dense, Element::f32, dims, Metric::dot, ""}};
  return schema;
}

/// Rows first .. first+n-1: an id, two small fields, a random vector.
RecordView Records(const RecordSchema& schema, int64_t first, int64_t n) {
  std::minstd_rand random(static_cast<unsigned>(first + 1));
  BatchBuilder builder(schema);
  for (int64_t i = first; i < first + n; ++i) {
    builder.Id(std::to_string(i));
    builder.Metadata("{\"name\":\"record " + std::to_string(i) + "\",\"n\":" + std::to_string(i) + "}");
    auto* floats = reinterpret_cast<float*>(builder.VectorSpace(0));
    for (int32_t k = 0; k < schema.vectors[0].dims; ++k) floats[k] = static_cast<float>(random()) / 2147483648.0f - 0.5f;
    builder.EndRow();
  }
  return Must(builder.Finish());
}

struct Measured {
  double seconds = 0, user = 0;
};

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

/// A source whose batches lie ready: what is measured is the way from there on.
class Ready final : public Connector {
 public:
  Ready(int64_t rows, int32_t dims) : schema_(SchemaOf(dims)) {
    info_.scheme = "ready";
    info_.capabilities.source = true;
    info_.capabilities.consistency = Consistency::frozen;
    for (int64_t first = 0; first < rows; first += kBatch) batches_.push_back(Records(schema_, first, std::min(kBatch, rows - first)));
  }
  const Info& info() const override { return info_; }
  Result<std::vector<DatasetSummary>> List(const Location&, const OpenContext&) override { return std::vector<DatasetSummary>{}; }
  Result<std::unique_ptr<Source>> OpenSource(const Location&, const OpenContext&) override { return std::make_unique<Batches>(*this); }

 private:
  struct Reader final : SplitReader {
    Reader(const Ready& from, size_t next, size_t step) : from(from), next(next), step(step) {}
    Result<std::optional<SourceBatch>> Next() override {
      if (next >= from.batches_.size()) return std::nullopt;
      SourceBatch batch;
      batch.records = from.batches_[next];
      next += step;
      batch.next = std::to_string(next);
      return batch;
    }
    const Ready& from;
    size_t next, step;
  };
  struct Batches final : Source {
    explicit Batches(const Ready& from) : from(from) {}
    Result<DatasetInfo> Describe() override {
      DatasetInfo info;
      info.identity = "ready";
      info.schema = from.schema_;
      info.count = static_cast<int64_t>(from.batches_.size()) * kBatch;
      info.consistency = Consistency::frozen;
      return info;
    }
    Result<std::vector<Split>> Splits(int wanted) override {
      std::vector<Split> splits;
      for (int i = 0; i < wanted; ++i) splits.push_back({std::to_string(i) + " " + std::to_string(wanted), "", -1, -1});
      return splits;
    }
    Result<std::unique_ptr<SplitReader>> Read(const Split& split, const Cursor& cursor, const ReadOptions&) override {
      const size_t space = split.payload.find(' ');
      const size_t first = std::stoul(cursor.empty() ? split.payload.substr(0, space) : cursor);
      return std::make_unique<Reader>(from, first, std::stoul(split.payload.substr(space)));
    }
    const Ready& from;
  };
  Info info_;
  const RecordSchema schema_;
  std::vector<RecordView> batches_;
};

/// A copy, journal and digest included, verification left out.
Measured Whole(Registry& registry, const std::string& uri, int64_t rows, int32_t dims, int jobs) {
  registry.Add(std::make_unique<Ready>(rows, dims));
  const Location source = Must(registry.Resolve("ready:bench")), target = Must(registry.Resolve(uri));
  Events events;
  const CancelToken cancel;
  CopyOptions options;
  options.verify.level = VerifyLevel::none;
  options.validate = ValidateMode::off;
  options.command = "bench";
  options.jobs = jobs;
  const double user = UserSeconds();
  const CopyReport report = Must(Copy({registry, events, cancel}, source, target, options));
  return {report.transfer_seconds, UserSeconds() - user};
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
  else m = Whole(registry, uri, rows, dims, more);
  std::printf("{\"records\": %lld, \"seconds\": %.6f, \"rate\": %.0f, \"user\": %.6f}\n", static_cast<long long>(rows), m.seconds, static_cast<double>(rows) / m.seconds, m.user);
  return 0;
}
