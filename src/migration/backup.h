#pragma once
#include <optional>
#include <string>
#include <vector>

#include "migration/backup_manifest.h"
#include "migration/engine.h"

/// Backups: a dataset with its parameters in a file, a manifest beside it that says what it is and proves it, and the way back.
namespace vecferry {

enum class BackupState {
  complete,    ///< manifest and data are there, the data has its size
  unfinished,  ///< data without a manifest, or a part of it
  damaged,     ///< the manifest cannot be read, or the data is missing or of another size
};
std::string_view Name(BackupState state);

/// One backup as it lies in a folder.
struct BackupEntry {
  fs::path file;                          ///< the data, whether it is there or not
  BackupState state = BackupState::unfinished;
  std::string detail;                     ///< what is wrong, "" where nothing is
  int64_t bytes = -1;                     ///< of the data, -1 where it is missing
  std::optional<BackupManifest> manifest; ///< where it can be read
};

struct BackupReport {
  std::string source;
  fs::path file, manifest_file;
  int exit_code = 0;                      ///< 4 where the copy differs: there is no manifest then
  std::optional<BackupManifest> manifest;
  std::optional<CopyReport> copy;         ///< of records
  double seconds = 0;
  std::string ToJson() const;
};

struct RestoreReport {
  fs::path file;
  std::string target;
  std::string state;                      ///< restored, already-finished, dry-run, damaged
  int exit_code = 0;
  BackupManifest manifest;
  std::vector<std::string> problems;      ///< with the backup itself; nothing was written where it was damaged
  std::optional<CopyReport> copy;         ///< of records
  double seconds = 0;
  std::string ToJson() const;
};

struct BackupCheck {
  BackupEntry entry;
  std::vector<std::string> problems;      ///< none: it is as it was made
  int64_t records = -1;                   ///< that were read
  std::string digest;
};

struct BackupVerifyReport {
  bool ok = true;
  std::vector<BackupCheck> backups;
  std::vector<BackupEntry> unfinished;    ///< not looked at: there is nothing that says what they should be
  double seconds = 0;
  std::string ToJson() const;
};

struct BackupList {
  fs::path dir;
  std::vector<BackupEntry> backups;       ///< newest first, those without a time last
  std::string ToJson() const;
};

struct PruneOptions {
  double older_than_days = 30;
  int64_t keep_last = 1;                  ///< the newest so many of each source stay, however old
  bool yes = false;                       ///< else nothing is deleted
};

struct PruneReport {
  bool deleted = false;                   ///< false: `backups` are those that would be
  std::vector<BackupEntry> backups;
  int64_t bytes = 0, kept = 0;
  std::string ToJson() const;
};

/// Copies a dataset into `file` and proves it; the manifest comes last. A source that is one SQLite file, where `file` has the ending of no form
/// of backups (Connector::Info::backup_ending), is backed up as that database, its integrity checked; any other in that form, by the engine's
/// copy: resumable, with its settings and layout.
/// A `file` that exists is replaced only with options.yes. Of the options those about what is copied are not used: a backup is whole.
Result<BackupReport> Backup(const Engine& engine, const Location& source, const fs::path& file, const CopyOptions& options);
/// Checks the files against the manifest, then copies the records to the target and compares their digest. A database comes back as
/// a file that must not exist. A damaged backup is a report with exit code 4, and nothing is written.
Result<RestoreReport> Restore(const Engine& engine, const fs::path& file, const Location& target, const CopyOptions& options);
/// A backup, or every one below a folder: sizes and sums, then all records against the digest. Changes nothing.
Result<BackupVerifyReport> VerifyBackups(const Engine& engine, const fs::path& path, int jobs);
/// What lies below a folder, by manifests and sizes alone.
Result<BackupList> ListBackups(const Engine& engine, const fs::path& dir);
/// Deletes old backups. One whose data is damaged counts as none that could be kept; one whose manifest cannot be read is never deleted.
Result<PruneReport> PruneBackups(const Engine& engine, const fs::path& dir, const PruneOptions& options);

}  // namespace vecferry
