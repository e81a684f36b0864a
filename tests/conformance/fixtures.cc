#include "conformance/fixture.h"

#include <cstdlib>

#include "conformance/test_server.h"

namespace vecferry::conformance {
namespace {

Fixture Memory() {
  Fixture fixture;
  fixture.scheme = "memory";
  fixture.empty = [](const fs::path& dir) { return "memory:" + dir.filename().string() + "#docs"; };
  fixture.outlasts_process = false;
  return fixture;
}

Fixture Jsonl() {
  Fixture fixture;
  fixture.scheme = "jsonl";
  fixture.empty = [](const fs::path& dir) { return "jsonl:" + (dir / "docs.jsonl").string(); };
  return fixture;
}

Fixture Faiss() {
  Fixture fixture;
  fixture.scheme = "faiss";
  fixture.empty = [](const fs::path& dir) { return "faiss:" + (dir / "docs.index").string(); };
  return fixture;
}

Fixture Npy() {
  Fixture fixture;
  fixture.scheme = "npy";
  fixture.empty = [](const fs::path& dir) { return "npy:" + (dir / "docs.npy").string(); };
  return fixture;
}

Fixture Parquet() {
  Fixture fixture;
  fixture.scheme = "parquet";
  fixture.empty = [](const fs::path& dir) { return "parquet:" + (dir / "docs.parquet").string(); };
  return fixture;
}

Fixture Csv() {
  Fixture fixture;
  fixture.scheme = "csv";
  fixture.empty = [](const fs::path& dir) { return "csv:" + (dir / "docs.csv").string(); };
  return fixture;
}

Fixture Vdf() {
  Fixture fixture;
  fixture.scheme = "vdf";
  fixture.empty = [](const fs::path& dir) { return "vdf:" + (dir / "vdf").string() + "#docs"; };
  const std::string why = "an object without fields has no place in its columns";
  fixture.waived = {{"json_empty_object", why}, {"json_nested_null", why}};
  return fixture;
}

/// All values of metadata, as JSON text where they must.
Fixture VdfWithJsonText() {
  Fixture fixture;
  fixture.scheme = "vdf";
  fixture.variant = "json";
  fixture.empty = [](const fs::path& dir) { return "vdf:" + (dir / "vdf").string() + "?metadata=json#docs"; };
  return fixture;
}

Fixture QdrantLocal() {
  Fixture fixture;
  fixture.scheme = "qdrant-local";
  fixture.empty = [](const fs::path& dir) { return "qdrant-local:" + (dir / "qdrant").string() + "#docs"; };
  return fixture;
}

Fixture Qdrant() {
  Fixture fixture;
  fixture.scheme = "qdrant";
  fixture.empty = [](const fs::path& dir) {
    static const TestServer server("qdrant");
    return "qdrant://127.0.0.1:" + std::to_string(server.Number("grpc_port")) + "#" + dir.filename().string();
  };
  return fixture;
}

/// The vendor's extension makes the file that is read.
Result<std::string> MadeByVendor(const std::string& scheme, const fs::path& dir) {
  const fs::path file = dir / "sample.db";
  std::error_code ec;
  if (fs::exists(file, ec)) return file.string();
  const std::string command = "'" VECFERRY_SOURCE_DIR "/.venv/bin/python' '" VECFERRY_SOURCE_DIR "/tests/conformance/samples.py' " + scheme + " '" + file.string() + "'";
  if (std::system(command.c_str()) != 0) return MakeError(Category::internal, "the sample could not be made: " + command);
  return file.string();
}

Fixture McpMemory() {
  Fixture fixture;
  fixture.scheme = "mcp-memory";
  fixture.layout = "mcp-memory";
  fixture.sample = [](const fs::path& dir) {
    return MadeByVendor("mcp-memory", dir).Map([](const std::string& file) { return "mcp-memory:" + file; });
  };
  return fixture;
}

Fixture SqliteVec() {
  Fixture fixture;
  fixture.scheme = "sqlite-vec";
  fixture.empty = [](const fs::path& dir) {
    std::error_code ec;
    std::string extension;
    for (const auto& entry : fs::directory_iterator(fs::path(VECFERRY_SOURCE_DIR) / ".venv/lib", ec)) {
      extension = (entry.path() / "site-packages/sqlite_vec/vec0").string();
    }
    return "sqlite-vec:" + (dir / "notes.db").string() + "?snapshot=live&extension=" + PercentEncode(extension, "/") + "#docs";
  };
  return fixture;
}

/// Those of the files in fixtures/.
std::vector<Fixture>& Added() {
  static std::vector<Fixture> fixtures;
  return fixtures;
}

}  // namespace

FixturesOf::FixturesOf(std::vector<Fixture> fixtures) { Added().insert(Added().end(), fixtures.begin(), fixtures.end()); }

const std::vector<Fixture>& Fixtures() {
  static const std::vector<Fixture> fixtures = [] {
    std::vector<Fixture> all = {Memory(), Jsonl(), Parquet(), Vdf(), VdfWithJsonText(), Csv(), Faiss(), Npy(), Qdrant(), QdrantLocal(), McpMemory(), SqliteVec()};
    all.insert(all.end(), Added().begin(), Added().end());
    return all;
  }();
  return fixtures;
}

}  // namespace vecferry::conformance
