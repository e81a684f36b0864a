#include <fmt/format.h>

#include "base/text.h"
#include "migration/backup_io.h"
#include "migration/scan.h"
#include "sqlite/snapshot.h"

namespace vecferry {
namespace {

/// Reads every record and compares with what the manifest says of them.
Status CheckRecords(const Engine& engine, int jobs, BackupCheck* check) {
  const BackupManifest& manifest = *check->entry.manifest;
  const auto location = internal::RecordsAt(engine, check->entry.file);
  auto records = location.ok() ? OpenSourceSide(engine, *location, {.missing_vector = "keep"}) : Result<OpenedSource>(location.status());
  if (!records.ok()) {
    check->problems.push_back(records.status().message());
    return Status::OK();
  }
  const DatasetInfo& info = records->info;
  if (manifest.schema != info.schema) check->problems.push_back("the schema of the records is not the manifest's");
  if (manifest.settings != info.settings || manifest.layout != info.layout) check->problems.push_back("the parameters in the file are not the manifest's");
  ScanOptions options;
  options.jobs = std::max(1, jobs);
  ARROW_ASSIGN_OR_RAISE(const ScanResult found, Scan(engine, *records->source, options, "verify", manifest.records));
  check->records = found.records;
  check->digest = found.digest.Fingerprint();
  if (found.rejects > 0) {
    const std::string first = found.first_rejects.empty() ? "" : ": " + Printable(found.first_rejects[0].message, 200);
    check->problems.push_back(fmt::format("{} of the records cannot be read{}", FormatCount(found.rejects), first));
  }
  if (check->digest != manifest.digest) {
    check->problems.push_back(fmt::format("the records have the digest {}, and the manifest says {}", check->digest, Printable(manifest.digest, 200)));
  }
  return Status::OK();
}

Result<BackupCheck> CheckOne(const Engine& engine, BackupEntry entry, int jobs) {
  BackupCheck check;
  check.entry = std::move(entry);
  if (check.entry.state != BackupState::complete) {
    check.problems.push_back(check.entry.detail);
    return check;
  }
  const BackupManifest& manifest = *check.entry.manifest;
  ARROW_ASSIGN_OR_RAISE(check.problems, internal::CheckFiles(engine, check.entry.file, manifest));
  // Bytes that are others than they were need no further proof.
  if (check.problems.empty() && manifest.kind == BackupManifest::Kind::records) {
    ARROW_RETURN_NOT_OK(CheckRecords(engine, jobs, &check));
  } else if (check.problems.empty()) {
    const Status sound = sqlite::CheckIntegrity(check.entry.file);
    if (!sound.ok()) check.problems.push_back(sound.message());
  }
  if (!check.problems.empty()) check.entry.state = BackupState::damaged;
  return check;
}

Result<std::vector<BackupEntry>> EntriesAt(const Engine& engine, const fs::path& path) {
  std::error_code ec;
  if (fs::is_directory(path, ec)) {
    ARROW_ASSIGN_OR_RAISE(BackupList list, ListBackups(engine, path));
    return std::move(list.backups);
  }
  const fs::path file = DataOf(path);
  ARROW_RETURN_NOT_OK([&] {
    const Status status = ReadManifest(file).status();
    return IsCategory(status, Category::not_found) ? status : Status::OK();
  }());
  return std::vector<BackupEntry>{internal::LookAt(file)};
}

}  // namespace

Result<BackupVerifyReport> VerifyBackups(const Engine& engine, const fs::path& path, int jobs) {
  const auto began = engine.clock.Now();
  BackupVerifyReport report;
  ARROW_ASSIGN_OR_RAISE(auto entries, EntriesAt(engine, path));
  for (auto& entry : entries) {
    if (entry.state == BackupState::unfinished) {
      report.unfinished.push_back(std::move(entry));
      continue;
    }
    ARROW_ASSIGN_OR_RAISE(BackupCheck check, CheckOne(engine, std::move(entry), jobs));
    report.ok = report.ok && check.problems.empty();
    report.backups.push_back(std::move(check));
  }
  if (report.backups.empty()) {
    return MakeError(Category::not_found, fmt::format("there is no finished backup in {}", Printable(path.string())), "`vecferry backup list DIR` shows what is there");
  }
  report.seconds = std::chrono::duration<double>(engine.clock.Now() - began).count();
  return report;
}

}  // namespace vecferry
