#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace vecferry {

/// What a filter or a map names: a part of the record.
struct Field {
  enum class Kind { id, tenant, document, metadata, vector };
  Kind kind = Kind::metadata;
  std::vector<std::string> path;   ///< of metadata: keys from the outside in; none is the whole object
  std::string column;              ///< of a vector: "vector", "vector:NAME", "sparse:NAME", "multi:NAME"

  bool operator==(const Field&) const = default;
  /// As it is written, quoted where it must be.
  std::string Spelled() const;
};

/// One part of a dotted name.
struct NamePart {
  std::string text;
  bool quoted = false;
};

/// "title", "address.city", "metadata.id", "id", "tenant", "document", "vector", "vector:NAME"; a key with other characters than letters,
/// digits, _ and - stands in double quotes, doubled within: "a.b", metadata."vector:x". Category::usage.
Result<Field> ParseField(std::string_view text);
/// The same from parts that were taken apart already.
Field FieldOf(const std::vector<NamePart>& parts);
/// Whether it is one of the record's own names and no field of the metadata.
bool IsVectorName(std::string_view text);

}  // namespace vecferry
