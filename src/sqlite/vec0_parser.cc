#include "sqlite/vec0_parser.h"

#include <cctype>
#include <limits>
#include <utility>

#include <fmt/format.h>

#include "base/text.h"

namespace vecferry::sqlite {
namespace {

// Limits of sqlite-vec are 8192 dims and 4096 slots; larger ones are taken as long as sizes cannot overflow.
constexpr int64_t kMaxDims = 1 << 20;
constexpr int64_t kMaxChunkSize = 1 << 20;
constexpr size_t kMaxTokens = 1 << 16;

struct Token {
  enum Kind { word, number, punctuation } kind;
  std::string text;   ///< unquoted
  std::string lower;
  bool Is(char c) const { return kind == punctuation && text[0] == c; }
  bool Is(std::string_view word_text) const { return kind == word && lower == word_text; }
};

class Lexer {
 public:
  explicit Lexer(std::string_view sql) : sql_(sql) {}
  std::vector<Token> Run() {
    std::vector<Token> tokens;
    while (Skip() && tokens.size() < kMaxTokens) tokens.push_back(Next());
    return tokens;
  }

 private:
  char Peek(size_t ahead = 0) const { return at_ + ahead < sql_.size() ? sql_[at_ + ahead] : '\0'; }

  /// Past white space and comments; false at the end.
  bool Skip() {
    while (at_ < sql_.size()) {
      if (std::isspace(static_cast<unsigned char>(Peek()))) {
        ++at_;
      } else if (Peek() == '-' && Peek(1) == '-') {
        at_ = std::min(sql_.find('\n', at_), sql_.size());
      } else if (Peek() == '/' && Peek(1) == '*') {
        const size_t end = sql_.find("*/", at_ + 2);
        at_ = end == std::string_view::npos ? sql_.size() : end + 2;
      } else {
        return true;
      }
    }
    return false;
  }

  static bool IsWord(char c) { return std::isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '$' || (c & 0x80); }

  Token Next() {
    const char c = Peek();
    if (c == '"' || c == '\'' || c == '`' || c == '[') {
      // [ opens dimensions after a type, and quotes a name only in the part before the column list, which no
      // one reads: it is punctuation here.
      if (c != '[') return Quoted(c);
    }
    if (!IsWord(c)) return Make(Token::punctuation, 1);
    size_t length = 1;
    while (IsWord(Peek(length))) ++length;
    return Make(std::isdigit(static_cast<unsigned char>(c)) ? Token::number : Token::word, length);
  }

  Token Make(Token::Kind kind, size_t length) {
    std::string text(sql_.substr(at_, length));
    at_ += length;
    std::string lower = ToLower(text);
    return {kind, std::move(text), std::move(lower)};
  }

  Token Quoted(char quote) {
    std::string text;
    for (++at_; at_ < sql_.size(); ++at_) {
      if (sql_[at_] == quote) {
        if (Peek(1) != quote) break;
        ++at_;
      }
      text += sql_[at_];
    }
    if (at_ < sql_.size()) ++at_;
    std::string lower = ToLower(text);
    return {Token::word, std::move(text), std::move(lower)};
  }

