#pragma once
#include <set>
#include <memory>
#include <optional>

#include "migration/open.h"

namespace vecferry {

/// The journal as the intent log that a sink writes to.
class JournalIntents : public IntentLog {
 public:
  explicit JournalIntents(Journal& journal) : journal_(journal) {}
  Status Record(std::string_view kind, std::string_view payload) override { return journal_.RecordIntent(kind, payload); }
  Result<std::optional<std::string>> Find(std::string_view kind) override { return journal_.FindIntent(kind); }

 private:
  Journal& journal_;
};

/// What the engine writes down before a sink is prepared: how the target was found, and how it is to be written.
/// Rollback reads it.
struct TargetIntent {
  bool existed = false;
  int64_t count = 0;              ///< records it held
  OnExists on_exists = OnExists::fail;
  std::string layout;
  std::string schema;             ///< RecordSchema as JSON
  std::string source_uri, target_uri;  ///< locations, secrets masked
  bool whole = false;             ///< what it held was of earlier runs of the same pair: nobody else's records are in it
  /// Whether others' records may stand beside this run's.
  bool shared() const {
    if (whole) return false;
    return on_exists == OnExists::append || on_exists == OnExists::upsert || (existed && count > 0 && on_exists != OnExists::replace);
  }
  std::string ToJson() const;
  static Result<TargetIntent> FromJson(std::string_view json);
};
inline constexpr std::string_view kTargetIntent = "target";
/// Payload: key words in hexadecimal, one JSON array, of the records that a pass over the source again takes.
inline constexpr std::string_view kAgainIntent = "again";

std::string_view Name(OnExists policy);
Result<OnExists> ParseOnExists(std::string_view name);

/// The run that a command is about: its folder, locked, and its journal.
struct RunSession {
  RunFolder folder;
  std::string id;
  std::optional<FileLock> lock;
  std::unique_ptr<Journal> journal;
  bool resumed = false;
};

/// What "the same command" is known by.
std::string PairOf(const std::string& source_identity, const std::string& target_identity);
/// The folder of the run of that pair, or of --checkpoint; nothing where there is none.
Result<std::optional<RunFolder>> FindRun(const std::string& pair, const std::string& checkpoint);

/// The rejects of a run as a file of JSON lines. Returns how many there are; writes nothing where there are none.
Result<int64_t> WriteRejects(Journal& journal, const fs::path& file);
/// A layout's settings with {location} and {dataset} filled in. Applications are told of folders and files; one that is on a server is not
/// theirs to open: there are none then.
std::vector<std::pair<std::string, std::string>> FilledIn(std::vector<std::pair<std::string, std::string>> settings, const Location& location);
/// The key words of a run's rejects.
Result<std::set<uint64_t>> RejectedKeys(Journal& journal);

}  // namespace vecferry
