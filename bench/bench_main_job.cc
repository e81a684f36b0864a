// The limit of the main job: what a loop without an engine reaches on the same machine, in the same run. `bench/run` sets
// the program's own figures beside it.
// usage: bench_main_job read DB | copy DB OUTDIR [ROWS_PER_COMMIT]
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <string>
#include <vector>

#include "base/uuid.h"
#include "connectors/qdrant_local/pickle_writer.h"
#include "connectors/qdrant_local/point_id.h"
#include "sqlite/db.h"

namespace {

using namespace vecferry;
using namespace vecferry::qdrant_local;
using sqlite::Db;
using sqlite::Stmt;

void Check(const Status& status) {
  if (status.ok()) return;
  std::fprintf(stderr, "%s\n", status.message().c_str());
  std::exit(1);
}

template <typename T>
T Must(Result<T> result) {
  Check(result.status());
  return std::move(*result);
}

struct Memory {
  std::string_view hash, content, tags, type, metadata;
  double created = 0, updated = 0;
  const float* vector = nullptr;
};

/// Every live memory with its vector, in the order of its id: one join, one chunk in memory at a time.
template <typename Visit>
int64_t EachMemory(const char* file, size_t dims, Visit visit) {
  Db db = Must(Db::Open(file));
  Stmt rows = Must(db.Prepare("SELECT m.content_hash, m.content, m.tags, m.memory_type, m.metadata, m.created_at, m.updated_at, r.chunk_id, "
                              "r.chunk_offset FROM memories m JOIN memory_embeddings_rowids r ON r.rowid = m.id WHERE m.deleted_at IS NULL ORDER BY m.id"));
  Stmt chunk = Must(db.Prepare("SELECT vectors FROM memory_embeddings_vector_chunks00 WHERE rowid = ?"));
  std::string vectors;
  int64_t loaded = -1, count = 0;
  while (Must(rows.Step())) {
    if (rows.Int(7) != loaded) {
      chunk.Reset();
      (void)Must(chunk.Bind(1, rows.Int(7)).Step());
      vectors = chunk.Blob(0);
      loaded = rows.Int(7);
    }
    Memory memory{rows.Text(0), rows.Text(1), rows.Text(2), rows.Text(3), rows.Text(4), rows.Double(5), rows.Double(6), nullptr};
    memory.vector = reinterpret_cast<const float*>(vectors.data()) + static_cast<size_t>(rows.Int(8)) * dims;
    visit(memory);
    ++count;
  }
  return count;
}

void AppendTags(std::string_view tags, std::string* out) {
  *out += "](";
  while (!tags.empty()) {
    const size_t comma = std::min(tags.find(','), tags.size());
    AppendText(tags.substr(0, comma), out);
    tags.remove_prefix(std::min(tags.size(), comma + 1));
  }
  *out += 'e';
}

/// The point as the service's own storage writes it. Metadata other than {} is left out: the samples have none.
void AppendPoint(const Memory& memory, const std::string& uuid, size_t dims, std::string* out) {
  BeginPoint(out);
  AppendText(uuid, out);
  BeforeVector(out);
  AppendFloats(memory.vector, dims, out);
  BeforePayload(out);
  *out += "}(";
  AppendText("content", out), AppendText(memory.content, out);
  AppendText("tags", out), AppendTags(memory.tags, out);
  AppendText("metadata", out), *out += "}";
  AppendText("created_at", out), AppendReal(memory.created, out);
  AppendText("updated_at", out), AppendReal(memory.updated, out);
  AppendText("memory_type", out), AppendText(memory.type, out);
  AppendText("content_hash", out), AppendText(memory.hash, out);
  *out += 'u';
  EndPoint(out);
}

class Writer {
 public:
  Writer(const std::filesystem::path& dir, int64_t per_commit) : per_commit_(per_commit) {
    std::filesystem::create_directories(dir);
    db_ = Must(Db::Open(dir / "storage.sqlite", {sqlite::OpenOptions::Mode::create}));
    Check(db_.Exec("PRAGMA page_size=16384; PRAGMA journal_mode=DELETE; PRAGMA synchronous=FULL; PRAGMA cache_size=-16384;"
                   "CREATE TABLE points (id TEXT PRIMARY KEY, point BLOB)"));
    insert_ = Must(db_.Prepare("INSERT OR REPLACE INTO points VALUES(?, ?)"));
  }

  void Put(const Memory& memory, size_t dims) {
    if (open_ == 0) Check(db_.Exec("BEGIN"));
    std::string uuid(memory.hash.substr(0, 32));
    for (const size_t at : {8, 13, 18, 23}) uuid.insert(at, 1, '-');
    buffer_.clear();
    AppendPoint(memory, uuid, dims, &buffer_);
    std::string key;
    AppendKey(PointId::Of(uuid), &key);
    Check(insert_.BindText(1, key).BindBlob(2, buffer_).Run());
    if (++open_ == per_commit_) Commit();
  }

  void Commit() {
    if (open_ > 0) Check(db_.Exec("COMMIT"));
    open_ = 0;
  }

 private:
  Db db_;
  Stmt insert_;
  std::string buffer_;
  const int64_t per_commit_;
  int64_t open_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) return std::fprintf(stderr, "usage: bench_main_job read DB | copy DB OUTDIR [ROWS_PER_COMMIT]\n"), 2;
  Db db = Must(Db::Open(argv[2]));
  const auto dims = static_cast<size_t>(Must(db.QueryInt("SELECT length(c.vectors)/k.size/4 FROM memory_embeddings_vector_chunks00 c, memory_embeddings_chunks k LIMIT 1")));
  const std::clock_t cpu = std::clock();
  const auto began = std::chrono::steady_clock::now();
  int64_t count = 0;
  double sum = 0;
  if (std::strcmp(argv[1], "copy") == 0 && argc > 3) {
    Writer writer(argv[3], argc > 4 ? std::atoll(argv[4]) : 1000);
    count = EachMemory(argv[2], dims, [&](const Memory& memory) { writer.Put(memory, dims); });
    writer.Commit();
  } else {
    // Every byte is touched once, as a reader that hands it on would.
    std::vector<float> kept(dims * 1024);
    std::string text;
    count = EachMemory(argv[2], dims, [&](const Memory& memory) {
      std::memcpy(kept.data() + (static_cast<size_t>(count++) % 1024) * dims, memory.vector, dims * 4);
      if (text.size() > (4u << 20)) text.clear();
      text.append(memory.hash).append(memory.content).append(memory.tags).append(memory.metadata).append(memory.type);
      sum += memory.created + memory.updated;
    });
  }
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
  std::printf("{\"records\": %lld, \"seconds\": %.6f, \"rate\": %.0f, \"cpu\": %.6f, \"check\": %.0f}\n", static_cast<long long>(count), seconds,
              static_cast<double>(count) / seconds, static_cast<double>(std::clock() - cpu) / CLOCKS_PER_SEC, sum);
  return 0;
}
