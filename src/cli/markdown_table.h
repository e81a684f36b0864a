#pragma once
#include <string>
#include <string_view>
#include <vector>

/// The parts of a table in Markdown.
namespace vecferry::cli {

/// Text of a table's cell: no pipe ends it early.
inline std::string Cell(std::string_view text) {
  std::string out;
  for (const char c : text) out += c == '|' ? std::string("\\|") : c == '\n' ? std::string(" ") : std::string(1, c);
  return out;
}

inline std::string Row(const std::vector<std::string>& cells) {
  std::string line = "|";
  for (const auto& cell : cells) line += " " + cell + " |";
  return line + "\n";
}

/// What stands under the row of headings.
inline std::string Rule(size_t columns) {
  std::string line = "|";
  for (size_t i = 0; i < columns; ++i) line += "---|";
  return line + "\n";
}

}  // namespace vecferry::cli
