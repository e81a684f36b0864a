#include "migration/backup_io.h"

#include <fmt/format.h>

#include "base/text.h"

namespace vecferry {

std::string_view Name(BackupState state) {
  switch (state) {
    case BackupState::complete: return "complete";
    case BackupState::unfinished: return "unfinished";
    case BackupState::damaged: return "damaged";
  }
  return "?";
}

namespace internal {
namespace {

/// Bytes of a plain file, -1 for anything else. A symbolic link is none: a backup is what lies there itself.
int64_t BytesOf(const fs::path& file) {
  std::error_code ec;
  if (!fs::is_regular_file(fs::symlink_status(file, ec))) return -1;
  const auto size = fs::file_size(file, ec);
  return ec ? -1 : static_cast<int64_t>(size);
}

std::string WrongSize(const fs::path& file, int64_t bytes, int64_t wanted) {
  const std::string name = Printable(file.filename().string(), 200);
  return bytes < 0 ? fmt::format("{} is missing, or no plain file", name) : fmt::format("{} has {} bytes and had {}", name, FormatCount(bytes), FormatCount(wanted));
}

}  // namespace

void SendProgress(const Engine& engine, const std::string& phase, const std::string& unit, int64_t done, int64_t total) {
  Progress progress;
  progress.phase = phase;
  progress.unit = unit;
  progress.done = progress.session = done;
  progress.total = total;
  engine.events.Send({Event::Kind::progress, "", progress, {}});
}

Result<FileSum> SumWithProgress(const Engine& engine, const fs::path& file, int64_t total) {
  const auto began = engine.clock.Now();
  return SumFile(file, [&](int64_t done) {
    Progress progress;
    progress.phase = "checksum";
    progress.unit = "bytes";
    progress.done = progress.session = done;
    progress.total = total;
    progress.seconds = std::chrono::duration<double>(engine.clock.Now() - began).count();
    engine.events.Send({Event::Kind::progress, "", progress, {}});
    return engine.cancel.Check();
  });
}

Result<std::vector<std::string>> CheckFiles(const Engine& engine, const fs::path& file, const BackupManifest& manifest) {
  const int64_t bytes = BytesOf(file), wanted = manifest.file.bytes;
  if (bytes != wanted) return std::vector<std::string>{WrongSize(file, bytes, wanted)};
  ARROW_ASSIGN_OR_RAISE(const FileSum sum, SumWithProgress(engine, file, bytes));
  if (sum.sha256 == manifest.file.sha256) return std::vector<std::string>{};
  return std::vector<std::string>{fmt::format("{} has another SHA-256 than when it was made: its bytes have changed", Printable(file.filename().string(), 200))};
}

const Connector* FormOf(const Engine& engine, const fs::path& file) {
  const std::string name = ToLower(file.filename().string());
  for (const auto& connector : engine.registry.connectors()) {
    const std::string& ending = connector->info().backup_ending;
    if (!ending.empty() && name.size() > ending.size() && name.ends_with(ending)) return connector.get();
  }
  return nullptr;
}

std::string NamesOfForms(const Engine& engine, std::string_view file) {
  std::string names;
  for (const auto& connector : engine.registry.connectors()) {
    const std::string& ending = connector->info().backup_ending;
    if (!ending.empty()) names += fmt::format("{}{}{}", names.empty() ? "" : " or ", Printable(file, 200), ending);
  }
  return names;
}

Result<Location> RecordsAt(const Engine& engine, const fs::path& file) {
  const Connector* form = FormOf(engine, file);
  if (!form) {
    return MakeError(Category::usage, fmt::format("'{}' has the ending of no form of backups", Printable(file.filename().string(), 200)),
                     "name it " + NamesOfForms(engine, "FILE"));
  }
  Location location;
  location.scheme = form->info().scheme;
  location.path = fs::absolute(file).lexically_normal().string();
  return location;
}

BackupEntry LookAt(const fs::path& file) {
  BackupEntry entry;
  entry.file = file;
  entry.bytes = BytesOf(file);
  auto manifest = ReadManifest(file);
  if (IsCategory(manifest.status(), Category::not_found)) {
    entry.detail = "no manifest";
    return entry;
  }
  entry.state = BackupState::damaged;
  if (!manifest.ok()) {
    entry.detail = manifest.status().message();
    return entry;
  }
  if (entry.bytes != manifest->file.bytes) entry.detail = WrongSize(file, entry.bytes, manifest->file.bytes);
  else entry.state = BackupState::complete;
  entry.manifest = std::move(*manifest);
  return entry;
}

}  // namespace internal
}  // namespace vecferry
