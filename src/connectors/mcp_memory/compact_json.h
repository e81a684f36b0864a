#pragma once
#include <string>
#include <string_view>

namespace vecferry::mcp_memory {

/// Appends a JSON object without its white space if it is of the plain kind that nearly all metadata is: printable
/// ASCII without escapes, small numbers, few keys and levels, no key twice and none that is "$vf". False, and nothing
/// appended, for anything else, valid or not: JsonReader decides there. What is appended reads as the same values.
bool AppendPlainObject(std::string_view text, std::string* json);

}  // namespace vecferry::mcp_memory
