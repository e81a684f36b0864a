#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "connector/connector.h"

namespace vecferry {

/// A run's intents as a sink keeps them, also where it has no journal: nothing is found then, and nothing written down.
class Intentions {
 public:
  Intentions() = default;
  explicit Intentions(IntentLog* log) : log_(log) {}
  Result<std::optional<std::string>> Find(std::string_view kind) const {
    if (!log_) return std::nullopt;
    return log_->Find(kind);
  }
  /// Once: what stands there already is not written again.
  Status Record(std::string_view kind, const std::string& payload) const {
    ARROW_ASSIGN_OR_RAISE(const auto there, Find(kind));
    return there == payload || !log_ ? Status::OK() : log_->Record(kind, payload);
  }
  bool kept() const { return log_ != nullptr; }

 private:
  IntentLog* log_ = nullptr;
};

/// Category::not_found: `what` a run counts on is no longer there. Gone("the collection 'docs'", "was there when the run began").
Status Gone(std::string_view what, std::string_view which);
/// Before a target is made: OK, unless one should be there, because this run `made` it or it is known from before.
Status CheckMayMake(const SinkSpec& spec, const Intentions& intents, bool made, std::string_view what);

}  // namespace vecferry
