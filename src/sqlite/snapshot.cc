#include "sqlite/snapshot.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <fstream>
#include <utility>

#include <fmt/format.h>
#include <sqlite3.h>

#include "base/failpoint.h"
#include "base/text.h"

namespace vecferry::sqlite {
namespace {

constexpr std::string_view kMagic{"SQLite format 3\0", 16};
constexpr int kPagesPerStep = 512;
constexpr int kCopyAttempts = 5;

fs::path Beside(const fs::path& file, std::string_view suffix) { return fs::path(file.string() + std::string(suffix)); }

/// Bytes of a file, 0 where it does not exist.
uint64_t SizeOf(const fs::path& file) {
  struct stat st{};
  return ::stat(file.c_str(), &st) == 0 ? static_cast<uint64_t>(st.st_size) : 0;
}

/// A change that is not yet in the main file waits in one of these.
bool HasPendingChanges(const fs::path& file) {
  return SizeOf(Beside(file, "-wal")) > 0 || SizeOf(Beside(file, "-journal")) > 0;
}

Status CheckIsDatabase(const fs::path& file) {
  struct stat st{};
  if (::stat(file.c_str(), &st) != 0) {
    if (errno == ENOENT || errno == ENOTDIR) {
      return MakeError(Category::not_found, fmt::format("{} does not exist", file.string()), "check the path");
    }
    return ErrnoError(errno, "cannot read", file.string());
  }
  if (S_ISDIR(st.st_mode)) {
    return MakeError(Category::usage, fmt::format("{} is a folder, not a SQLite database", file.string()), "name the database file in it");
  }
  if (st.st_size == 0) {
    return MakeError(Category::corrupt, fmt::format("{} is empty (0 bytes): not a SQLite database", file.string()), "check the path");
  }
  if (::access(file.c_str(), R_OK) != 0) return ErrnoError(errno, "cannot read", file.string());
  if (!LooksLikeSqlite(file)) {
    return MakeError(Category::corrupt, fmt::format("{} is not a SQLite database", file.string()),
                     "check the path; an encrypted database has to be decrypted first");
  }
  return Status::OK();
}

/// The same failure with the process that holds the database, where it is known.
Status WithHolder(const Status& failure, const fs::path& file) {
  if (!IsCategory(failure, Category::locked)) return failure;
  const std::string holders = HoldersOf(file);
  ErrorFacts facts = FactsOf(failure);
  return MakeError(std::move(facts), fmt::format("{} is locked by another process{}", file.string(),
                                                 holders.empty() ? std::string() : " (" + holders + ")"));
}

/// SQLite refuses a file that is shorter than its header says as malformed: this tells which it is. Bytes 16 and
/// 28 of the header are the page size (1 for 65536) and the number of pages, big-endian.
Status ExplainDamage(const Status& failure, const fs::path& file) {
  if (!IsCategory(failure, Category::corrupt)) return failure;
  std::array<uint8_t, 32> head{};
  std::ifstream in(file, std::ios::binary);
  if (!in.read(reinterpret_cast<char*>(head.data()), head.size())) return failure;
  const uint64_t page = head[16] == 0 && head[17] == 1 ? 65536 : static_cast<uint64_t>(head[16]) << 8 | head[17];
  const uint64_t pages = static_cast<uint64_t>(head[28]) << 24 | static_cast<uint64_t>(head[29]) << 16 | static_cast<uint64_t>(head[30]) << 8 | head[31];
  const uint64_t size = SizeOf(file);
  if (size >= page * pages) return failure;
  return MakeError(Category::corrupt, fmt::format("{} is cut off: it has {} bytes of {}", file.string(), size, page * pages),
                   "restore it from a backup, or recover it with `sqlite3 FILE .recover`");
}

Result<Db> OpenAndRead(const fs::path& file, const OpenOptions& options) {
  ARROW_ASSIGN_OR_RAISE(Db db, Db::Open(file, options));
  ARROW_RETURN_NOT_OK(db.Exec("BEGIN"));
  ARROW_RETURN_NOT_OK(db.QueryInt("SELECT count(*) FROM sqlite_master").status());
  ARROW_RETURN_NOT_OK(db.Exec("COMMIT"));
  return db;
}

struct FileState {
  off_t size = -1;
  timespec changed{};
  bool operator==(const FileState& o) const {
    return size == o.size && changed.tv_sec == o.changed.tv_sec && changed.tv_nsec == o.changed.tv_nsec;
  }
};

FileState StateOf(const fs::path& file) {
  struct stat st{};
  if (::stat(file.c_str(), &st) != 0) return {};
  return {st.st_size, st.st_mtim};
}

Status CopyFileBytes(const fs::path& from, const fs::path& to) {
  std::error_code ec;
  fs::copy_file(from, to, fs::copy_options::overwrite_existing, ec);
  if (ec) return ErrnoError(ec.value(), "cannot copy", from.string());
  fs::permissions(to, fs::perms::owner_read | fs::perms::owner_write, ec);
  return Status::OK();
}

Result<fs::path> MakeTempDir() {
  const char* base = std::getenv("TMPDIR");
  std::string name = fmt::format("{}/vecferry-XXXXXX", base && *base ? base : "/tmp");
  if (!::mkdtemp(name.data())) return ErrnoError(errno, "cannot create a temporary folder", name);
  return fs::path(name);
}

Status Reserve(const fs::path& file) {
  std::error_code ec;
  fs::remove(file, ec);
  const int fd = ::open(file.c_str(), O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0600);
  if (fd < 0) return ErrnoError(errno, "cannot create", file.string());
  ::close(fd);
  return Status::OK();
}

/// Closes a backup on every path.
struct BackupCloser {
  void operator()(sqlite3_backup* backup) const { sqlite3_backup_finish(backup); }
};

Status StepAll(Db& from, Db& to, const CancelToken* cancel, const CopyProgress& on_progress) {
  std::unique_ptr<sqlite3_backup, BackupCloser> backup(sqlite3_backup_init(to.handle(), "main", from.handle(), "main"));
  if (!backup) return ErrorOf(to.handle(), "cannot copy the database");
  for (int code = SQLITE_OK; code != SQLITE_DONE;) {
    if (cancel) ARROW_RETURN_NOT_OK(cancel->Check());
    code = sqlite3_backup_step(backup.get(), kPagesPerStep);
    if (code == SQLITE_BUSY || code == SQLITE_LOCKED) {
      return MakeError({.category = Category::locked, .retry = Retry::after_delay}, "the database was locked while it was copied");
    }
    if (code != SQLITE_OK && code != SQLITE_DONE) {
      const Category category = CategoryOfCode(code);
      return MakeError(category, fmt::format("cannot copy {} to {}: {}", sqlite3_db_filename(from.handle(), "main"), sqlite3_db_filename(to.handle(), "main"),
                                             sqlite3_errstr(code)),
                       category == Category::no_space ? "free some space and run the same command again" : "");
    }
    const int64_t total = sqlite3_backup_pagecount(backup.get());
    if (on_progress) on_progress(total - sqlite3_backup_remaining(backup.get()), total);
  }
  return Status::OK();
}

Status CheckSpace(Db& db, const fs::path& destination) {
  ARROW_ASSIGN_OR_RAISE(const int64_t pages, db.QueryInt("PRAGMA page_count"));
  ARROW_ASSIGN_OR_RAISE(const int64_t page_size, db.QueryInt("PRAGMA page_size"));
  ARROW_ASSIGN_OR_RAISE(const uint64_t free, FreeSpace(destination));
  const auto needed = static_cast<uint64_t>(pages) * static_cast<uint64_t>(page_size);
  if (free >= needed) return Status::OK();
  return MakeError(Category::no_space,
                   fmt::format("a copy of the database needs {}, {} are free in {}", FormatBytes(static_cast<double>(needed)),
                               FormatBytes(static_cast<double>(free)), destination.parent_path().string()),
                   "free some space, or read it in place with the option snapshot=live");
}

/// One online backup of `from` into `part`, a database that needs no -wal beside it.
Status WritePart(Db& from, const fs::path& part, const CancelToken* cancel, const CopyProgress& on_progress) {
  ARROW_RETURN_NOT_OK(Reserve(part));
  ARROW_ASSIGN_OR_RAISE(Db to, Db::Open(part, {.mode = OpenOptions::Mode::read_write}));
  ARROW_RETURN_NOT_OK(to.Exec("PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF"));
  // The read transaction fixes the state: the backup would otherwise start over with every foreign write.
  ARROW_RETURN_NOT_OK(from.Exec("BEGIN"));
  ARROW_RETURN_NOT_OK(from.QueryInt("SELECT count(*) FROM sqlite_master").status());
  ARROW_RETURN_NOT_OK(CheckSpace(from, part));
  ARROW_RETURN_NOT_OK(StepAll(from, to, cancel, on_progress));
  ARROW_RETURN_NOT_OK(from.Exec("COMMIT"));
  return Status::OK();
}

/// Turns the copied header's WAL mode off: a frozen file must be readable alone, in any folder. Bytes 18 and 19
/// of the file are the format's write and read versions (1: rollback journal, 2: WAL).
Status ClearWalMode(const fs::path& part) {
  const int fd = ::open(part.c_str(), O_RDWR | O_CLOEXEC);
  if (fd < 0) return ErrnoError(errno, "cannot open", part.string());
  const std::array<uint8_t, 2> versions{1, 1};
  const bool written = ::pwrite(fd, versions.data(), versions.size(), 18) == 2;
  const int error = errno;
  ::close(fd);
  return written ? Status::OK() : ErrnoError(error, "cannot write", part.string());
}

Status Publish(const fs::path& part, const fs::path& destination) {
  ARROW_RETURN_NOT_OK(SyncFile(part));
  VF_FAILPOINT("snapshot.rename.before");
  if (::rename(part.c_str(), destination.c_str()) != 0) return ErrnoError(errno, "cannot rename", part.string());
  VF_FAILPOINT("snapshot.rename.after");
  return SyncDir(destination.parent_path());
}

void RemovePart(const fs::path& part) {
  std::error_code ec;
  for (const char* suffix : {"", "-wal", "-shm", "-journal"}) fs::remove(Beside(part, suffix), ec);
}

Status CopyChecked(const fs::path& file, const fs::path& destination, bool check, const CancelToken* cancel,
                   const CopyProgress& on_progress, int busy_timeout_ms) {
  VF_FAILPOINT("snapshot.before");
  ARROW_ASSIGN_OR_RAISE(const auto source,
                        Snapshot::Open(file, {.how = Snapshot::How::live, .busy_timeout_ms = busy_timeout_ms}));
  const fs::path part = Beside(fs::absolute(destination), ".part");
  Status status = [&]() -> Status {
    ARROW_ASSIGN_OR_RAISE(Db from, source->Connect());
    ARROW_RETURN_NOT_OK(WithHolder(WritePart(from, part, cancel, on_progress), file));
    ARROW_RETURN_NOT_OK(ClearWalMode(part));
    if (check) ARROW_RETURN_NOT_OK(CheckIntegrity(part));
    return Publish(part, fs::absolute(destination));
  }();
  if (!status.ok()) RemovePart(part);
  return status;
}

}  // namespace

Status CheckIntegrity(const fs::path& file) {
  ARROW_ASSIGN_OR_RAISE(Db db, Db::Open(file, {.mode = OpenOptions::Mode::immutable}));
  ARROW_ASSIGN_OR_RAISE(const std::string found, db.QueryText("PRAGMA integrity_check(1)"));
  if (found == "ok") return Status::OK();
  return MakeError(Category::corrupt, "the database is damaged: " + Printable(found, 300),
                   "restore it from a backup, or recover it with `sqlite3 FILE .recover`");
}

bool LooksLikeSqlite(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  std::array<char, 16> head{};
  return in.read(head.data(), head.size()) && std::string_view(head.data(), head.size()) == kMagic;
}

Snapshot::Options OptionsFor(Snapshot::How how, const fs::path& work_dir, const CancelToken* cancel, const Report& report, bool peek) {
  Snapshot::Options options;
  options.how = peek && how == Snapshot::How::copy && work_dir.empty() ? Snapshot::How::peek : how;
  options.work_dir = work_dir;
  options.cancel = cancel;
  if (report) options.on_progress = [report](int64_t done, int64_t total) { report("copying the database, pages", done, total); };
  return options;
}

Result<Snapshot::How> ParseHow(std::string_view text) {
  if (text == "copy" || text.empty()) return Snapshot::How::copy;
  if (text == "live") return Snapshot::How::live;
  if (text == "immutable") return Snapshot::How::immutable;
  return MakeError(Category::usage, fmt::format("snapshot={} is none of copy, live, immutable", Printable(text, 100)),
                   "use one of them");
}

Result<std::shared_ptr<const Snapshot>> Snapshot::Open(const fs::path& file, Options options) {
  std::shared_ptr<Snapshot> snapshot(new Snapshot());
  snapshot->source_ = snapshot->file_ = CanonicalPath(file);
  snapshot->open_.busy_timeout_ms = options.busy_timeout_ms;
  if (options.how == How::copy && !options.work_dir.empty()) {
    const fs::path copy = options.work_dir / "source.sqlite";
    if (!fs::exists(copy)) {
      ARROW_RETURN_NOT_OK(Copy(file, copy, options.cancel, options.on_progress, options.busy_timeout_ms));
    }
    snapshot->file_ = copy;
    options.how = How::immutable;
  }
  ARROW_RETURN_NOT_OK(CheckIsDatabase(snapshot->file_));
  // A read-only connection would make a -wal and a -shm beside a database of WAL mode and leave them there.
  if (options.how == How::peek && !fs::exists(Beside(snapshot->file_, "-wal")) && !HasPendingChanges(snapshot->file_)) {
    snapshot->open_.mode = OpenOptions::Mode::immutable;
  }
  if (options.how == How::immutable) {
    if (HasPendingChanges(snapshot->file_)) {
      return MakeError(Category::refused,
                       fmt::format("{} cannot be read as immutable: its -wal or -journal file holds changes", file.string()),
                       "leave out snapshot=immutable, or close the program that writes it");
    }
    snapshot->open_.mode = OpenOptions::Mode::immutable;
    snapshot->frozen_ = true;
  }
  ARROW_RETURN_NOT_OK(snapshot->Probe());
  return snapshot;
}

Snapshot::~Snapshot() {
  std::error_code ec;
  if (!private_dir_.empty()) fs::remove_all(private_dir_, ec);
}

Status Snapshot::Probe() {
  const Status status = OpenAndRead(file_, open_).status();
  if (status.ok() || open_.mode == OpenOptions::Mode::immutable) return ExplainDamage(status, file_);
  return ProbeLocked(status);
}

/// A read-only open needs the -shm of a WAL database, and a hot journal needs to be rolled back: neither can be
/// where the folder may not be written.
Status Snapshot::ProbeLocked(const Status& failure) {
  const Category category = FactsOf(failure).category;
  if (category != Category::not_found && category != Category::permission) return ExplainDamage(WithHolder(failure, file_), file_);
  if (HasPendingChanges(file_)) return CopySidecars();
  open_.mode = OpenOptions::Mode::immutable;
  return OpenAndRead(file_, open_).status();
}

Status Snapshot::CopySidecars() {
  ARROW_ASSIGN_OR_RAISE(private_dir_, MakeTempDir());
  const fs::path copy = private_dir_ / "source.sqlite";
  const auto states = [this] {
    return std::array<FileState, 3>{StateOf(file_), StateOf(Beside(file_, "-wal")), StateOf(Beside(file_, "-journal"))};
  };
  for (int attempt = 0; attempt < kCopyAttempts; ++attempt) {
    const auto before = states();
    for (const char* suffix : {"", "-wal", "-journal"}) {
      if (fs::exists(Beside(file_, suffix))) ARROW_RETURN_NOT_OK(CopyFileBytes(Beside(file_, suffix), Beside(copy, suffix)));
    }
    if (before == states()) {
      // Opening it for writing replays the -wal or rolls the journal back, in our copy.
      ARROW_ASSIGN_OR_RAISE(Db db, Db::Open(copy, {.mode = OpenOptions::Mode::read_write}));
      ARROW_RETURN_NOT_OK(db.QueryText("PRAGMA journal_mode=DELETE").status());
      file_ = copy;
      open_.mode = OpenOptions::Mode::immutable;
      frozen_ = true;
      db = Db();
      return OpenAndRead(file_, open_).status();
    }
  }
  return MakeError({.category = Category::locked, .retry = Retry::after_delay,
                    .next_step = "close the program that writes it, or let this user write the folder"},
                   fmt::format("{} is being written, and its folder may not be written by this user", file_.string()));
}

Result<Db> Snapshot::Connect() const {
  auto db = OpenAndRead(file_, open_);
  return db.ok() ? std::move(db) : Result<Db>(WithHolder(db.status(), file_));
}

Status Snapshot::Copy(const fs::path& file, const fs::path& destination, const CancelToken* cancel,
                      const CopyProgress& on_progress, int busy_timeout_ms) {
  return CopyChecked(file, destination, false, cancel, on_progress, busy_timeout_ms);
}

Status BackupDatabase(const fs::path& file, const fs::path& destination, const CancelToken* cancel,
                      const CopyProgress& on_progress) {
  return CopyChecked(file, destination, true, cancel, on_progress, 5000);
}

}  // namespace vecferry::sqlite