  std::string_view sql_;
  size_t at_ = 0;
};

using Argument = std::vector<Token>;

/// The position after "USING vec0", or npos.
size_t AfterUsing(const std::vector<Token>& tokens) {
  for (size_t i = 0; i + 1 < tokens.size(); ++i) {
    if (tokens[i].Is("using") && tokens[i + 1].Is("vec0")) return i + 2;
  }
  return std::string::npos;
}

/// The arguments of the module, split at the commas that no bracket encloses.
std::vector<Argument> Arguments(const std::vector<Token>& tokens, size_t at) {
  std::vector<Argument> arguments;
  if (at >= tokens.size() || !tokens[at].Is('(')) return arguments;
  Argument current;
  int depth = 0;
  for (++at; at < tokens.size(); ++at) {
    const Token& token = tokens[at];
    if (token.Is('(')) ++depth;
    if (token.Is(')') && depth-- == 0) break;
    if (token.Is(',') && depth == 0) arguments.push_back(std::exchange(current, {}));
    else current.push_back(token);
  }
  if (!current.empty()) arguments.push_back(std::move(current));
  return arguments;
}

std::optional<Vec0Element> ElementOf(const Token& token) {
  if (token.Is("float") || token.Is("f32") || token.Is("float32")) return Vec0Element::f32;
  if (token.Is("int8") || token.Is("i8")) return Vec0Element::i8;
  if (token.Is("bit")) return Vec0Element::bit;
  return std::nullopt;
}

std::optional<Vec0Type> TypeOf(const Token& token) {
  if (token.Is("text")) return Vec0Type::text;
  if (token.Is("integer") || token.Is("int")) return Vec0Type::integer;
  if (token.Is("float") || token.Is("double")) return Vec0Type::real;
  if (token.Is("boolean") || token.Is("bool")) return Vec0Type::boolean;
  if (token.Is("blob")) return Vec0Type::blob;
  return std::nullopt;
}

class Parser {
 public:
  explicit Parser(std::string_view table) { table_.name = table; }

  Status Add(const Argument& argument) {
    if (argument.empty()) return Status::OK();
    if (argument.size() >= 3 && argument[1].Is('=')) return Option(argument);
    if (argument[0].Is('+')) return Auxiliary(argument);
    if (argument.size() < 2) return Unknown(argument);
    if (argument.size() >= 5 && argument[2].Is('[')) return Vector(argument);
    if (argument.size() == 4 && argument[3].Is("key")) return Key(argument);
    const auto type = TypeOf(argument[1]);
    if (!type || argument.size() != 2) return Unknown(argument);
    return Scalar(Vec0Kind::metadata, argument[0].text, argument[1], *type);
  }

  Result<Vec0Table> Finish() {
    if (count_[static_cast<size_t>(Vec0Kind::vector)] == 0) {
      return MakeError(Category::unsupported, fmt::format("table {} declares no vector column", Printable(table_.name, 200)));
    }
    return std::move(table_);
  }

 private:
  Status Unknown(const Argument& argument) const {
    std::string text;
    for (const Token& token : argument) text += (text.empty() ? "" : " ") + token.text;
    return MakeError(Category::unsupported,
                     fmt::format("the declaration \"{}\" of table {} is not understood", Printable(text, 200), Printable(table_.name, 200)));
  }

  Status Option(const Argument& argument) {
    if (!argument[0].Is("chunk_size")) return Unknown(argument);
    const auto value = ParseInt(argument[2].text);
    if (!value.ok() || *value <= 0 || *value > kMaxChunkSize || *value % 8 != 0) return Unknown(argument);
    table_.chunk_size = static_cast<int32_t>(*value);
    return Status::OK();
  }

  Status Auxiliary(const Argument& argument) {
    if (argument.size() != 3) return Unknown(argument);
    const auto type = TypeOf(argument[2]);
    return type ? Scalar(Vec0Kind::auxiliary, argument[1].text, argument[2], *type) : Unknown(argument);
  }

  Status Key(const Argument& argument) {
    const auto type = TypeOf(argument[1]);
    if (type != Vec0Type::text && type != Vec0Type::integer) return Unknown(argument);
    if (argument[2].Is("partition")) return Scalar(Vec0Kind::partition, argument[0].text, argument[1], *type);
    if (!argument[2].Is("primary")) return Unknown(argument);
    table_.key = argument[0].text;
    table_.text_key = type == Vec0Type::text;
    return Status::OK();
  }

  Status Scalar(Vec0Kind kind, const std::string& name, const Token& declared, Vec0Type type) {
    Vec0Column column;
    column.name = name;
    column.type = type;
    column.declared = declared.lower;
    return Append(kind, std::move(column));
  }

