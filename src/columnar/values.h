#pragma once
#include <optional>
#include <string>
#include <string_view>

#include <arrow/type_fwd.h>

#include "record/json.h"

namespace vecferry::columnar {

/// An array as it is stored: extension types taken off, dictionaries resolved by the reader of a value.
std::shared_ptr<arrow::Array> Storage(const std::shared_ptr<arrow::Array>& array);
std::shared_ptr<arrow::DataType> Storage(const std::shared_ptr<arrow::DataType>& type);
/// The name of an extension type, "" for others: "arrow.json", "arrow.uuid".
std::string ExtensionOf(const arrow::DataType& type);

/// Whether a column's values are text (utf8 of any width, view, or a dictionary of it).
bool IsText(const arrow::DataType& type);
bool IsInteger(const arrow::DataType& type);
/// The text of a value, nothing for null. Of IsText types.
std::optional<std::string_view> TextAt(const arrow::Array& array, int64_t row);
/// Of IsInteger types, in decimal; nothing for null.
std::optional<std::string> IntegerAt(const arrow::Array& array, int64_t row);

/// One value as events: integers, reals, text, booleans as they are; dates, times, timestamps, decimals, bytes as specials; lists, structs and maps
/// with text keys as arrays and objects; arrow.json parsed; null inside a value as null. `reader` parses JSON.
/// Category::bad_content for text that is not UTF-8 or JSON, unsupported for a type without a counterpart.
Status EmitValue(const arrow::Array& array, int64_t row, JsonVisitor& out, JsonReader& reader, int depth = 0);
/// Whether EmitValue knows the type, with all that is nested in it.
bool CanEmit(const arrow::DataType& type, int depth = 0);

}  // namespace vecferry::columnar
