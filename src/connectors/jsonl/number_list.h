#pragma once
#include <charconv>
#include <cmath>
#include <limits>
#include <string_view>
#include <vector>

namespace vecferry::jsonl {

/// Reads the text of a JSON array of numbers in place: a general parser would read each number as a double, and
/// rounding twice does not always give the float that was written.
class NumberList {
 public:
  explicit NumberList(std::string_view text) : at_(text.data()), end_(text.data() + text.size()) {}

  bool Take(char c) {
    SkipSpace();
    if (at_ == end_ || *at_ != c) return false;
    ++at_;
    return true;
  }
  bool AtEnd() {
    SkipSpace();
    return at_ == end_;
  }

  /// The text `word`, as it is.
  bool Word(std::string_view word) {
    SkipSpace();
    if (!std::string_view(at_, static_cast<size_t>(end_ - at_)).starts_with(word)) return false;
    at_ += word.size();
    return true;
  }
  /// A whole array of numbers.
  template <class T>
  bool All(std::vector<T>* numbers) {
    if (!Take('[')) return false;
    if (Take(']')) return true;
    do {
      if (!Number(&numbers->emplace_back())) return false;
    } while (Take(','));
    return Take(']');
  }

  /// The next number, in the range of its type; for floats also "NaN", "Infinity" and "-Infinity".
  template <class T>
  bool Number(T* value) {
    SkipSpace();
    if constexpr (std::is_floating_point_v<T>) {
      if (at_ != end_ && *at_ == '"') return NonFinite(value);
    }
    // from_chars alone would also take "inf" and ".5".
    const char* digit = at_ != end_ && *at_ == '-' ? at_ + 1 : at_;
    if (digit == end_ || *digit < '0' || *digit > '9') return false;
    const auto [next, error] = std::from_chars(at_, end_, *value);
    at_ = next;
    return error == std::errc();
  }

 private:
  void SkipSpace() {
    while (at_ != end_ && (*at_ == ' ' || *at_ == '\t' || *at_ == '\r' || *at_ == '\n')) ++at_;
  }

  template <class T>
  bool NonFinite(T* value) {
    const std::string_view rest(at_, static_cast<size_t>(end_ - at_));
    using Limits = std::numeric_limits<T>;
    for (const auto& [text, number] : {std::pair<std::string_view, T>{"\"NaN\"", Limits::quiet_NaN()},
                                       {"\"Infinity\"", Limits::infinity()}, {"\"-Infinity\"", -Limits::infinity()}}) {
      if (!rest.starts_with(text)) continue;
      at_ += text.size();
      *value = number;
      return true;
    }
    return false;
  }

  const char* at_;
  const char* end_;
};

}  // namespace vecferry::jsonl
