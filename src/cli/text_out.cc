#include "cli/text_out.h"

#include <algorithm>
#include <ostream>

#include <fmt/format.h>

#include "base/clock.h"
#include "base/text.h"

namespace vecferry::cli {
namespace {

/// Columns a terminal needs for UTF-8 text, one a code point.
size_t Columns(std::string_view text) {
  return static_cast<size_t>(std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

std::string Padded(const std::string& cell, size_t width, bool right) {
  const std::string blanks(width - std::min(width, Columns(cell)), ' ');
  return right ? blanks + cell : cell + blanks;
}

}  // namespace

void TextTable::Print(std::ostream& out, std::string_view indent) const {
  auto rows = rows_;
  if (!head_.empty()) rows.insert(rows.begin(), head_);
  std::vector<size_t> widths;
  for (auto& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (size_t i = 0; i < row.size(); ++i) {
      row[i] = Printable(row[i], 400);
      widths[i] = std::max(widths[i], Columns(row[i]));
    }
  }
  for (const auto& row : rows) {
    std::string line(indent);
    for (size_t i = 0; i < row.size(); ++i) {
      const bool right = std::find(right_.begin(), right_.end(), i) != right_.end();
      line += (i ? "  " : "") + Padded(row[i], widths[i], right);
    }
    line.erase(line.find_last_not_of(' ') + 1);
    out << line << '\n';
  }
}

void PrintFacts(std::ostream& out, const std::vector<std::pair<std::string, std::string>>& facts) {
  TextTable table;
  for (const auto& [label, value] : facts) table.Add({label, value});
  table.Print(out, "  ");
}

std::string Wrap(std::string_view text, size_t columns, size_t indent) {
  std::string out;
  size_t used = 0;
  while (!text.empty()) {
    const std::string_view word = text.substr(0, text.find(' '));
    text.remove_prefix(std::min(text.size(), word.size() + 1));
    if (used > 0 && used + 1 + word.size() > columns) {
      out += "\n" + std::string(indent, ' ');
      used = 0;
    } else if (used > 0) {
      out += ' ';
      ++used;
    }
    out += word;
    used += word.size();
  }
  return out;
}

std::string Counted(int64_t n, std::string_view what) { return fmt::format("{} {}{}", FormatCount(n), what, n == 1 ? "" : "s"); }

std::string ShortTime(double epoch_seconds) {
  if (epoch_seconds <= 0) return {};
  std::string text = FormatUtc(epoch_seconds);
  text[10] = ' ';
  text.pop_back();
  return text;
}

}  // namespace vecferry::cli
