#pragma once
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/files.h"
#include "sqlite/db.h"

namespace vecferry {

/// What a run is: the row of table `run`. Texts that hold JSON say so.
struct RunHeader {
  std::string id;
  std::string command;          ///< as it was typed, secrets masked
  std::string source, target;   ///< as they are shown
  std::string pair;             ///< identities of both sides; what "the same command" means
  std::string fingerprint;      ///< JSON object of everything that changes data
  std::string plan;             ///< JSON, the plan that is executed
  std::string version;          ///< of the program that began it
  std::string state;            ///< running, interrupted, failed, finished, rolled-back
  int exit_code = -1;
  double started = 0, updated = 0, finished = 0;  ///< seconds since the epoch
  int64_t total = -1;           ///< records the source held when it was planned, -1 if unknown
  std::string summary;          ///< JSON of the result once there is one
};

/// How far a split is: the row of table `split`.
struct SplitProgress {
  std::string payload, label;   ///< the split itself
  std::string cursor;           ///< of the highest contiguous acknowledged batch; "" is the beginning
  bool done = false;
  int64_t rows = 0;             ///< read from the source up to the cursor, source rejects left out
  int64_t written = 0, skipped = 0, rejected = 0, bytes = 0, batches = 0;
  std::string last_id;
};

struct JournalReject {
  int split = 0;
  int64_t ordinal = 0;          ///< its number within the split, given by the journal
  std::string id, tenant, code, message, record;
};

/// One acknowledged batch.
struct Ack {
  int split = 0;
  std::string cursor;
  bool split_done = false;
  int64_t rows = 0, written = 0, skipped = 0, bytes = 0;
  std::string last_id;
  std::string digest;           ///< serialised, of the records written
  std::string stored_digest;    ///< the same as the sink keeps them, "" where that is not gathered
  bool digest_is_total = false; ///< they stand for the whole split so far and replace their earlier parts
  std::string hashes;           ///< 16 bytes a record written: key hash, record hash
  std::vector<JournalReject> rejects;
};

struct BeforeImage {
  std::string tenant, id;
  std::optional<std::string> image;  ///< nothing: the id did not exist
};

/// A phase of a run; finished is 0 while it goes on.
struct PhaseTimes {
  std::string name;
  double started = 0, finished = 0;
};

/// A difference that the read-back of a batch found twice.
struct JournalMismatch {
  std::string id, tenant, field, source_value, target_value;
};

/// The SQLite file that holds one run (docs/reference/journal.md): plan, cursors, rejects, intents, before-images.
/// Thread-safe. Acknowledgements are written after the sink's answer and need no sync of their own: one that is lost
/// with the power is replayed. Intents, before-images and phases are on disk when the call returns.
class Journal {
 public:
  static constexpr int kVersion = 3;

  /// Creates the file; refused where one exists.
  static Result<std::unique_ptr<Journal>> Create(const fs::path& file, const RunHeader& header);
  /// Category::corrupt with the way on for a file that is damaged or no journal; Category::refused for one of a
  /// later version; an earlier one is brought up to this.
  static Result<std::unique_ptr<Journal>> Open(const fs::path& file);
  /// Read-only, for status and runs, also while the run is going on.
  static Result<std::unique_ptr<Journal>> Inspect(const fs::path& file);

  Result<RunHeader> header();
  Status SetState(std::string_view state, int exit_code = -1, std::string_view summary = {});
  Status SetPlan(std::string_view plan, int64_t total);

  Status BeginPhase(std::string_view name);
  Status EndPhase(std::string_view name, std::string_view result = {});
  /// The result of a phase that ended; nothing if it did not.
  Result<std::optional<std::string>> PhaseResult(std::string_view name);

  /// In the order they began.
  Result<std::vector<PhaseTimes>> phases();

  Status PutSplits(const std::vector<SplitProgress>& splits);
  /// Adds splits to those that are there: a pass over the source again, for some of its records.
  Status AppendSplits(const std::vector<SplitProgress>& splits);
  Result<std::vector<SplitProgress>> splits();
  Status CommitAcks(const std::vector<Ack>& acks, const std::optional<std::string>& sink_state);
  Result<std::string> sink_state();

  /// Sum of what was journalled, by the caller's merging of each part.
  Status EachSplitDigest(const std::function<Status(int split, std::string_view)>& part);
  /// The same as the sink keeps the records; nothing in a journal of version 1.
  Status EachStoredDigest(const std::function<Status(int split, std::string_view)>& part);
  Status EachHashes(const std::function<Status(std::string_view)>& part);
  Status EachReject(const std::function<Status(const JournalReject&)>& reject);
  Result<int64_t> reject_count();
  Status ClearRejects();

  Status AddMismatches(const std::vector<JournalMismatch>& mismatches);
  Result<std::vector<JournalMismatch>> mismatches(int64_t most);
  Result<int64_t> mismatch_count();

  Status RecordIntent(std::string_view kind, std::string_view payload);
  Result<std::optional<std::string>> FindIntent(std::string_view kind);

  /// What the run must know from its beginning to its end, by kind, in pieces; takes the place of what that kind held. On disk on return.
  Status PutParts(std::string_view kind, const std::vector<std::string>& parts);
  /// In the order they were put; none in a journal of an earlier version.
  Status EachPart(std::string_view kind, const std::function<Status(std::string_view)>& part);

  /// The first image of a key wins: one that is there already is kept.
  Status PutBeforeImages(const std::vector<BeforeImage>& images);
  /// Pages of images in the order they were taken, newest first; those already restored are left out.
  Result<std::vector<std::pair<int64_t, BeforeImage>>> BeforeImagesBelow(int64_t sequence, int64_t most);
  Status MarkRestored(const std::vector<int64_t>& sequences);

  /// Records that the pre-pass found to become one with an earlier one.
  Status PutDuplicates(const std::vector<std::pair<int, int64_t>>& duplicates);
  Result<std::vector<std::pair<int, int64_t>>> duplicates();

  /// What a process did over time, in place of what was kept of it before. Not synced, and nothing depends on it.
  Status PutActivity(std::string_view process, std::string_view body);
  /// Of all processes of the run, in the order in which they began.
  Result<std::vector<std::string>> activities();

  const fs::path& file() const { return file_; }

 private:
  Journal(fs::path file, sqlite::Db db) : file_(std::move(file)), db_(std::move(db)) {}
  static Result<std::unique_ptr<Journal>> OpenChecked(const fs::path& file, sqlite::OpenOptions options, bool check);
  /// Runs `body` in a transaction with failpoints around its commit; synced to disk if `durable`.
  Status Commit(const char* what, bool durable, const std::function<Status()>& body);
  Status InsertSplits(const std::vector<SplitProgress>& splits, int64_t first);
  Status CommitAck(const Ack& ack);
  Status InsertRejects(const Ack& ack);
  Status AppendDigest(const Ack& ack);

  fs::path file_;
  std::mutex mutex_;
  sqlite::Db db_;
};

}  // namespace vecferry
