#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/cancel.h"
#include "base/error.h"
#include "base/files.h"
#include "sqlite/db.h"

namespace vecferry::sqlite {

/// Called with pages (done, total).
using CopyProgress = std::function<void(int64_t done, int64_t total)>;

/// A database of somebody else's, opened read-only: it is never created, changed or repaired. How it can be
/// read is found once; each thread then takes a connection of its own.
class Snapshot {
 public:
  enum class How {
    copy,       ///< copied once into a folder of the run and read from there, frozen; live where there is no folder
    live,       ///< read where it is, each transaction one state
    peek,       ///< live, but leaving no file behind: where no -wal exists, and so no program has the database open in WAL
                ///< mode, without locks. For a look; what is read while a program begins to write may be torn
    immutable,  ///< read where it is, without locks, on the user's word that nobody writes; refused where a -wal
                ///< or -journal holds changes
  };
  struct Options {
    How how = How::copy;
    fs::path work_dir;  ///< of How::copy: the copy is work_dir/source.sqlite, found again by a later process
    int busy_timeout_ms = 5000;
    const CancelToken* cancel = nullptr;
    CopyProgress on_progress;
  };

  /// Category::not_found for a file that does not exist, corrupt for one that is empty, cut off or no SQLite
  /// database, locked (naming the holder) where another process has it exclusively.
  static Result<std::shared_ptr<const Snapshot>> Open(const fs::path& file, Options options);
  ~Snapshot();

  /// A connection to the state this snapshot reads. From any thread.
  Result<Db> Connect() const;
  /// The file that is read: the source, or a copy of it.
  const fs::path& file() const { return file_; }
  /// The file that was named, canonical: the same however it was spelled.
  const fs::path& source() const { return source_; }
  /// Whether what is read can no longer change.
  bool frozen() const { return frozen_; }

  /// Copies a database as of one moment, while others may write it: one online backup inside one read
  /// transaction, so it never starts over. The destination (mode 0600) appears whole or not at all; one that exists is replaced.
  static Status Copy(const fs::path& file, const fs::path& destination, const CancelToken* cancel = nullptr,
                     const CopyProgress& on_progress = {}, int busy_timeout_ms = 5000);

 private:
  Snapshot() = default;
  Status Probe();
  Status ProbeLocked(const Status& failure);
  Status CopySidecars();

  fs::path source_, file_, private_dir_;
  OpenOptions open_;
  bool frozen_ = false;
};

/// "copy", "live" or "immutable"; Category::usage for anything else.
Result<Snapshot::How> ParseHow(std::string_view text);
/// Tells what is done, how much of it and of how much.
using Report = std::function<void(std::string_view what, int64_t done, int64_t total)>;
/// How a store opens its database. `peek`: only a look is meant, so that where there is no folder for a copy no file is left behind.
Snapshot::Options OptionsFor(Snapshot::How how, const fs::path& work_dir, const CancelToken* cancel, const Report& report, bool peek = false);

/// Copies a database as Snapshot::Copy does and has SQLite check the copy's integrity before it gets its
/// name. Category::corrupt, with what was found, leaves no file.
Status BackupDatabase(const fs::path& file, const fs::path& destination, const CancelToken* cancel = nullptr,
                      const CopyProgress& on_progress = {});

/// Has SQLite look at every page of a database that nobody writes. Category::corrupt with what was found; the file is not changed.
Status CheckIntegrity(const fs::path& file);

/// Whether the file begins as a SQLite database does.
bool LooksLikeSqlite(const fs::path& file);

}  // namespace vecferry::sqlite
