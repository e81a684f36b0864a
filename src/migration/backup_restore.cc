#include <fmt/format.h>

#include "base/text.h"
#include "migration/backup_io.h"

namespace vecferry {
namespace {

/// Puts a database back as a file, where the target is one of its kind and does not exist.
Status RestoreDatabase(const Engine& engine, const fs::path& file, const BackupManifest& manifest, const Location& target, bool dry_run) {
  const fs::path to = ExpandHome(target.path);
  if (target.scheme != manifest.store) {
    return MakeError(Category::unsupported, fmt::format("{} is a database of {}, and {} is none", Printable(file.string()), Printable(manifest.store, 100), target.Display()),
                     fmt::format("put it back as a file, '{0}:PATH', or copy out of it: vecferry copy '{0}:{1}' '{2}'", Printable(manifest.store, 100), Printable(file.string()), target.Display()));
  }
  std::error_code ec;
  if (fs::exists(fs::symlink_status(to, ec))) {
    return MakeError(Category::refused, fmt::format("{} exists: a database comes back as a whole file, and replaces none", Printable(to.string())),
                     "name a file that does not exist, or move that one away");
  }
  const fs::path parent = to.has_parent_path() ? to.parent_path() : fs::path(".");
  if (!fs::is_directory(parent, ec)) return MakeError(Category::not_found, fmt::format("the folder {} does not exist", Printable(parent.string())), "create it first");
  if (dry_run) return Status::OK();
  const FileSum sum{manifest.file.bytes, manifest.file.sha256};
  return CopyFileChecked(file, fs::absolute(to), sum, [&](int64_t done) {
    internal::SendProgress(engine, "restore", "bytes", done, sum.bytes);
    return engine.cancel.Check();
  });
}

/// The digest of what was read of the backup, "" where this run does not tell that of all of it.
std::string DigestRead(const CopyReport& copy, const CopyOptions& options) {
  if (options.limit >= 0 || copy.transfer.rejected > 0 || copy.state == "dry-run") return "";
  if (copy.state != "already-finished") return copy.transfer.digest.Fingerprint();
  return copy.verify && options.verify.ignore.empty() ? copy.verify->source_digest : "";
}

Status RestoreRecords(const Engine& engine, const Location& target, const CopyOptions& options, RestoreReport* report) {
  CopyOptions how = options;
  how.missing_vector = "keep";
  ARROW_ASSIGN_OR_RAISE(const Location records, internal::RecordsAt(engine, report->file));
  ARROW_ASSIGN_OR_RAISE(report->copy, Copy(engine, records, target, how));
  report->state = report->copy->state == "finished" ? "restored" : report->copy->state;
  report->exit_code = report->copy->exit_code;
  const std::string digest = DigestRead(*report->copy, how);
  if (digest.empty() || digest == report->manifest.digest) return Status::OK();
  report->problems.push_back(fmt::format("the records have the digest {}, and the manifest says {}", digest, Printable(report->manifest.digest, 200)));
  report->exit_code = exit_code::kDifference;
  return Status::OK();
}

}  // namespace

Result<RestoreReport> Restore(const Engine& engine, const fs::path& path, const Location& target, const CopyOptions& options) {
  const auto began = engine.clock.Now();
  RestoreReport report;
  report.file = DataOf(path);
  report.target = target.Display();
  ARROW_ASSIGN_OR_RAISE(report.manifest, ReadManifest(report.file));
  ARROW_ASSIGN_OR_RAISE(report.problems, internal::CheckFiles(engine, report.file, report.manifest));
  if (!report.problems.empty()) {
    report.state = "damaged";
    report.exit_code = exit_code::kDifference;
  } else if (report.manifest.kind == BackupManifest::Kind::sqlite) {
    ARROW_RETURN_NOT_OK(RestoreDatabase(engine, report.file, report.manifest, target, options.dry_run));
    report.state = options.dry_run ? "dry-run" : "restored";
  } else {
    ARROW_RETURN_NOT_OK(RestoreRecords(engine, target, options, &report));
  }
  report.seconds = std::chrono::duration<double>(engine.clock.Now() - began).count();
  return report;
}

}  // namespace vecferry
