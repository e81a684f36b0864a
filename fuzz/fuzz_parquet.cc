#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <string>

#include <unistd.h>

#include "connectors/parquet/parquet.h"

/// A file of any bytes is read as a source reads it: an answer, in bounded memory, never a crash. Both as columns of its own and
/// with every row numbered.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace vecferry;
  if (size > 1 << 16) return 0;
  static const fs::path path = fs::temp_directory_path() / ("fuzz_parquet_" + std::to_string(::getpid()) + ".parquet");
  std::ofstream(path, std::ios::binary | std::ios::trunc).write(reinterpret_cast<const char*>(data), static_cast<std::streamsize>(size));
  for (const bool numbered : {false, true}) {
    columnar::ColumnNames names;
    if (numbered) names.id = "@row", names.vector = "";
    const auto source = parquet_store::OpenSource(files::Place(path), names);
    if (!source.ok()) continue;
    const auto info = (*source)->Describe();
    const auto splits = (*source)->Splits(2);
    if (!info.ok() || !splits.ok() || info->count > 100000) continue;
    for (const Split& split : *splits) {
      auto reader = (*source)->Read(split, "", {});
      for (int batches = 0; reader.ok() && batches < 100; ++batches) {
        const auto batch = (*reader)->Next();
        if (!batch.ok() || !*batch) break;
      }
    }
  }
  return 0;
}
