#include "migration/backup.h"

#include <cerrno>

#include <fmt/format.h>
#include <unistd.h>

#include "base/failpoint.h"
#include "base/sha256.h"
#include "base/text.h"
#include "migration/backup_io.h"
#include "migration/session.h"
#include "sqlite/snapshot.h"

#ifndef VECFERRY_VERSION
#define VECFERRY_VERSION "0.1.0"
#endif

namespace vecferry {
namespace {

constexpr const char* kPending = ".vecferry-part";

fs::path With(const fs::path& path, std::string_view suffix) {
  fs::path other = path;
  return other += suffix;
}

bool Exists(const fs::path& path) {
  std::error_code ec;
  return fs::exists(fs::symlink_status(path, ec));
}

Status Remove(const fs::path& path) {
  std::error_code ec;
  fs::remove(path, ec);
  return ec ? ErrnoError(ec.value(), "cannot remove", path.string()) : Status::OK();
}

Status Rename(const fs::path& from, const fs::path& to) {
  return ::rename(from.c_str(), to.c_str()) == 0 ? SyncDir(to.parent_path()) : ErrnoError(errno, "cannot rename", from.string());
}

Status Taken(const fs::path& file) {
  return MakeError(Category::refused, fmt::format("'{}' exists", Printable(file.string())), "name another file, or replace it with --yes");
}

bool IsDatabase(const Location& source) {
  std::error_code ec;
  const fs::path file = ExpandHome(source.path);
  return fs::is_regular_file(file, ec) && sqlite::LooksLikeSqlite(file);
}

/// What both kinds of backup begin with.
BackupManifest ManifestFor(const Engine& engine, BackupManifest::Kind kind, const Location& source, const fs::path& file) {
  BackupManifest manifest;
  manifest.kind = kind;
  manifest.created = engine.clock.WallSeconds();
  manifest.program = VECFERRY_VERSION;
  manifest.source = source.Display();
  manifest.store = source.scheme;
  manifest.dataset = source.dataset;
  manifest.file.name = file.filename().string();
  return manifest;
}

/// A dataset as a file of records: the engine's copy, and the manifest once it is proven.
class RecordsBackup {
 public:
  RecordsBackup(const Engine& engine, const Location& source, const fs::path& file, const CopyOptions& options)
      : engine_(engine), source_(source), file_(file), options_(options) {}

  Result<BackupReport> Run() {
    options_.missing_vector = "keep";
    options_.unsupported = "refuse";
    options_.limit = -1;
    options_.verify = VerifyOptions{};
    options_.on_exists = OnExists::fail;
    if (Exists(file_)) ARROW_RETURN_NOT_OK(DecideAboutTheFile());
    // A manifest always is of the data beside it: the old one goes before the old data does.
    options_.steps.before_finish = [this] { return Remove(ManifestOf(file_)); };
    options_.steps.after_verify = [this](const CopyReport& report) { return report.verify && report.verify->ok ? Seal(report) : Status::OK(); };
    ARROW_ASSIGN_OR_RAISE(const Location target, internal::RecordsAt(engine_, file_));
    ARROW_ASSIGN_OR_RAISE(report_.copy, Copy(engine_, source_, target, options_));
    report_.exit_code = report_.copy->exit_code;
    if (!report_.manifest && report_.exit_code != exit_code::kDifference) {
      ARROW_ASSIGN_OR_RAISE(report_.manifest, ReadManifest(file_));  // of a run that had finished
    }
    return std::move(report_);
  }

 private:
  /// An interrupted backup goes on as it was begun; what is finished, or not ours, is replaced only when that is asked for.
  Status DecideAboutTheFile() {
    ARROW_ASSIGN_OR_RAISE(const auto unfinished, UnfinishedRun());
    if (unfinished && !options_.restart) {
      options_.on_exists = *unfinished;
      return Status::OK();
    }
    if (!options_.yes) return Taken(file_);
    options_.on_exists = OnExists::replace;
    options_.restart = true;
    return Status::OK();
  }

