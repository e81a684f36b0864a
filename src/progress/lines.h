#pragma once
#include <optional>
#include <string>

#include "progress/events.h"

namespace vecferry {

/// How much of what happens is told to people.
struct LineOptions {
  bool quiet = false;          ///< warnings alone
  bool verbose = false;        ///< with every event's fields
  int64_t list_at_most = 10;   ///< rejects, and differences, that get a line each; further ones are only counted
};

/// Puts events that are worth a line of their own into words: messages, warnings, retries, rejects, differences.
/// Whatever comes from outside is printable in the answer. Not for use by two threads at once.
class EventLines {
 public:
  explicit EventLines(LineOptions options = {}) : options_(options) {}
  /// One line without its end; nothing for progress, and for what is only counted.
  std::optional<std::string> Of(const Event& event);

 private:
  std::optional<std::string> Listed(const Event& event, const char* what, int64_t* seen);
  std::string Fields(const Event& event) const;

  LineOptions options_;
  int64_t rejects_ = 0, mismatches_ = 0;
};

/// "12,345/20,000 records", "12,345 records".
std::string DoneOfTotal(const Progress& progress);
/// "transfer: 12,345 records in 3.2 s (3,858/s)", or "finish: done" of a phase that counts nothing. `last` is the last
/// progress that was told; it stands in where the end of the phase itself comes without counts.
std::string PhaseSummary(const Progress& end, const Progress& last);

}  // namespace vecferry
