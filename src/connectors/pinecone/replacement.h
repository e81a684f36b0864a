#pragma once
#include <string>
#include <vector>

#include "connector/intentions.h"
#include "connectors/pinecone/dataset.h"

namespace vecferry::pinecone {

/// Takes the place of what an index or a namespace holds. The new records go into namespaces beside the old ones, of the same
/// index; at the end the old ones are removed and the new ones copied into their place, since the service renames nothing.
class Replacement {
 public:
  /// `mark` is the run's: short, of characters that a namespace's name may have.
  Replacement(Dataset dataset, std::string mark, SinkSpec spec);
  /// What the names of the namespaces begin with that the new records go into until then.
  const std::string& prefix() const { return prefix_; }
  /// Each step may have been done already.
  Status TurnOver(const std::string& probe);
  /// The new records alone go: the old ones are what the run found, as long as it has not begun to remove them.
  Status GiveUp();

 private:
  Result<std::vector<std::string>> Staged() const;
  Status RemoveOld();
  Status CopyOver(const std::string& from, const std::string& to);

  const Dataset dataset_;
  const std::string prefix_;
  const SinkSpec spec_;
  const Intentions intents_;
};

}  // namespace vecferry::pinecone
