#pragma once
#include <string>
#include <string_view>
#include <vector>

namespace vecferry::mcp_memory {

/// Whether the tags of a column can have lost something that the tag tables still have: a comma or outer
/// white space inside a tag.
bool MayBeAmbiguous(std::string_view column);
/// Appends a JSON array of the tags as the service reads them: split at commas, white space stripped as Python does,
/// empty ones left out, order and repetition kept. The column must be valid UTF-8.
void AppendTags(std::string_view column, std::string* json);
/// The same from the names of the tag tables, in the order they have in the column, commas and spaces kept. False,
/// and nothing appended, where the names are not those of the column: an update has left them behind.
bool AppendNamedTags(std::string_view column, std::vector<std::string> names, std::string* json);

}  // namespace vecferry::mcp_memory
