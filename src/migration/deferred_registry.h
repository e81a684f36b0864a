#pragma once
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/cancel.h"
#include "base/clock.h"
#include "base/files.h"

namespace vecferry {

/// A run that has put off the index of a target: what is needed to put the settings back without it.
struct DeferredMember {
  std::string run;        ///< its id, for people
  std::string target;     ///< URI, secrets masked
  std::string layout;
  std::string settings;   ///< of the index as they were before any run put it off
};

/// The runs that have put off the index of one target (docs/reference/journal.md): StateDir()/deferred/HASH.lock, and
/// a file for each of them in StateDir()/deferred/HASH/, on which it holds a lock for as long as its process lives. A file
/// without a holder is that of a run that was killed. Everything is read and changed under the target's lock.
class DeferredRegistry {
 public:
  struct Entry {
    std::string name;
    DeferredMember member;
    bool live = false;
  };
  /// Of the target of that identity.
  static Result<DeferredRegistry> Of(const std::string& identity);
  /// Of every target that has one.
  static Result<std::vector<DeferredRegistry>> All();

  /// The target's lock; waits for it. Category::locked after two minutes.
  Result<FileLock> Lock(const Clock& clock, const CancelToken& cancel) const;
  /// Sorted by name. A file that cannot be read is Category::corrupt, naming it.
  Result<std::vector<Entry>> Members() const;
  /// Writes a member's file and holds it.
  Result<FileLock> Join(const std::string& name, const DeferredMember& member) const;
  Status Remove(const std::string& name) const;

 private:
  explicit DeferredRegistry(fs::path dir) : dir_(std::move(dir)) {}
  fs::path dir_;
};

}  // namespace vecferry
