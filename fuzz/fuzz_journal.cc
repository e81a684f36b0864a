// A journal whose bytes were changed: opening and reading it answers or fails, and never crashes or hangs.
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>

#include <unistd.h>

#include "journal/journal.h"
#include "record/digest.h"

namespace {

using namespace vecferry;

/// A small journal with a row in each table, as bytes.
std::string MakeImage(const fs::path& dir) {
  const fs::path file = dir / "seed.sqlite";
  fs::remove(file);
  RunHeader header;
  header.id = "r";
  header.pair = "a -> b";
  header.fingerprint = header.plan = "{}";
  auto journal = *Journal::Create(file, header);
  SplitProgress split;
  split.payload = "1 9";
  (void)journal->PutSplits({split});
  Ack ack;
  ack.cursor = "5";
  ack.rows = 5;
  ack.digest = Digest().Serialize();
  ack.hashes = std::string(32, 'h');
  ack.rejects = {{0, 0, "id", "", "bad-metadata", "why", "{}"}};
  (void)journal->CommitAcks({ack}, "state");
  (void)journal->RecordIntent("target", "{}");
  (void)journal->PutBeforeImages({{"", "id", "image"}});
  (void)journal->PutDuplicates({{0, 1}});
  journal.reset();
  auto db = *sqlite::Db::Open(file, {sqlite::OpenOptions::Mode::read_write});
  (void)db.Exec("PRAGMA wal_checkpoint(TRUNCATE); PRAGMA journal_mode=DELETE");
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

void ReadAll(Journal& journal) {
  (void)journal.header();
  (void)journal.splits();
  (void)journal.sink_state();
  (void)journal.EachSplitDigest([](int, std::string_view part) { return Digest::Parse(part).status(); });
  (void)journal.EachHashes([](std::string_view) { return Status::OK(); });
  (void)journal.EachReject([](const JournalReject&) { return Status::OK(); });
  (void)journal.FindIntent("target");
  (void)journal.BeforeImagesBelow(INT64_MAX, 100);
  (void)journal.duplicates();
  Ack ack;
  ack.cursor = "9";
  (void)journal.CommitAcks({ack}, std::nullopt);
}

}  // namespace

/// Input: records of four bytes, each a position in the image (24 bits) and the byte that is put there.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const fs::path dir = [] {
    fs::path path = fs::path("/dev/shm") / ("vf_fuzz_journal_" + std::to_string(::getpid()));
    fs::create_directories(path);
    return path;
  }();
  static const std::string image = MakeImage(dir);
  std::string bytes = image;
  for (; size >= 4; data += 4, size -= 4) {
    uint32_t word;
    std::memcpy(&word, data, 4);
    bytes[(word >> 8) % bytes.size()] = static_cast<char>(word);
  }
  const fs::path file = dir / "journal.sqlite";
  for (const char* suffix : {"", "-wal", "-shm", "-journal"}) fs::remove(file.string() + suffix);
  std::ofstream(file, std::ios::binary) << bytes;
  for (auto open : {&Journal::Open, &Journal::Inspect}) {
    if (auto journal = open(file); journal.ok()) ReadAll(**journal);
  }
  return 0;
}
