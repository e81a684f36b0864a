#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "connector/connector.h"
#include "connectors/weaviate/client.h"

namespace vecferry::weaviate {

/// A part of a class: some of its tenants, or of what it holds the ids from the first to below the second.
struct Range {
  std::string class_name;
  std::vector<std::string> tenants;   ///< in this order; one "" where the class keeps none apart
  std::string from, to;               ///< UUIDs, "" for the beginning and the end
  std::string Text() const;
  /// Category::corrupt for a text that is none.
  static Result<Range> Parse(std::string_view text);
};

/// About `wanted` ranges. `count` is of the whole class, -1 if it is not known.
std::vector<Split> RangesOf(const std::string& class_name, bool multi_tenant, const std::vector<Tenant>& tenants, int wanted, int64_t count);

/// Where reading goes on: behind an object of a tenant. "TENANT/UUID", "end".
struct Position {
  size_t tenant = 0;        ///< its place in the range
  std::string after;        ///< "" for its beginning
  bool ended = false;
  Cursor Text(const Range& range) const;
  static Result<Position> Parse(const Range& range, std::string_view text);
};

/// The id just before that one, for reading from it on; "" before the first of all.
std::string Before(std::string_view uuid);

}  // namespace vecferry::weaviate
