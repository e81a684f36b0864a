#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace vecferry {

bool IsValidUtf8(std::string_view text);
/// Control characters and invalid UTF-8 as \xNN, so that a name from outside cannot steer a terminal.
std::string Printable(std::string_view text, size_t max_bytes = 4096);
/// The candidates nearest to `word` by edit distance, nearest first, at most `most`.
std::vector<std::string> Nearest(std::string_view word, const std::vector<std::string>& candidates, size_t most = 3);
/// " (did you mean a, b?)" or nothing.
std::string Suggestion(std::string_view word, const std::vector<std::string>& candidates);
/// "1.5 MiB".
std::string FormatBytes(double bytes);
/// "12,345".
std::string FormatCount(int64_t n);
/// "1h 02m", "3m 04s", "5.6 s".
std::string FormatDuration(double seconds);
/// "64MiB", "1.5G", "4096" to bytes; K, M, G and Ki, Mi, Gi all count in 1024.
Result<uint64_t> ParseBytes(std::string_view text);
Result<int64_t> ParseInt(std::string_view text);
std::string ToHex(std::string_view bytes);
std::string ToLower(std::string_view text);
/// fnmatch-like match with *, ? and [a-z].
bool GlobMatch(std::string_view pattern, std::string_view text);
bool HasGlob(std::string_view text);

}  // namespace vecferry
