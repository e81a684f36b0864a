#include "transform/filter_names.h"

#include <algorithm>
#include <map>

#include <fmt/format.h>

#include "base/text.h"

namespace vecferry {
namespace {

bool IsWordStart(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || static_cast<unsigned char>(c) >= 0x80; }
bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsWord(char c) { return IsWordStart(c) || IsDigit(c); }
bool IsSpace(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

constexpr size_t kMostNames = 900;
constexpr std::string_view kReserved[] = {"id", "tenant", "document", "metadata"};

class NameScanner {
 public:
  explicit NameScanner(std::string_view text) : text_(text) {}

  Result<FilterNames> Run() {
    while (at_ < text_.size()) ARROW_RETURN_NOT_OK(Step());
    if (depth_ != 0) return Bad("a bracket is not closed");
    return std::move(names_);
  }

 private:
  Status Bad(std::string_view what) const {
    return MakeError(Category::usage, fmt::format("{}, at character {}", what, at_ + 1), "docs/guide/transforms.md has the language with examples");
  }

  char Peek(size_t ahead = 0) const { return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0'; }

  Status Step() {
    const char c = Peek();
    if (c == '\'') return TakeText();
    if (c == '"' || IsWordStart(c)) return TakeName();
    if (IsDigit(c)) return TakeNumber();
    if (c == '(') ++depth_;
    if (c == ')' && --depth_ < 0) return Bad("a bracket is closed that was not opened");
    if ((c == '-' && Peek(1) == '-') || (c == '/' && Peek(1) == '*')) return Bad("an expression has no comments");
    if (std::string_view("$?@:;`[]{}#\\").find(c) != std::string_view::npos || (static_cast<unsigned char>(c) < 0x20 && !IsSpace(c))) {
      return Bad(fmt::format("'{}' has no place in an expression", Printable(std::string_view(&c, 1))));
    }
    names_.sql += c;
    ++at_;
    return Status::OK();
  }

  Status TakeText() {
    const size_t begin = at_++;
    while (at_ < text_.size()) {
      if (text_[at_++] != '\'') continue;
      if (Peek() != '\'') {
        names_.sql += text_.substr(begin, at_ - begin);
        return Status::OK();
      }
      ++at_;
    }
    at_ = begin;
    return Bad("a text is not closed");
  }

  Status TakeNumber() {
    while (IsWord(Peek()) || (Peek() == '.' && IsDigit(Peek(1)))) names_.sql += text_[at_++];
    return Status::OK();
  }

  Result<NamePart> TakePart() {
    NamePart part;
    if (Peek() != '"') {
      while (IsWord(Peek())) part.text += text_[at_++];
      return part;
    }
    part.quoted = true;
    const size_t begin = at_++;
    while (at_ < text_.size()) {
      const char c = text_[at_++];
      if (c != '"') part.text += c;
      else if (Peek() == '"') part.text += text_[at_++];
      else return part;
    }
    at_ = begin;
    return Bad("a name is not closed");
  }

  Status TakeName() {
    std::vector<NamePart> parts;
    while (true) {
      ARROW_ASSIGN_OR_RAISE(NamePart part, TakePart());
      parts.push_back(std::move(part));
      if (parts.size() > 64) return Bad("a name has too many parts");
      if (Peek() != '.' || !(Peek(1) == '"' || IsWordStart(Peek(1)))) break;
      ++at_;
    }
    if (parts.size() == 1 && !parts[0].quoted) return TakeWord(parts[0].text);
    return Name(FieldOf(parts));
  }

  /// A word alone may be SQL's or a field's: it stays as it is and is offered as a column.
  Status TakeWord(const std::string& word) {
    names_.sql += word;
    size_t ahead = 0;
    while (IsSpace(Peek(ahead))) ++ahead;
    if (Peek(ahead) == '(') return Status::OK();
    const std::string lower = ToLower(word);
    const bool reserved = std::find(std::begin(kReserved), std::end(kReserved), lower) != std::end(kReserved);
    Field field = lower == "metadata" ? Field{} : FieldOf({{reserved || lower == "vector" ? lower : word, false}});
    const auto known = words_.find(lower);
    if (known != words_.end()) {
      FilterColumn& column = names_.columns[known->second];
      column.ambiguous = column.ambiguous || !(column.field == field);
      return Status::OK();
    }
    words_.emplace(lower, names_.columns.size());
    return Offer({word, std::move(field), false});
  }

  Status Offer(FilterColumn column) {
    if (names_.columns.size() >= kMostNames) return Bad(fmt::format("an expression has {} names at most", kMostNames));
    names_.columns.push_back(std::move(column));
    return Status::OK();
  }

  /// A dotted or quoted name becomes a column with a name of its own.
  Status Name(Field field) {
    const std::string spelled = field.Spelled();
    for (const auto& column : names_.columns) {
      if (column.field == field && column.name.starts_with(spelled)) {
        names_.sql += Quoted(column.name);
        return Status::OK();
      }
    }
    std::string name = spelled;
    for (int n = 2; words_.contains(ToLower(name)); ++n) {
      name = fmt::format("{} ({})", spelled, n);
    }
    names_.sql += Quoted(name);
    words_.emplace(ToLower(name), names_.columns.size());
    return Offer({std::move(name), std::move(field), false});
  }

  static std::string Quoted(std::string_view name) {
    std::string out = "\"";
    for (const char c : name) out.append(c == '"' ? 2 : 1, c);
    return out + '"';
  }

  std::string_view text_;
  size_t at_ = 0;
  int depth_ = 0;
  FilterNames names_;
  std::map<std::string, size_t> words_;   ///< in lower case, to columns
};

}  // namespace

Result<FilterNames> ScanNames(std::string_view expression) { return NameScanner(expression).Run(); }

}  // namespace vecferry
