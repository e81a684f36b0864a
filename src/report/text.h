#pragma once
#include <string>
#include <string_view>

namespace vecferry {

/// & < > " ' as entities; control characters, bytes that are no UTF-8 and what XML does not allow as \xNN. For HTML and XML, text and attributes.
std::string EscapeMarkup(std::string_view text, size_t most_bytes = 20'000);
/// JSON that may stand in a script element: < > & and the line separators of JavaScript as \uNNNN.
std::string SafeInScript(std::string_view json);
/// "2026-01-02 03:04:05 UTC"; "" for 0.
std::string UtcText(double epoch_seconds);
/// "0.8 ms", "12 ms", "3.4 s".
std::string ShortSeconds(double seconds);

}  // namespace vecferry