  Status Vector(const Argument& argument) {
    Vec0Column column;
    const auto element = ElementOf(argument[1]);
    const auto dims = ParseInt(argument[3].text);
    if (!element || !argument[4].Is(']') || !dims.ok() || *dims <= 0 || *dims > kMaxDims) return Unknown(argument);
    column.name = argument[0].text;
    column.declared = argument[1].lower;
    column.element = *element;
    column.dims = static_cast<int32_t>(*dims);
    column.metric = *element == Vec0Element::bit ? "hamming" : "l2";
    for (size_t at = 5; at < argument.size();) {
      if (!Suffix(argument, &at, &column)) return Unknown(argument);
    }
    if (*element == Vec0Element::bit && *dims % 8 != 0) {
      return MakeError(Category::unsupported,
                       fmt::format("the vectors of {}.{} have {} bits, which sqlite-vec itself cuts to whole bytes",
                                   Printable(table_.name, 200), column.name, *dims));
    }
    return Append(Vec0Kind::vector, std::move(column));
  }

  /// "distance_metric = NAME" or "indexed by NAME(...)".
  static bool Suffix(const Argument& argument, size_t* at, Vec0Column* column) {
    const size_t left = argument.size() - *at;
    if (left >= 3 && argument[*at].Is("distance_metric") && argument[*at + 1].Is('=')) {
      const std::string& metric = argument[*at + 2].lower;
      if (metric != "l2" && metric != "cosine" && metric != "l1" && metric != "hamming") return false;
      column->metric = metric;
      *at += 3;
      return true;
    }
    if (left < 3 || !argument[*at].Is("indexed") || !argument[*at + 1].Is("by")) return false;
    if (argument[*at + 2].Is("rescore")) column->indexed = Vec0Index::rescore;
    else if (argument[*at + 2].Is("diskann")) column->indexed = Vec0Index::diskann;
    else return false;
    *at += 3;
    if (*at >= argument.size() || !argument[*at].Is('(')) return true;
    while (*at < argument.size() && !argument[*at].Is(')')) ++*at;
    if (*at < argument.size()) ++*at;
    return true;
  }

  Status Append(Vec0Kind kind, Vec0Column column) {
    column.kind = kind;
    column.index = count_[static_cast<size_t>(kind)]++;
    if (column.index > 99) return MakeError(Category::unsupported, "more than 100 columns of one kind");
    table_.columns.push_back(std::move(column));
    return Status::OK();
  }

  Vec0Table table_;
  int count_[4] = {};
};

}  // namespace

int64_t Vec0Column::width() const {
  if (kind == Vec0Kind::vector) {
    return element == Vec0Element::f32 ? int64_t{4} * dims : element == Vec0Element::i8 ? dims : dims / 8;
  }
  return type == Vec0Type::boolean ? 0 : type == Vec0Type::text ? 16 : 8;
}

std::vector<const Vec0Column*> Vec0Table::Of(Vec0Kind kind) const {
  std::vector<const Vec0Column*> found;
  for (const Vec0Column& column : columns) {
    if (column.kind == kind) found.push_back(&column);
  }
  return found;
}

bool Vec0Table::indexed() const {
  for (const Vec0Column& column : columns) {
    if (column.indexed != Vec0Index::none) return true;
  }
  return false;
}

std::string Vec0Table::Shadow(std::string_view suffix) const { return fmt::format("{}_{}", name, suffix); }
std::string Vec0Table::Shadow(std::string_view suffix, int index) const {
  return fmt::format("{}_{}{:02}", name, suffix, index);
}

bool IsVec0Sql(std::string_view sql) {
  const auto tokens = Lexer(sql).Run();
  return tokens.size() > 2 && tokens[0].Is("create") && tokens[1].Is("virtual") && AfterUsing(tokens) != std::string::npos;
}

Result<Vec0Table> ParseVec0(std::string_view table, std::string_view sql) {
  const auto tokens = Lexer(sql).Run();
  const size_t at = AfterUsing(tokens);
  if (at == std::string::npos) {
    return MakeError(Category::unsupported, fmt::format("{} is not a vec0 table", Printable(table, 200)));
  }
  Parser parser(table);
  for (const Argument& argument : Arguments(tokens, at)) ARROW_RETURN_NOT_OK(parser.Add(argument));
  return parser.Finish();
}

}  // namespace vecferry::sqlite
