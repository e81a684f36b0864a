#include "base/text.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstring>

#include <fmt/format.h>
#include <fnmatch.h>

namespace vecferry {
namespace {

/// Length of the valid UTF-8 sequence at the start of `text`, 0 if there is none.
size_t SequenceLength(std::string_view text) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  const auto tail = [&](size_t i) { return i < text.size() && (byte(i) & 0xC0) == 0x80; };
  const unsigned char lead = byte(0);
  if (lead < 0x80) return 1;
  if (lead >= 0xC2 && lead <= 0xDF) return tail(1) ? 2 : 0;
  if (lead >= 0xE0 && lead <= 0xEF) {
    if (!tail(1) || !tail(2)) return 0;
    if (lead == 0xE0 && byte(1) < 0xA0) return 0;
    if (lead == 0xED && byte(1) > 0x9F) return 0;  // surrogates
    return 3;
  }
  if (lead >= 0xF0 && lead <= 0xF4) {
    if (!tail(1) || !tail(2) || !tail(3)) return 0;
    if (lead == 0xF0 && byte(1) < 0x90) return 0;
    if (lead == 0xF4 && byte(1) > 0x8F) return 0;
    return 4;
  }
  return 0;
}

size_t EditDistance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t next = std::min({row[j] + 1, row[j - 1] + 1, diagonal + (a[i - 1] == b[j - 1] ? 0 : 1)});
      diagonal = std::exchange(row[j], next);
    }
  }
  return row.back();
}

}  // namespace

bool IsValidUtf8(std::string_view text) {
  size_t i = 0;
  while (i < text.size()) {
    uint64_t words[4];
    if (i + sizeof words <= text.size()) {
      std::memcpy(words, text.data() + i, sizeof words);
      if (((words[0] | words[1] | words[2] | words[3]) & 0x8080808080808080ull) == 0) {
        i += sizeof words;
        continue;
      }
    }
    uint64_t eight;
    if (i + 8 <= text.size()) {
      std::copy_n(text.data() + i, 8, reinterpret_cast<char*>(&eight));
      if ((eight & 0x8080808080808080ull) == 0) {
        i += 8;
        continue;
      }
    } else if (text.size() >= 8) {
      // The rest as part of the last eight: if none of these is special, nor is any of the rest.
      std::copy_n(text.data() + text.size() - 8, 8, reinterpret_cast<char*>(&eight));
      if ((eight & 0x8080808080808080ull) == 0) return true;
    }
    const size_t n = SequenceLength(text.substr(i));
    if (n == 0) return false;
    i += n;
  }
  return true;
}

std::string Printable(std::string_view text, size_t max_bytes) {
  std::string out;
  const bool cut = text.size() > max_bytes;
  if (cut) text = text.substr(0, max_bytes);
  while (!text.empty()) {
    const auto c = static_cast<unsigned char>(text[0]);
    const size_t n = SequenceLength(text);
    // U+0080..U+009F are control characters too: two bytes, C2 80..C2 9F.
    const bool control = c < 0x20 || c == 0x7F || (n == 2 && c == 0xC2 && static_cast<unsigned char>(text[1]) < 0xA0);
    if (n == 0 || control) {
      for (size_t i = 0; i < std::max<size_t>(n, 1); ++i) out += fmt::format("\\x{:02x}", static_cast<unsigned char>(text[i]));
    } else {
      out += text.substr(0, n);
    }
    text.remove_prefix(std::max<size_t>(n, 1));
  }
  return cut ? out + "..." : out;
}

std::vector<std::string> Nearest(std::string_view word, const std::vector<std::string>& candidates, size_t most) {
  std::vector<std::pair<size_t, std::string>> ranked;
  for (const auto& candidate : candidates) {
    const size_t distance = EditDistance(ToLower(word), ToLower(candidate));
    const bool contains = !word.empty() && candidate.find(word) != std::string::npos;
    if (contains || distance <= std::max<size_t>(2, word.size() / 3)) ranked.emplace_back(contains ? std::min<size_t>(distance, 1) : distance, candidate);
  }
  std::stable_sort(ranked.begin(), ranked.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  std::vector<std::string> names;
  for (size_t i = 0; i < ranked.size() && i < most; ++i) names.push_back(ranked[i].second);
  return names;
}

std::string Suggestion(std::string_view word, const std::vector<std::string>& candidates) {
  const auto near = Nearest(word, candidates);
  if (near.empty()) return {};
  std::string list;
  for (const auto& name : near) list += (list.empty() ? "" : ", ") + Printable(name, 200);
  return fmt::format(" (did you mean {}?)", list);
}

std::string FormatBytes(double bytes) {
  constexpr const char* kUnits[] = {"B", "KiB", "MiB", "GiB", "TiB"};
  size_t unit = 0;
  while (bytes >= 1024 && unit + 1 < std::size(kUnits)) bytes /= 1024, ++unit;
  return unit == 0 ? fmt::format("{:.0f} B", bytes) : fmt::format("{:.1f} {}", bytes, kUnits[unit]);
}

std::string FormatCount(int64_t n) {
  std::string digits = std::to_string(n < 0 ? -n : n);
  for (size_t at = digits.size(); at > 3; at -= 3) digits.insert(at - 3, ",");
  return n < 0 ? "-" + digits : digits;
}

std::string FormatDuration(double seconds) {
  if (!std::isfinite(seconds) || seconds < 0) return "unknown";
  if (seconds < 60) return fmt::format("{:.1f} s", seconds);
  const auto whole = static_cast<int64_t>(seconds);
  if (whole < 3600) return fmt::format("{}m {:02}s", whole / 60, whole % 60);
  return fmt::format("{}h {:02}m", whole / 3600, whole % 3600 / 60);
}

Result<uint64_t> ParseBytes(std::string_view text) {
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  std::string unit = ToLower(std::string_view(end, static_cast<size_t>(text.data() + text.size() - end)));
  if (error != std::errc() || number < 0) return MakeError(Category::usage, fmt::format("'{}' is not a size", Printable(text)), "write it as 64MiB or 4096");
  if (!unit.empty() && unit.back() == 'b') unit.pop_back();
  if (!unit.empty() && unit.back() == 'i') unit.pop_back();
  const size_t power = unit.empty() ? 0 : std::string_view("kmgt").find(unit) + 1;
  if (unit.size() > 1 || power > 4) return MakeError(Category::usage, fmt::format("'{}' is not a size", Printable(text)), "write it as 64MiB or 4096");
  return static_cast<uint64_t>(number * std::pow(1024.0, static_cast<double>(power)));
}

Result<int64_t> ParseInt(std::string_view text) {
  int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) {
    return MakeError(Category::usage, fmt::format("'{}' is not a whole number", Printable(text)));
  }
  return number;
}

std::string ToHex(std::string_view bytes) {
  std::string hex;
  for (const char c : bytes) hex += fmt::format("{:02x}", static_cast<unsigned char>(c));
  return hex;
}

std::string ToLower(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + ('a' - 'A'));
  }
  return lower;
}

bool GlobMatch(std::string_view pattern, std::string_view text) {
  return ::fnmatch(std::string(pattern).c_str(), std::string(text).c_str(), 0) == 0;
}

bool HasGlob(std::string_view text) { return text.find_first_of("*?[") != std::string_view::npos; }

}  // namespace vecferry
