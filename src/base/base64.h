#pragma once
#include <optional>
#include <string>
#include <string_view>

namespace vecferry {

/// RFC 4648 section 4: the standard alphabet, padded, on one line.
void AppendBase64(std::string_view bytes, std::string* out);
std::string Base64(std::string_view bytes);
/// Nothing for text that the encoder could not have written: white space, missing padding, stray bits.
std::optional<std::string> ParseBase64(std::string_view text);
/// The same into a string that is reused; false, with whatever content, where there is nothing.
bool ParseBase64(std::string_view text, std::string* out);

}  // namespace vecferry
