#pragma once
#include <optional>
#include <string>

#include "connector/intentions.h"
#include "connectors/milvus/dataset.h"

namespace vecferry::milvus {

/// A collection that takes the place of another: by an alias at once, else by names, old out and new in, with a moment in between. Every step
/// is written down before it is done and may have been done already.
class Replacement {
 public:
  Replacement(const Dataset& dataset, IntentLog* intents) : dataset_(dataset), intents_(intents) {}
  /// The name under which the new collection is filled, where an earlier process began.
  Result<std::optional<std::string>> Staging() const;
  /// Begins: `behind_alias` is the collection that the name stands for, "" where it is one itself. The new collection's name.
  Result<std::string> Begin(const std::string& run_id, const std::string& behind_alias);
  /// Where the new collection is now: it may have its name already.
  Result<std::string> Where(const std::string& staging) const;
  Status TurnOver(const std::string& active);
  /// Of a rollback: the old collection has its name again. The new one is dropped by the caller, under Staging's name.
  Status GiveBack();

 private:
  std::string OldName(const std::string& staging) const { return staging + "_old"; }
  const Dataset& dataset_;
  const Intentions intents_;
};

}  // namespace vecferry::milvus
