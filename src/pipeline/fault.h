#pragma once
#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "base/clock.h"
#include "connector/connector.h"

namespace vecferry {

/// What goes wrong, and when. Calls are counted per name over all users of the plan, from 1:
/// "describe", "splits", "read", "next" of a source; "describe", "prepare", "write", "flush", "resume",
/// "finish", "abort" of a sink. Thread-safe; it outlives the decorators that use it.
class FaultPlan {
 public:
  struct Rule {
    std::string call;
    int first = 1, last = 1;        ///< from the n-th call to the m-th
    Category category = Category::transient;
    bool after = false;             ///< the act takes place and then fails: its answer is lost
    std::chrono::milliseconds delay{0};
    bool fail = true;               ///< false: it is only late
  };
  explicit FaultPlan(std::vector<Rule> rules = {}, const Clock& clock = Clock::System()) : rules_(std::move(rules)), clock_(clock) {}
  void Add(Rule rule);
  /// Rows with these ids are rejected by the sink, with code "fault".
  void RejectIds(std::set<std::string> ids);
  /// Rows with these ids make the whole write fail with bad_content, as a server does that names no row.
  void PoisonIds(std::set<std::string> ids);
  /// Gives the rows of each batch read in reverse.
  void Reorder(bool reverse);
  int Calls(const std::string& call) const;

  /// Runs an act under the rules.
  Status Around(const std::string& call, const std::function<Status()>& act);
  bool Rejects(std::string_view id) const;
  bool Poisons(std::string_view id) const;
  bool reversed() const;

 private:
  mutable std::mutex mutex_;
  std::vector<Rule> rules_;
  std::map<std::string, int> calls_;
  std::set<std::string, std::less<>> rejected_, poisoned_;
  bool reverse_ = false;
  const Clock& clock_;
};

/// Decorators that do what the plan says and else what the decorated does.
std::unique_ptr<Source> FaultySource(std::unique_ptr<Source> source, FaultPlan* plan);
std::unique_ptr<Sink> FaultySink(std::unique_ptr<Sink> sink, FaultPlan* plan);

}  // namespace vecferry
