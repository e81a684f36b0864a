#pragma once
#include <string>
#include <string_view>

#include "connectors/vdf/shape.h"
#include "record/member_splitter.h"

namespace vecferry::vdf {

/// The column of JSON text, in folders that have one.
inline constexpr std::string_view kJsonColumn = "_json";

/// The metadata of one record as a row holds it.
struct RowMetadata {
  Shape shape;              ///< of `fields`
  std::string_view fields;  ///< the JSON object of what has columns
  std::string_view rest;    ///< the JSON object of everything else, "" where there is nothing
};

/// Takes metadata apart into what columns hold and, where that is allowed, one JSON text of the rest.
class MetadataSplit {
 public:
  explicit MetadataSplit(bool json_text) : json_text_(json_text) {}
  /// The views live until the next call, and no longer than `json`. Category::bad_content as of ShapeOf where all must have columns.
  Result<RowMetadata> Of(std::string_view json);
  /// The same without the shape, of what Of took before: where all has columns nothing is read again.
  Result<RowMetadata> PartsOf(std::string_view json) { return json_text_ ? Of(json) : RowMetadata{Shape(), json, {}}; }

 private:
  Status Append(const JsonMember& member, JsonWriter& to);

  const bool json_text_;
  JsonReader reader_;
  MemberSplitter splitter_;
  std::string fields_, rest_;
};

}  // namespace vecferry::vdf