  /// How the interrupted run of this very backup was begun; nothing where there is none.
  Result<std::optional<OnExists>> UnfinishedRun() {
    ARROW_ASSIGN_OR_RAISE(const auto from, OpenSourceSide(engine_, source_, {.missing_vector = options_.missing_vector, .peek = true}));
    ARROW_ASSIGN_OR_RAISE(const Location target, internal::RecordsAt(engine_, file_));
    ARROW_ASSIGN_OR_RAISE(const auto to, OpenTargetSide(engine_, target, from.info.layout));
    ARROW_ASSIGN_OR_RAISE(const auto folder, FindRun(PairOf(from.info.identity, to.info.identity), options_.checkpoint));
    if (!folder) return std::optional<OnExists>();
    const auto journal = Journal::Inspect(folder->journal());
    if (!journal.ok()) return std::optional<OnExists>();
    ARROW_ASSIGN_OR_RAISE(const RunHeader header, (*journal)->header());
    ARROW_ASSIGN_OR_RAISE(const auto text, (*journal)->FindIntent(kTargetIntent));
    if (!text || header.state == "finished" || header.state == "rolled-back") return std::optional<OnExists>();
    ARROW_ASSIGN_OR_RAISE(const TargetIntent intent, TargetIntent::FromJson(*text));
    return std::optional<OnExists>(intent.on_exists);
  }

  Status Seal(const CopyReport& copy) {
    BackupManifest manifest = ManifestFor(engine_, BackupManifest::Kind::records, source_, file_);
    const DatasetInfo& info = copy.plan.source;
    manifest.store = info.store;
    manifest.dataset = info.dataset;
    manifest.identity = info.identity;
    manifest.consistency = Name(info.consistency);
    manifest.facts = info.facts;
    manifest.records = copy.verify->target_count;
    manifest.rejected = copy.transfer.rejected;
    manifest.digest = copy.verify->target_digest;
    // Of the file, not of the source, which may be another by now.
    ARROW_ASSIGN_OR_RAISE(const Location made, internal::RecordsAt(engine_, file_));
    ARROW_ASSIGN_OR_RAISE(const auto records, OpenSourceSide(engine_, made, {.missing_vector = "keep", .side = Side::sink}));
    manifest.schema = records.info.schema;
    manifest.layout = records.info.layout;
    manifest.settings = records.info.settings;
    ARROW_ASSIGN_OR_RAISE(const FileSum sum, internal::SumWithProgress(engine_, file_, copy.transfer.bytes));
    manifest.file.bytes = sum.bytes;
    manifest.file.sha256 = sum.sha256;
    VF_FAILPOINT("backup.manifest.before");
    ARROW_RETURN_NOT_OK(WriteFileAtomic(ManifestOf(file_), manifest.ToText(), 0644));
    VF_FAILPOINT("backup.manifest.after");
    report_.manifest = std::move(manifest);
    return Status::OK();
  }

  const Engine& engine_;
  const Location& source_;
  const fs::path file_;
  CopyOptions options_;
  BackupReport report_;
};

/// A database file as SQLite copies it. The manifest is written first, under a name of its own, and gets its name after the data has got its:
/// killed in between, the next backup finds by the sums that only a name is missing.
class DatabaseBackup {
 public:
  DatabaseBackup(const Engine& engine, const Location& source, const fs::path& file, bool replace)
      : engine_(engine), source_(source), from_(ExpandHome(source.path)), file_(file), replace_(replace) {}

  Result<BackupReport> Run() {
    if (CanonicalPath(from_) == CanonicalPath(file_)) return MakeError(Category::usage, "the copy would replace the source", "name another file");
    ARROW_ASSIGN_OR_RAISE(const bool named, NameInterrupted());
    if (!named) {
      if (Exists(file_) && !replace_) return Taken(file_);
      ARROW_RETURN_NOT_OK(Make());
    }
    return std::move(report_);
  }

 private:
  fs::path Part() const { return With(file_, kPending); }
  fs::path PendingManifest() const { return With(ManifestOf(file_), kPending); }

  /// True where an earlier process had put the data in place.
  Result<bool> NameInterrupted() {
    if (!Exists(PendingManifest()) || !Exists(file_)) return false;
    ARROW_ASSIGN_OR_RAISE(const std::string text, ReadFile(PendingManifest()));
    const auto manifest = BackupManifest::Parse(text, file_.filename().string());
    if (!manifest.ok()) return false;
    ARROW_ASSIGN_OR_RAISE(const auto problems, internal::CheckFiles(engine_, file_, *manifest));
    if (!problems.empty() || manifest->identity != Identity()) return false;
    ARROW_RETURN_NOT_OK(Remove(Part()));
    ARROW_RETURN_NOT_OK(Rename(PendingManifest(), ManifestOf(file_)));
    report_.manifest = *manifest;
    return true;
  }

