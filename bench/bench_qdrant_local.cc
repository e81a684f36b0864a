#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <random>

#include "connectors/qdrant_local/dataset.h"
#include "connectors/qdrant_local/point.h"
#include "connectors/qdrant_local/qdrant_local.h"

/// Writing and reading a local-mode folder, beside the bare loop of SQLite inserts of the same bytes.
/// usage: bench_qdrant_local [POINTS [DIMS [BATCH [DIR]]]]
namespace {

using namespace vecferry;
using namespace vecferry::qdrant_local;

class Timer {
 public:
  double Seconds() const { return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin_).count(); }
  double CpuSeconds() const { return static_cast<double>(std::clock() - cpu_) / CLOCKS_PER_SEC; }

 private:
  std::clock_t cpu_ = std::clock();
  std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
};

void Print(const char* what, int64_t points, const Timer& timer) {
  const double seconds = timer.Seconds(), cpu = timer.CpuSeconds();
  std::printf("%-48s %8.3f s %9.0f points/s, %9.0f per CPU second\n", what, seconds, static_cast<double>(points) / seconds,
              static_cast<double>(points) / cpu);
}

RecordView MakeBatch(const RecordSchema& schema, int64_t first, int64_t rows, int32_t dims, std::mt19937_64& random) {
  BatchBuilder builder(schema);
  std::vector<float> vector(static_cast<size_t>(dims));
  std::uniform_real_distribution<float> uniform(-1, 1);
  for (int64_t i = first; i < first + rows; ++i) {
    for (auto& x : vector) x = uniform(random);
    char id[40];
    std::snprintf(id, sizeof id, "%08llx-1234-4234-8234-%012llx", static_cast<unsigned long long>(random() & 0xffffffff), static_cast<unsigned long long>(i));
    builder.Id(id);
    builder.Document("a short text of some forty characters, n");
    builder.Metadata(R"({"tags":["a","b"],"created_at":1700000000.25,"type":"note","n":7})");
    builder.Vector(0, {reinterpret_cast<const char*>(vector.data()), vector.size() * 4});
    builder.EndRow();
  }
  return builder.Finish().ValueOrDie();
}

void RawInserts(const std::vector<EncodedBatch>& batches, const fs::path& dir, const char* mode, const char* sync, int64_t points) {
  fs::create_directories(dir);
  auto db = sqlite::Db::Open(dir / "raw.sqlite", {.mode = sqlite::OpenOptions::Mode::create}).ValueOrDie();
  (void)db.Exec("PRAGMA page_size=16384");
  (void)db.Exec(std::string("PRAGMA journal_mode=") + mode);
  (void)db.Exec(std::string("PRAGMA synchronous=") + sync);
  (void)db.Exec("PRAGMA cache_size=-65536");
  (void)db.Exec("CREATE TABLE points (id TEXT PRIMARY KEY, point BLOB)");
  auto insert = db.Prepare("INSERT OR REPLACE INTO points VALUES(?, ?)").ValueOrDie();
  Timer timer;
  for (const auto& batch : batches) {
    auto transaction = sqlite::Transaction::Begin(db).ValueOrDie();
    for (const auto& row : batch.rows) (void)insert.BindText(1, batch.Key(row)).BindBlob(2, batch.Blob(row)).Run();
    (void)transaction.Commit();
  }
  Print((std::string("bare inserts, journal ") + mode + ", synchronous " + sync).c_str(), points, timer);
  fs::remove_all(dir);
}

}  // namespace

int main(int argc, char** argv) {
  const int64_t points = argc > 1 ? std::atoll(argv[1]) : 100'000;
  const auto dims = static_cast<int32_t>(argc > 2 ? std::atoi(argv[2]) : 384);
  const int64_t rows = argc > 3 ? std::atoll(argv[3]) : 1000;
  const fs::path dir = argc > 4 ? fs::path(argv[4]) : fs::temp_directory_path() / "vf_bench_qdrant_local";
  fs::remove_all(dir);
  RecordSchema schema;
  schema.id_kind = IdKind::uuid;
  schema.has_document = true;
  schema.vectors = {{.dims = dims, .metric = Metric::cosine}};
  Layout layout;
  layout.name = "default";
  std::mt19937_64 random(1);
  std::vector<RecordView> batches;
  for (int64_t first = 0; first < points; first += rows) batches.push_back(MakeBatch(schema, first, std::min(rows, points - first), dims, random));

  {
    Timer timer;
    std::vector<EncodedBatch> encoded;
    for (const auto& batch : batches) encoded.push_back(EncodeBatch(batch, layout, IdKind::uuid, true).ValueOrDie());
    Print("encoding alone", points, timer);
    for (const char* mode : {"delete", "truncate", "persist", "wal"}) {
      for (const char* sync : {"off", "full"}) RawInserts(encoded, dir, mode, sync, points);
    }
  }
  auto connector = MakeQdrantLocalConnector();
  OpenContext context;
  context.layout = &layout;
  const Location location{.scheme = "qdrant-local", .path = dir.string(), .dataset = "c"};
  {
    auto sink = connector->OpenSink(location, context).ValueOrDie();
    SinkSpec spec;
    spec.schema = schema;
    spec.layout = &layout;
    if (const Status status = sink->Prepare(spec); !status.ok()) return std::fprintf(stderr, "%s\n", Describe(status).c_str()), 1;
    Timer timer;
    for (const auto& batch : batches) (void)sink->Write(batch).ValueOrDie();
    Print("writing, one thread, synced", points, timer);
    if (!sink->Finish().ok()) return 1;
  }
  batches.clear();
  auto source = connector->OpenSource(location, context).ValueOrDie();
  Timer described;
  const auto info = source->Describe().ValueOrDie();
  Print("describing (all keys and a sample)", info.count, described);
  Timer timer;
  int64_t read = 0;
  for (const auto& split : *source->Splits(1)) {
    auto reader = source->Read(split, "", {.batch_rows = rows}).ValueOrDie();
    for (auto batch = reader->Next().ValueOrDie(); batch; batch = reader->Next().ValueOrDie()) read += batch->records.rows();
  }
  Print("reading, one thread", read, timer);
  fs::remove_all(dir);
  return read == points ? 0 : 1;
}
