#include <cstdint>
#include <cstdlib>
#include <string>

#include "base/sha256.h"
#include "migration/backup_manifest.h"

/// A manifest whose check sum is right, whatever is in it; one that is read is written as a text that reads back.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace vecferry;
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  (void)BackupManifest::Parse(input, "a.jsonl");
  const std::string body(input);
  const auto manifest = BackupManifest::Parse(body + ",\n  \"check\": \"" + Sha256::Of(body) + "\"\n}\n", "a.jsonl");
  if (!manifest.ok()) return 0;
  const std::string text = manifest->ToText();
  const auto again = BackupManifest::Parse(text, "a.jsonl");
  if (!again.ok() || again->ToText() != text) std::abort();
  return 0;
}
