#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "transform/map_rule.h"
#include "transform/vectors.h"

namespace vecferry {

/// What a user asks to be done to the records on their way, as data. In this order: the record's key is looked at (ids, include, exclude,
/// sample), then filters, then maps, then vectors are reduced and normalised.
struct TransformSpec {
  std::vector<std::string> filters;            ///< all must hold
  std::vector<std::string> includes, excludes; ///< globs on ids
  bool has_ids = false;
  std::vector<std::string> ids;                ///< of --ids: sorted, each once
  std::string sample;                          ///< "100" or "5%", "" is all
  std::vector<std::string> maps;
  std::vector<std::string> reductions;
  bool normalise = false;

  bool operator==(const TransformSpec&) const = default;
  bool empty() const { return *this == TransformSpec(); }
  /// Whether records may be left out.
  bool selects() const { return !filters.empty() || !includes.empty() || !excludes.empty() || has_ids || !sample.empty(); }
  /// Filters, and globs as filters.
  std::vector<std::string> Conditions() const;
  /// Category::usage for what cannot be understood, whatever the dataset is.
  Status Check() const;
  /// What it says by the names of its flags, JSON values; a list of ids by its number and check sum. What a run is known by.
  std::vector<std::pair<std::string, std::string>> Entries() const;
  std::string ToJson() const;
  static Result<TransformSpec> FromJson(std::string_view json);
};

/// The ids of a file: one a line, an empty line is none, spaces belong to the id. Category::usage for what is no UTF-8, too_large beyond 64 MiB.
Result<std::vector<std::string>> ParseIdList(std::string_view text);
/// The share of all records that a sample is, of `count`. Category::usage; refused where it takes a count and there is none.
Result<double> SampleShare(std::string_view sample, int64_t count);

/// A spec with what it means in one run: fixed when the run begins, so that a resume and a verification do the same.
struct ResolvedTransforms {
  TransformSpec spec;
  RunFacts facts;
  uint64_t sample_below = UINT64_MAX;              ///< records whose SampleWord is below it are taken; the largest: all
  std::map<std::string, Projection> projections;   ///< by the column's name after the maps
  int64_t limit = -1;                              ///< of the run, for a verification of its own

  std::string ToJson() const;
  static Result<ResolvedTransforms> FromJson(std::string_view json);
};

}  // namespace vecferry
