#include "connectors/jsonl/value_stream.h"

#include <algorithm>
#include <array>
#include <cstring>

#include <fmt/format.h>

namespace vecferry::jsonl {
namespace {

constexpr size_t kMaxKey = 1 << 16;

constexpr std::array<bool, 256> Set(std::string_view characters) {
  std::array<bool, 256> set{};
  for (const char c : characters) set[static_cast<unsigned char>(c)] = true;
  return set;
}
constexpr auto kBrackets = Set("{}[]\"");
constexpr auto kEndsWord = Set(",]} \t\r\n:");

bool IsSpace(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

}  // namespace

ValueStream::ValueStream(const files::Input& input, int64_t offset, size_t padding) : input_(input), offset_(offset), buffer_(padding) {}

Status ValueStream::Corrupt(std::string_view what) const {
  return MakeError(Category::corrupt, fmt::format("{}: byte {}: {}", input_.name(), offset_, what), "the file is not whole, or no JSON of this shape");
}

/// Keeps what is not yet passed and reads on.
Status ValueStream::Fill() {
  const int64_t from = offset_ + static_cast<int64_t>(buffer_.size());
  const auto space = buffer_.Space();
  ARROW_ASSIGN_OR_RAISE(const size_t got, input_.ReadAt(from, space.data(), space.size()));
  at_end_ = got == 0;
  buffer_.Add(got);
  return Status::OK();
}

Result<char> ValueStream::Peek() {
  while (true) {
    while (!buffer_.empty() && IsSpace(*buffer_.data())) buffer_.Pass(1), ++offset_;
    if (!buffer_.empty()) return *buffer_.data();
    if (at_end_) return '\0';
    ARROW_RETURN_NOT_OK(Fill());
  }
}

Result<bool> ValueStream::Take(char c) {
  ARROW_ASSIGN_OR_RAISE(const char next, Peek());
  if (next != c) return false;
  buffer_.Pass(1);
  ++offset_;
  return true;
}

/// How long the value that begins here is. What is longer than `max` is let go as it comes.
Status ValueStream::Scan(size_t max, bool* too_long, size_t* length) {
  size_t at = 0;  // from what is not yet passed
  int64_t depth = 0;
  bool in_text = false, escaped = false;
  *too_long = false;
  while (true) {
    const char* data = buffer_.data();
    const size_t size = buffer_.size();
    while (at < size) {
      const char c = data[at];
      if (in_text) {
        if (escaped) {
          escaped = false;
        } else if (c == '\\') {
          escaped = true;
        } else if (c == '"') {
          in_text = false;
          if (depth == 0) return *length = at + 1, Status::OK();
        }
        ++at;
      } else if (depth == 0 && !kBrackets[static_cast<unsigned char>(c)]) {
        if (kEndsWord[static_cast<unsigned char>(c)]) return at > 0 || *too_long ? (*length = at, Status::OK()) : Corrupt("a value is expected");
        ++at;
      } else if (!kBrackets[static_cast<unsigned char>(c)]) {
        do ++at;
        while (at < size && !kBrackets[static_cast<unsigned char>(data[at])]);
      } else {
        const bool closes = c == '}' || c == ']';
        if (depth == 0 && (closes || at > 0)) return closes && at > 0 ? (*length = at, Status::OK()) : Corrupt("a value is expected");
        ++at;
        if (c == '"') in_text = true;
        else depth += closes ? -1 : 1;
        if (closes && depth == 0) return *length = at, Status::OK();
      }
    }
    if (at_end_) {
      if (depth == 0 && !in_text && at > 0) return *length = at, Status::OK();
      return Corrupt("the file ends inside a value");
    }
    if (at > max || *too_long) {
      *too_long = true;
      buffer_.Pass(at);
      offset_ += static_cast<int64_t>(at);
      at = 0;
    }
    ARROW_RETURN_NOT_OK(Fill());
  }
}

Result<ValueStream::Value> ValueStream::Next(size_t max) {
  ARROW_RETURN_NOT_OK(Peek().status());
  Value value;
  value.begin = offset_;
  size_t length = 0;
  ARROW_RETURN_NOT_OK(Scan(max, &value.too_long, &length));
  value.too_long |= length > max;
  if (!value.too_long) value.text = {buffer_.data(), length};
  buffer_.Pass(length);
  offset_ += static_cast<int64_t>(length);
  return value;
}

Status ValueStream::Skip() { return Next(files::ReadBuffer::kChunk).status(); }

Result<std::string> ValueStream::FirstKey() {
  constexpr size_t kEnough = 4096;
  while (buffer_.size() < kEnough && !at_end_) ARROW_RETURN_NOT_OK(Fill());
  std::string_view text(buffer_.data(), std::min(buffer_.size(), kEnough));
  if (!text.starts_with('{')) return std::string();
  text.remove_prefix(1);
  while (!text.empty() && IsSpace(text.front())) text.remove_prefix(1);
  const size_t end = text.find('"', 1);
  return text.starts_with('"') && end != text.npos ? std::string(text.substr(1, end - 1)) : std::string();
}

Result<std::string> ValueStream::Key() {
  ARROW_ASSIGN_OR_RAISE(const char next, Peek());
  if (next != '"') return Corrupt("the name of a member is expected");
  ARROW_ASSIGN_OR_RAISE(const Value value, Next(kMaxKey));
  const std::string key(value.too_long ? std::string_view() : value.text.substr(1, value.text.size() - 2));
  ARROW_ASSIGN_OR_RAISE(const bool colon, Take(':'));
  if (!colon) return Corrupt("a colon is expected");
  return key;
}

}  // namespace vecferry::jsonl
