#pragma once
#include <algorithm>
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
  /// Cases of which the store refuses something that its capabilities do not speak of, with the reason. That it is refused
  /// is asserted: a case that passes whole must not stand here.
  std::map<std::string, std::string> waived;
  /// Those of them that only the server itself can tell, when it is asked to make the dataset or to take the record: the plan does not.
  std::set<std::string> unforeseen;
  /// Cases whose vectors the store cannot keep within the tolerance that it declares, with the reason. That verification says so
  /// is asserted.
  std::map<std::string, std::string> beyond_tolerance;
  /// Another form of the same kind of store, tested as "SCHEME+VARIANT": other options, another kind of index.
  std::string variant;
  /// What was written is there for another process: false for stores that end with theirs.
  bool outlasts_process = true;

  /// As the tests are named: the scheme with '_' for '-', which a filter of GoogleTest takes for a sign.
  std::string name() const {
    std::string name = variant.empty() ? scheme : scheme + "+" + variant;
    std::replace(name.begin(), name.end(), '-', '_');
    return name;
  }
};

/// Every kind of store has one; the suite fails for a registered kind that has none.
const std::vector<Fixture>& Fixtures();

/// Adds the fixtures of a file of its own, fixtures/NAME.cc:
///   static const FixturesOf added({Name()});
struct FixturesOf {
  explicit FixturesOf(std::vector<Fixture> fixtures);
};

}  // namespace vecferry::conformance
