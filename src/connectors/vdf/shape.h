#pragma once
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <arrow/type_fwd.h>

#include "record/json.h"

namespace vecferry::vdf {

/// The type of JSON values as one column can have it.
struct Shape {
  enum class Kind { unknown, boolean, integer, unsigned_integer, real, text, list, object };
  Kind kind = Kind::unknown;      ///< unknown: nothing was met yet, as in an empty list
  bool negative = false;          ///< of integers: one is below 0
  std::unique_ptr<Shape> items;   ///< of a list
  std::map<std::string, Shape, std::less<>> fields;  ///< of an object

  Shape() = default;
  explicit Shape(Kind of) : kind(of) {}
  Shape(Shape&&) = default;
  Shape& operator=(Shape&&) = default;
  Shape Clone() const;
  /// Whether one column can hold both, and the value of each comes back as it was.
  bool Fits(const Shape& other) const;
  /// Becomes the type of both. Only where Fits.
  void Merge(const Shape& other);
  std::shared_ptr<arrow::DataType> ToArrow() const;
};

/// The shape of one JSON object. Category::bad_content for what no column holds: null, an empty object or key, special
/// values, a list of several types. Codes: "metadata-null", "metadata-empty-object", "metadata-KIND", "metadata-mixed-array".
Result<Shape> ShapeOf(std::string_view json, JsonReader& reader);

/// Columns of JSON objects of one shape.
class ColumnBuilder {
 public:
  explicit ColumnBuilder(const Shape& shape);
  ~ColumnBuilder();
  /// A row. The object's own shape must have been merged into the builder's.
  Status Append(std::string_view json, JsonReader& reader);
  /// One array for each field, in the order of their names.
  Result<std::vector<std::shared_ptr<arrow::Array>>> Finish();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace vecferry::vdf
