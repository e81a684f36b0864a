#include "connectors/mcp_memory/compact_json.h"

#include <algorithm>
#include <array>
#include <cstddef>

namespace vecferry::mcp_memory {
namespace {

constexpr int kMaxDepth = 8;
constexpr size_t kMaxKeys = 16;
constexpr size_t kMaxDigits = 15;  ///< below 2^53, and exact as a double

/// Whether a byte stands in a string that is taken as it is.
constexpr std::array<bool, 256> kPlain = [] {
  std::array<bool, 256> plain{};
  for (size_t c = 0x20; c < 0x7F; ++c) plain[c] = c != '"' && c != '\\';
  return plain;
}();

/// Writes what it reads but for white space, so never more than `text`.
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
    while (at_ < end_ && kPlain[static_cast<unsigned char>(*at_)]) *out_++ = *at_++;
    if (at_ == end_ || *at_ != '"') return false;
    *text = {begin, static_cast<size_t>(at_ - begin)};
    ++at_;
    *out_++ = '"';
    return true;
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
  json->resize(before + text.size());
  const char* const end = Compactor(text, json->data() + before).Run();
  json->resize(end ? static_cast<size_t>(end - json->data()) : before);
  return end != nullptr;
}

}  // namespace vecferry::mcp_memory
