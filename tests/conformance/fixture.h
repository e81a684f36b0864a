#pragma once
#include <functional>
#include <set>
#include <string>

#include "connector/connector.h"

namespace vecferry::conformance {

/// What the suite must know of a kind of store that its capabilities do not say. About 20 lines each.
struct Fixture {
  std::string scheme;
  /// A dataset that does not exist, in a folder that is the test's own.
  std::function<std::string(const fs::path& dir)> empty;
  /// For a store that is only read: a dataset with at least three records, made there.
  std::function<Result<std::string>(const fs::path& dir)> sample;
  std::string layout = "default";
  /// The n-th id of plain records; the default is "rec-N".
  std::function<std::string(int)> id = [](int n) { return "rec-" + std::to_string(n); };
  IdKind id_kind = IdKind::string;
  bool document_required = false;
  Metric metric = Metric::unknown;  ///< of the plain schema; unknown: the first that is held
  /// Cases that do not apply, with the reason.
  std::map<std::string, std::string> waived;
};

/// Every kind of store has one; the suite fails for a registered kind that has none.
const std::vector<Fixture>& Fixtures();

}  // namespace vecferry::conformance
