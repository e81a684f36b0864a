#include "connectors/jsonl/value_stream.h"

#include <algorithm>
#include <array>
#include <cstring>

#include <fmt/format.h>

namespace vecferry::jsonl {
namespace {

constexpr size_t kChunk = size_t{1} << 20;
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

ValueStream::ValueStream(const files::Input& input, int64_t offset, size_t padding) : input_(input), padding_(padding), offset_(offset) {}

Status ValueStream::Corrupt(std::string_view what) const {
  return MakeError(Category::corrupt, fmt::format("{}: byte {}: {}", input_.name(), offset_, what), "the file is not whole, or no JSON of this shape");
}

/// Keeps what is not yet passed and reads on, into a larger buffer where a value needs it.
Status ValueStream::Fill() {
  const size_t kept = filled_ - at_;
  if (kept + kChunk > capacity_) {
    const size_t larger = std::max(2 * capacity_, kept + kChunk);
    auto buffer = std::make_unique<char[]>(larger + padding_);
    if (kept > 0) std::memcpy(buffer.get(), buffer_.get() + at_, kept);
    buffer_ = std::move(buffer);
    capacity_ = larger;
  } else if (at_ > 0) {
    std::memmove(buffer_.get(), buffer_.get() + at_, kept);
  }
  at_ = 0;
  filled_ = kept;
  ARROW_ASSIGN_OR_RAISE(const size_t got, input_.ReadAt(offset_ + static_cast<int64_t>(kept), buffer_.get() + kept, capacity_ - kept));
  at_end_ = got == 0;
  filled_ += got;
  return Status::OK();
}

Result<char> ValueStream::Peek() {
  while (true) {
    while (at_ < filled_ && IsSpace(buffer_[at_])) ++at_, ++offset_;
    if (at_ < filled_) return buffer_[at_];
    if (at_end_) return '\0';
    ARROW_RETURN_NOT_OK(Fill());
  }
}

Result<bool> ValueStream::Take(char c) {
  ARROW_ASSIGN_OR_RAISE(const char next, Peek());
  if (next != c) return false;
  ++at_, ++offset_;
  return true;
}

/// How long the value that begins here is. What is longer than `max` is let go as it comes.
Status ValueStream::Scan(size_t max, bool* too_long, size_t* length) {
  size_t at = 0;  // from at_
  int64_t depth = 0;
  bool in_text = false, escaped = false;
  *too_long = false;
  while (true) {
    const char* data = buffer_.get() + at_;
    const size_t size = filled_ - at_;
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
      at_ += at;
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
  if (!value.too_long) value.text = {buffer_.get() + at_, length};
  at_ += length;
  offset_ += static_cast<int64_t>(length);
  return value;
}

Status ValueStream::Skip() { return Next(kChunk).status(); }

Result<std::string> ValueStream::FirstKey() {
  constexpr size_t kEnough = 4096;
  while (filled_ - at_ < kEnough && !at_end_) ARROW_RETURN_NOT_OK(Fill());
  std::string_view text(buffer_.get() + at_, std::min(filled_ - at_, kEnough));
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
