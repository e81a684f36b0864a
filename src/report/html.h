#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "report/report.h"

/// Pieces of HTML. Whatever they are given is escaped, but what is called html.
namespace vecferry::html {

/// A level-2 section with a heading, or nothing where `html` is empty.
std::string Section(const char* id, std::string_view title, const std::string& html);
/// Labels and values in two columns; those with no value are left out, "" where none is left.
std::string FactTable(const Facts& facts);
/// A table with a head; cells that are numbers stand at the right.
class Grid {
 public:
  explicit Grid(std::string caption, std::vector<std::string> head) : caption_(std::move(caption)), head_(std::move(head)) {}
  Grid& Add(const std::vector<std::string>& cells, const char* css = "");
  /// The last cell of each row is HTML already.
  Grid& AddHtml(const std::vector<std::string>& cells, const std::string& html);
  bool empty() const { return rows_.empty(); }
  std::string Html() const;

 private:
  std::string caption_;
  std::vector<std::string> head_;
  std::string rows_;
};
std::string Code(std::string_view text);
/// Commands to be copied, each with what it is for.
std::string Commands(const std::vector<std::pair<std::string, std::string>>& commands);
/// "passed", "failed" and the like as a mark that is not told by its colour alone.
std::string Mark(bool ok, std::string_view text);
std::string Details(std::string_view summary, const std::string& html, bool open = false);
/// Where a plot is drawn, with what it shows in words. `plot` is its key in the page's data.
std::string Figure(const char* plot, size_t index, std::string_view title, std::string_view words);
std::string Paragraph(std::string_view text, const char* css = "");

// The sections of a report, each "" where there is nothing to say.
std::string Verification(const RunReport& report);
std::string Search(const SearchReport& search);
std::string Sample(const RunReport& report);
std::string OverTime(const RunReport& report);
/// The data of the plots, JSON.
std::string PlotData(const RunReport& report);

}  // namespace vecferry::html
