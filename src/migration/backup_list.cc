#include <algorithm>
#include <map>

#include <fmt/format.h>
#include <unistd.h>

#include "base/failpoint.h"
#include "base/text.h"
#include "migration/backup_io.h"

namespace vecferry {
namespace {

constexpr int kMaxDepth = 16;
constexpr size_t kMaxNames = 100'000;
constexpr std::string_view kPart = ".vecferry-part";

/// The files of a folder and those below it; links are not followed.
Result<std::vector<fs::path>> FilesBelow(const Engine& engine, const fs::path& dir) {
  std::error_code ec;
  if (!fs::is_directory(dir, ec)) {
    return MakeError(fs::exists(dir, ec) ? Category::usage : Category::not_found, fmt::format("{} is no folder", Printable(dir.string())), "name the folder that the backups are in");
  }
  std::vector<fs::path> files;
  size_t names = 0;
  fs::recursive_directory_iterator it(dir, ec);
  for (; !ec && it != fs::recursive_directory_iterator(); it.increment(ec)) {
    ARROW_RETURN_NOT_OK(engine.cancel.Check());
    if (++names > kMaxNames) {
      return MakeError(Category::refused, fmt::format("there are more than {} files below {}", FormatCount(kMaxNames), Printable(dir.string())), "name a smaller folder");
    }
    if (it.depth() >= kMaxDepth) it.disable_recursion_pending();
    std::error_code kind;
    if (it->symlink_status(kind).type() == fs::file_type::regular) files.push_back(it->path());
  }
  if (ec) return ErrnoError(ec.value(), "cannot read the folder", dir.string());
  return files;
}

/// Whether a file without a manifest is what an interrupted backup leaves: a part, or a file of records.
bool IsUnfinished(const Engine& engine, const fs::path& file) {
  const std::string name = file.filename().string();
  if (name.ends_with(kPart)) return !name.ends_with(std::string(kManifestSuffix) + std::string(kPart));
  const Connector* form = internal::FormOf(engine, file);
  return form && form->Recognises(file);
}

double TimeOf(const BackupEntry& entry) { return entry.manifest ? entry.manifest->created : 0; }

Result<std::vector<BackupEntry>> FindBackups(const Engine& engine, const fs::path& dir) {
  ARROW_ASSIGN_OR_RAISE(const auto files, FilesBelow(engine, dir));
  std::vector<BackupEntry> found;
  std::error_code ec;
  for (const auto& file : files) {
    if (file.string().ends_with(kManifestSuffix)) {
      found.push_back(internal::LookAt(DataOf(file)));
    } else if (!fs::exists(ManifestOf(file), ec) && IsUnfinished(engine, file)) {
      found.push_back(internal::LookAt(file));
      if (file.string().ends_with(kPart)) found.back().detail = "a part of one";
    }
  }
  std::sort(found.begin(), found.end(), [](const BackupEntry& a, const BackupEntry& b) {
    return TimeOf(a) != TimeOf(b) ? TimeOf(a) > TimeOf(b) : a.file < b.file;
  });
  return found;
}

/// Whether there is something in it to be kept: its data lies there, as whole as its size tells.
bool IsWhole(const BackupEntry& entry) { return entry.state == BackupState::complete; }

/// The entries, newest first, that are old and not among the newest of their source. Where a source has too few that are whole, a
/// damaged one whose data is there stays as well.
std::vector<BackupEntry> Choose(const std::vector<BackupEntry>& all, const PruneOptions& options, double now) {
  std::map<std::string, int64_t> whole, kept;
  for (const auto& entry : all) {
    if (entry.manifest && IsWhole(entry)) ++whole[entry.manifest->identity];
  }
  std::vector<BackupEntry> chosen;
  for (const auto& entry : all) {
    if (!entry.manifest) continue;
    const std::string& source = entry.manifest->identity;
    const bool counts = IsWhole(entry) || (entry.bytes >= 0 && whole[source] < options.keep_last);
    if (counts && kept[source] < options.keep_last) {
      ++kept[source];
      continue;
    }
    if (now - entry.manifest->created >= options.older_than_days * 86400) chosen.push_back(entry);
  }
  return chosen;
}

Status RemoveFile(const fs::path& file) {
  std::error_code ec;
  fs::remove(file, ec);
  return ec ? ErrnoError(ec.value(), "cannot remove", file.string()) : Status::OK();
}

/// The data first: a manifest without data is still known for what it is, and the next pruning takes it; data without a
/// manifest would stay for ever.
Status Delete(const BackupEntry& entry) {
  VF_FAILPOINT("prune.data.before");
  ARROW_RETURN_NOT_OK(RemoveFile(entry.file));
  ARROW_RETURN_NOT_OK(SyncDir(entry.file.parent_path()));
  VF_FAILPOINT("prune.manifest.before");
  return RemoveFile(ManifestOf(entry.file));
}

}  // namespace

Result<BackupList> ListBackups(const Engine& engine, const fs::path& dir) {
  BackupList list;
  list.dir = dir;
  ARROW_ASSIGN_OR_RAISE(list.backups, FindBackups(engine, dir));
  return list;
}

Result<PruneReport> PruneBackups(const Engine& engine, const fs::path& dir, const PruneOptions& options) {
  PruneReport report;
  ARROW_ASSIGN_OR_RAISE(const auto all, FindBackups(engine, dir));
  report.backups = Choose(all, options, engine.clock.WallSeconds());
  report.kept = static_cast<int64_t>(all.size() - report.backups.size());
  for (const auto& entry : report.backups) report.bytes += std::max<int64_t>(entry.bytes, 0);
  if (!options.yes) return report;
  for (const auto& entry : report.backups) {
    ARROW_RETURN_NOT_OK(engine.cancel.Check());
    ARROW_RETURN_NOT_OK(Delete(entry));
  }
  report.deleted = true;
  return report;
}

}  // namespace vecferry
