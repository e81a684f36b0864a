#include "conformance/fixture.h"

#include <cstdlib>

namespace vecferry::conformance {
namespace {

Fixture Memory() {
  Fixture fixture;
  fixture.scheme = "memory";
  fixture.empty = [](const fs::path& dir) { return "memory:" + dir.filename().string() + "#docs"; };
  return fixture;
}

Fixture Jsonl() {
  Fixture fixture;
  fixture.scheme = "jsonl";
  fixture.empty = [](const fs::path& dir) { return "jsonl:" + (dir / "docs.jsonl").string(); };
  return fixture;
}

Fixture QdrantLocal() {
  Fixture fixture;
  fixture.scheme = "qdrant-local";
  fixture.empty = [](const fs::path& dir) { return "qdrant-local:" + (dir / "qdrant").string() + "#docs"; };
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
  fixture.sample = [](const fs::path& dir) {
    return MadeByVendor("sqlite-vec", dir).Map([](const std::string& file) { return "sqlite-vec:" + file + "#docs"; });
  };
  return fixture;
}

}  // namespace

const std::vector<Fixture>& Fixtures() {
  static const std::vector<Fixture> fixtures = {Memory(), Jsonl(), QdrantLocal(), McpMemory(), SqliteVec()};
  return fixtures;
}

}  // namespace vecferry::conformance
