#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "record/member_splitter.h"

namespace vecferry::csv {

/// How the text of a column of metadata is read. Everything that is not named otherwise is text.
enum class FieldType { text, integer, real, boolean, json, decimal, date, datetime, time, bytes };

/// The type that PostgreSQL's name of one means: "int4", "timestamp with time zone", "numeric(10,2)". Category::usage for a name that
/// is no type.
Result<FieldType> TypeOfName(std::string_view name);
/// The name of a type that is written into a side-car: "int8", "timestamptz".
std::string_view NameOf(FieldType type);

/// Appends a column's text as a JSON value. Category::bad_content with the code "bad-value" where it is none of that type.
Status AppendAsJson(FieldType type, std::string_view text, JsonReader& reader, std::string* out);
/// The text that reads back as this very value; nothing where the type has none.
std::optional<std::string> TextOf(FieldType type, const JsonMember& value, JsonReader& reader);
/// The type of a column whose first value this is; nothing for null.
std::optional<FieldType> TypeFor(const JsonMember& value);

}  // namespace vecferry::csv
