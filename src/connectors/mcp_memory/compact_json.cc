#include "connectors/mcp_memory/compact_json.h"

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace vecferry::mcp_memory {
namespace {

constexpr int kMaxDepth = 8;
constexpr size_t kMaxKeys = 16;
constexpr size_t kMaxDigits = 15;  ///< below 2^53, and exact as a double

constexpr size_t kWord = sizeof(uint64_t);
constexpr uint64_t kOnes = 0x0101010101010101ull, kHighs = 0x8080808080808080ull;

/// The high bit of the first byte of a word that is zero; above it the answer is not to be trusted.
constexpr uint64_t FirstZero(uint64_t word) { return (word - kOnes) & ~word & kHighs; }

/// How many of a word's bytes, from the first, stand in a string that is taken as it is: 0x20 to 0x7E but " and \.
size_t PlainBytes(uint64_t word) {
  static_assert(std::endian::native == std::endian::little);
  const uint64_t control = (word - kOnes * 0x20) & ~word & kHighs;
  const uint64_t odd = (word & kHighs) | control | FirstZero(word ^ kOnes * '"') | FirstZero(word ^ kOnes * '\\') | FirstZero(word ^ kOnes * 0x7F);
  return static_cast<size_t>(std::countr_zero(odd)) / 8;
}

/// Writes what it reads but for white space, so never more than `text`; a word beyond that may be overwritten.
class Compactor {
 public:
  Compactor(std::string_view text, char* out) : at_(text.data()), end_(text.data() + text.size()), out_(out) {}

  /// The end of what was written; nullptr where the text is to be read in another way.
  char* Run() {
    Skip();
    if (!Object(0)) return nullptr;
    Skip();
    return at_ == end_ ? out_ : nullptr;
  }

 private:
  void Skip() {
    while (at_ < end_ && (*at_ == ' ' || *at_ == '\n' || *at_ == '\t' || *at_ == '\r')) ++at_;
  }
  bool Take(char c) {
    if (at_ == end_ || *at_ != c) return false;
    ++at_;
    return true;
  }
  /// The next character that is no white space, if it is c.
  bool TakeToken(char c) {
    Skip();
    return Take(c);
  }

  bool Object(int depth) {
    if (depth == kMaxDepth || !Take('{')) return false;
    *out_++ = '{';
    struct Key {
      const char* data;
      size_t size;
    } keys[kMaxKeys];
    size_t count = 0;
    if (!TakeToken('}')) {
      do {
        if (count > 0) *out_++ = ',';
        std::string_view key;
        if (count == kMaxKeys || !String(&key) || key == "$vf" || !TakeToken(':')) return false;
        for (size_t i = 0; i < count; ++i) {
          if (std::string_view(keys[i].data, keys[i].size) == key) return false;
        }
        keys[count++] = {key.data(), key.size()};
        *out_++ = ':';
        if (!Value(depth + 1)) return false;
      } while (TakeToken(','));
      if (!Take('}')) return false;
    }
    *out_++ = '}';
    return true;
  }

  bool Array(int depth) {
    if (depth == kMaxDepth || !Take('[')) return false;
    *out_++ = '[';
    if (!TakeToken(']')) {
      bool first = true;
      do {
        if (!first) *out_++ = ',';
        first = false;
        if (!Value(depth + 1)) return false;
      } while (TakeToken(','));
      if (!Take(']')) return false;
    }
    *out_++ = ']';
    return true;
  }

  bool Value(int depth) {
    Skip();
    if (at_ == end_) return false;
    std::string_view text;
    switch (*at_) {
      case '{': return Object(depth);
      case '[': return Array(depth);
      case '"': return String(&text);
      case 't': return Word("true");
      case 'f': return Word("false");
      case 'n': return Word("null");
      default: return Number();
    }
  }

  bool Word(std::string_view word) {
    if (!std::string_view(at_, static_cast<size_t>(end_ - at_)).starts_with(word)) return false;
    at_ += word.size();
    out_ = std::copy(word.begin(), word.end(), out_);
    return true;
  }

  bool String(std::string_view* text) {
    Skip();
    if (!Take('"')) return false;
    const char* const begin = at_;
    *out_++ = '"';
    CopyPlain();
    if (at_ == end_ || *at_ != '"') return false;
    *text = {begin, static_cast<size_t>(at_ - begin)};
    ++at_;
    *out_++ = '"';
    return true;
  }

  void CopyPlain() {
    while (at_ < end_) {
      const auto left = static_cast<size_t>(end_ - at_);
      uint64_t word = 0;
      if (left >= kWord) std::memcpy(&word, at_, kWord);
      else std::memcpy(&word, at_, left);  // the zeros that fill it up are not plain
      std::memcpy(out_, &word, kWord);
      const size_t plain = PlainBytes(word);
      at_ += plain;
      out_ += plain;
      if (plain < kWord) return;
    }
  }

  size_t Digits() {
    const char* const begin = at_;
    while (at_ < end_ && *at_ >= '0' && *at_ <= '9') ++at_;
    return static_cast<size_t>(at_ - begin);
  }

  /// No exponent, no -0, few digits.
  bool Number() {
    const char* const begin = at_;
    Take('-');
    const char* const first = at_;
    const size_t whole = Digits();
    if (whole == 0 || whole > kMaxDigits || (*first == '0' && (whole > 1 || first != begin))) return false;
    if (Take('.')) {
      const size_t fraction = Digits();
      if (fraction == 0 || whole + fraction > kMaxDigits) return false;
    }
    if (at_ < end_ && (*at_ == 'e' || *at_ == 'E')) return false;
    out_ = std::copy(begin, at_, out_);
    return true;
  }

  const char* at_;
  const char* end_;
  char* out_;
};

}  // namespace

bool AppendPlainObject(std::string_view text, std::string* json) {
  const size_t before = json->size();
  json->resize(before + text.size() + kWord);
  const char* const end = Compactor(text, json->data() + before).Run();
  json->resize(end ? static_cast<size_t>(end - json->data()) : before);
  return end != nullptr;
}

}  // namespace vecferry::mcp_memory
