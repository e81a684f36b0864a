// Reads vec0 tables and a memory database out of damaged files. The input patches a small valid image: records of 4
// bytes offset (little-endian, modulo the image's size), 1 byte length (1..8 taken) and that many bytes. An input that begins
// with the magic of SQLite is taken as the image itself. The images: fuzz/corpus/sqlite_vec_images beside this file, or the folder that
// VECFERRY_FUZZ_IMAGES names.
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <string>
#include <vector>

#include "connectors/mcp_memory/mcp_memory.h"
#include "connectors/sqlite_vec/sqlite_vec.h"

namespace {

using namespace vecferry;

std::string Contents(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

const std::vector<std::string>& Images() {
  static const std::vector<std::string> images = [] {
    const char* named = std::getenv("VECFERRY_FUZZ_IMAGES");
    const fs::path dir = named ? fs::path(named) : fs::path(VECFERRY_SOURCE_DIR) / "fuzz" / "corpus" / "sqlite_vec_images";
    std::vector<std::string> found;
    std::error_code ec;
    for (const auto& entry : fs::directory_iterator(dir, ec)) found.push_back(Contents(entry.path()));
    if (found.empty()) {
      std::fprintf(stderr, "no images in %s\n", dir.c_str());
      std::abort();
    }
    return found;
  }();
  return images;
}

std::string Patched(const uint8_t* data, size_t size) {
  if (size >= 16 && std::memcmp(data, "SQLite format 3", 16) == 0) return {reinterpret_cast<const char*>(data), size};
  if (size == 0) return Images()[0];
  std::string image = Images()[data[0] % Images().size()];
  for (size_t at = 1; at + 6 <= size;) {
    uint32_t offset;
    std::memcpy(&offset, data + at, 4);
    const size_t length = std::min<size_t>(1 + data[at + 4] % 8, size - at - 5);
    for (size_t i = 0; i < length; ++i) image[(offset + i) % image.size()] = static_cast<char>(data[at + 5 + i]);
    at += 5 + length;
  }
  return image;
}

void ReadEverything(Connector& connector, const fs::path& file) {
  const Location location{.scheme = connector.info().scheme, .path = file.string(), .options = {{"snapshot", "immutable"}}};
  const auto datasets = connector.List(location, {});
  if (!datasets.ok()) return;
  for (const DatasetSummary& dataset : *datasets) {
    Location one = location;
    one.dataset = dataset.name;
    const auto source = connector.OpenSource(one, {});
    if (!source.ok()) continue;
    (void)(*source)->Describe();
    const auto splits = (*source)->Splits(3);
    if (!splits.ok()) continue;
    for (const Split& split : *splits) {
      const auto reader = (*source)->Read(split, "", {.batch_rows = 7});
      if (!reader.ok()) continue;
      int64_t batches = 0;
      for (auto batch = (*reader)->Next(); batch.ok() && *batch; batch = (*reader)->Next()) {
        if (++batches > 1000000) std::abort();  // a reader that does not come to an end
      }
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size > (1 << 20)) return 0;
  static const fs::path file = (fs::exists("/dev/shm") ? fs::path("/dev/shm") : fs::temp_directory_path()) / ("vf_fuzz_sqlite_" + std::to_string(::getpid()));
  static const auto sqlite_vec = MakeSqliteVecConnector();
  static const auto mcp_memory = MakeMcpMemoryConnector();
  std::ofstream(file, std::ios::binary | std::ios::trunc) << Patched(data, size);
  ReadEverything(*sqlite_vec, file);
  ReadEverything(*mcp_memory, file);
  std::remove(file.c_str());
  return 0;
}