  std::string Identity() const { return fmt::format("{}:{}", source_.scheme, CanonicalPath(from_).string()); }

  Status Make() {
    BackupManifest manifest = ManifestFor(engine_, BackupManifest::Kind::sqlite, source_, file_);
    manifest.identity = Identity();
    manifest.consistency = Name(Consistency::frozen);
    const auto told = [this](int64_t done, int64_t total) { internal::SendProgress(engine_, "backup", "pages", done, total); };
    ARROW_RETURN_NOT_OK(sqlite::BackupDatabase(from_, Part(), &engine_.cancel, told));
    ARROW_ASSIGN_OR_RAISE(const FileSum sum, internal::SumWithProgress(engine_, Part(), -1));
    manifest.file.bytes = sum.bytes;
    manifest.file.sha256 = sum.sha256;
    ARROW_RETURN_NOT_OK(WriteFileAtomic(PendingManifest(), manifest.ToText()));
    ARROW_RETURN_NOT_OK(Publish());
    report_.manifest = std::move(manifest);
    return Status::OK();
  }

  Status Publish() {
    VF_FAILPOINT("backup.file.before");
    if (replace_) {
      ARROW_RETURN_NOT_OK(Remove(ManifestOf(file_)));
      ARROW_RETURN_NOT_OK(Rename(Part(), file_));
    } else {
      // link fails where the name was taken meanwhile; rename would replace what stands there.
      if (::link(Part().c_str(), file_.c_str()) != 0) return errno == EEXIST ? Taken(file_) : ErrnoError(errno, "cannot create", file_.string());
      ARROW_RETURN_NOT_OK(Remove(Part()));
      ARROW_RETURN_NOT_OK(SyncDir(file_.parent_path()));
    }
    VF_FAILPOINT("backup.manifest.before");
    ARROW_RETURN_NOT_OK(Rename(PendingManifest(), ManifestOf(file_)));
    VF_FAILPOINT("backup.manifest.after");
    return Status::OK();
  }

  const Engine& engine_;
  const Location& source_;
  const fs::path from_, file_;
  const bool replace_;
  BackupReport report_;
};

Status CheckFileName(const fs::path& file) {
  std::error_code ec;
  const std::string name = file.filename().string();
  if (name.empty() || fs::is_directory(file, ec)) return MakeError(Category::usage, fmt::format("'{}' is a folder", Printable(file.string())), "name a file in it");
  if (!IsValidUtf8(name) || name.ends_with(kManifestSuffix)) {
    return MakeError(Category::usage, fmt::format("a backup cannot be named '{}'", Printable(name, 200)), "name it in UTF-8; its manifest is named after it");
  }
  const fs::path parent = file.has_parent_path() ? file.parent_path() : fs::path(".");
  return fs::is_directory(parent, ec) ? Status::OK() : MakeError(Category::not_found, fmt::format("the folder {} does not exist", Printable(parent.string())), "create it first");
}

Result<BackupReport> Dispatch(const Engine& engine, const Location& source, const fs::path& file, const CopyOptions& options) {
  if (internal::FormOf(engine, file)) return RecordsBackup(engine, source, file, options).Run();
  if (!options.transforms.empty()) {
    return MakeError(Category::usage, "a backup of a part of the records is one of records, not a copy of the database", fmt::format("name it {}.jsonl", Printable(file.filename().string(), 200)));
  }
  if (IsDatabase(source)) return DatabaseBackup(engine, source, file, options.yes).Run();
  // Where the source cannot be read, that comes first.
  ARROW_RETURN_NOT_OK(OpenSourceSide(engine, source, {.missing_vector = "keep", .peek = true}).status());
  const std::string name = file.filename().string();
  return MakeError(Category::usage, fmt::format("{} is no SQLite file, and '{}' has the ending of no form of backups", source.Display(), Printable(name, 200)),
                   "name it " + internal::NamesOfForms(engine, name));
}

}  // namespace

Result<BackupReport> Backup(const Engine& engine, const Location& source, const fs::path& file, const CopyOptions& options) {
  const auto began = engine.clock.Now();
  ARROW_RETURN_NOT_OK(CheckFileName(file));
  ARROW_ASSIGN_OR_RAISE(BackupReport report, Dispatch(engine, source, file, options));
  report.source = source.Display();
  report.file = file;
  if (report.manifest) report.manifest_file = ManifestOf(file);
  report.seconds = std::chrono::duration<double>(engine.clock.Now() - began).count();
  return report;
}

}  // namespace vecferry
