#pragma once
#include <iosfwd>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace vecferry::cli {

/// Rows of cells in columns as wide as their widest cell, two blanks between them. Cells are made printable.
class TextTable {
 public:
  explicit TextTable(std::vector<std::string> head = {}) : head_(std::move(head)) {}
  /// Columns, from 0, whose cells stand at the right.
  TextTable& Right(std::vector<size_t> columns) { return right_ = std::move(columns), *this; }
  TextTable& Add(std::vector<std::string> row) { return rows_.push_back(std::move(row)), *this; }
  bool empty() const { return rows_.empty(); }
  void Print(std::ostream& out, std::string_view indent = "") const;

 private:
  std::vector<std::string> head_;
  std::vector<std::vector<std::string>> rows_;
  std::vector<size_t> right_;
};

/// "  label     value" lines.
void PrintFacts(std::ostream& out, const std::vector<std::pair<std::string, std::string>>& facts);
/// Words in lines of at most `columns`, each after the first preceded by `indent` blanks.
std::string Wrap(std::string_view text, size_t columns, size_t indent);
/// "1 record", "2 records".
std::string Counted(int64_t n, std::string_view what);
/// "2026-01-02 03:04:05" UTC; "" for 0.
std::string ShortTime(double epoch_seconds);

}  // namespace vecferry::cli
