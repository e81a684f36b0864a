#include "report/html.h"

#include <algorithm>

#include <fmt/format.h>

#include "report/text.h"

namespace vecferry::html {
namespace {

/// Also of an amount with its unit.
bool IsNumber(std::string_view cell) {
  for (const std::string_view unit : {" ms", " s", " B", " KiB", " MiB", " GiB", "/s"}) {
    if (cell.ends_with(unit)) cell.remove_suffix(unit.size());
  }
  const bool digits = cell.find_first_of("0123456789") != std::string_view::npos;
  return digits && cell.size() < 24 && cell.find_first_not_of("0123456789,.-+ %") == std::string_view::npos;
}

}  // namespace

std::string Section(const char* id, std::string_view title, const std::string& html) {
  if (html.empty()) return {};
  return fmt::format("<section id=\"{0}\" aria-labelledby=\"{0}-title\">\n<h2 id=\"{0}-title\">{1}</h2>\n{2}</section>\n", id, EscapeMarkup(title), html);
}

std::string FactTable(const Facts& facts) {
  std::string rows;
  for (const auto& [label, value] : facts) {
    if (!value.empty()) rows += fmt::format("<tr><th scope=\"row\">{}</th><td>{}</td></tr>\n", EscapeMarkup(label, 500), EscapeMarkup(value));
  }
  return rows.empty() ? "" : "<div class=\"wide\"><table class=\"facts\">\n" + rows + "</table></div>\n";
}

Grid& Grid::Add(const std::vector<std::string>& cells, const char* css) {
  rows_ += *css ? fmt::format("<tr class=\"{}\">", css) : "<tr>";
  for (const auto& cell : cells) rows_ += fmt::format("<td{}>{}</td>", IsNumber(cell) ? " class=\"n\"" : "", EscapeMarkup(cell));
  rows_ += "</tr>\n";
  return *this;
}

Grid& Grid::AddHtml(const std::vector<std::string>& cells, const std::string& html) {
  rows_ += "<tr>";
  for (const auto& cell : cells) rows_ += fmt::format("<td{}>{}</td>", IsNumber(cell) ? " class=\"n\"" : "", EscapeMarkup(cell));
  rows_ += "<td>" + html + "</td></tr>\n";
  return *this;
}

std::string Grid::Html() const {
  if (rows_.empty()) return {};
  std::string out = "<div class=\"wide\"><table>";
  if (!caption_.empty()) out += "<caption>" + EscapeMarkup(caption_) + "</caption>";
  out += "\n<thead><tr>";
  for (const auto& cell : head_) out += "<th scope=\"col\">" + EscapeMarkup(cell) + "</th>";
  return out + "</tr></thead>\n<tbody>\n" + rows_ + "</tbody></table></div>\n";
}

std::string Code(std::string_view text) { return "<code>" + EscapeMarkup(text) + "</code>"; }

std::string Commands(const std::vector<std::pair<std::string, std::string>>& commands) {
  std::string out;
  for (const auto& [what, command] : commands) out += fmt::format("<dt>{}</dt><dd><pre>{}</pre></dd>\n", EscapeMarkup(what), EscapeMarkup(command));
  return out.empty() ? "" : "<dl class=\"commands\">\n" + out + "</dl>\n";
}

std::string Mark(bool ok, std::string_view text) {
  return fmt::format("<span class=\"mark {}\"><span aria-hidden=\"true\">{}</span> {}</span>", ok ? "ok" : "bad", ok ? "&#10003;" : "&#10007;", EscapeMarkup(text));
}

std::string Details(std::string_view summary, const std::string& html, bool open) {
  if (html.empty()) return {};
  return fmt::format("<details{}><summary>{}</summary>\n{}</details>\n", open ? " open" : "", EscapeMarkup(summary), html);
}

std::string Figure(const char* plot, size_t index, std::string_view title, std::string_view words) {
  return fmt::format(
      "<figure class=\"plot\"><div class=\"canvas\" role=\"img\" aria-label=\"{0}. {1}\" data-plot=\"{2}\" data-index=\"{3}\"></div>"
      "<figcaption><strong>{0}.</strong> {1}</figcaption></figure>\n",
      EscapeMarkup(title), EscapeMarkup(words), plot, index);
}

std::string Paragraph(std::string_view text, const char* css) {
  if (text.empty()) return {};
  return *css ? fmt::format("<p class=\"{}\">{}</p>\n", css, EscapeMarkup(text)) : fmt::format("<p>{}</p>\n", EscapeMarkup(text));
}

}  // namespace vecferry::html
