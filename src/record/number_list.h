#pragma once
#include <charconv>
#include <cstdint>
#include <cstring>
#include <limits>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "record/schema.h"

namespace vecferry {

/// How the text of a list writes its numbers.
enum class NumberText {
  json,   ///< NaN, Infinity and -Infinity stand in quotes; a digit stands before a point
  plain,  ///< they are words like numbers; .5 is a number
};

/// Reads numbers with brackets and commas between them in place: a general parser would read each number as a double, and
/// rounding twice does not always give the float that was written. What a reading call leaves behind when it says false is
/// of no use to another.
template <NumberText kText>
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
  /// What is not read yet begins here.
  const char* at() const { return at_; }
  /// The text `word`, as it is.
  bool Word(std::string_view word) {
    SkipSpace();
    if (!std::string_view(at_, static_cast<size_t>(end_ - at_)).starts_with(word)) return false;
    at_ += word.size();
    return true;
  }

  /// The next number, in the range of its type; for floats also NaN, Infinity and -Infinity.
  template <class T>
  bool Number(T* value) {
    SkipSpace();
    const char* digit = at_ != end_ && *at_ == '-' ? at_ + 1 : at_;
    if constexpr (std::is_floating_point_v<T>) {
      if (BeginsWord(digit)) return NonFinite(value);
      if (kText == NumberText::plain && digit != end_ && *digit == '.' && digit + 1 != end_) ++digit;
    }
    // from_chars alone would also take "inf", "nan(1)" and, of JSON, ".5".
    if (digit == end_ || *digit < '0' || *digit > '9') return false;
    const auto [next, error] = std::from_chars(at_, end_, *value);
    at_ = next;
    return error == std::errc();
  }

  /// A whole array of numbers, added to `numbers`.
  template <class T>
  bool All(std::vector<T>* numbers) {
    if (!Take('[')) return false;
    if (Take(']')) return true;
    do {
      if (!Number(&numbers->emplace_back())) return false;
    } while (Take(','));
    return Take(']');
  }

  /// An array of exactly `dims` numbers of type T, packed as what `convert` makes of each.
  template <class T, class Convert>
  bool Elements(int32_t dims, uint8_t* out, Convert convert) {
    if (!Take('[')) return false;
    for (int32_t i = 0; i < dims; ++i) {
      T number{};
      if ((i > 0 && !Take(',')) || !Number(&number)) return false;
      const auto element = convert(number);
      std::memcpy(out + static_cast<size_t>(i) * sizeof(element), &element, sizeof(element));
    }
    return Take(']');
  }

  /// An array of spec.dims numbers as the bytes of their element type, spec.width() of them. `half` and `bfloat` make 16 bits of a
  /// float. False for bits, which are no numbers.
  template <class Half, class Bfloat>
  bool Dense(const VectorSpec& spec, uint8_t* out, Half half, Bfloat bfloat) {
    const auto same = [](auto number) { return number; };
    switch (spec.element) {
      case Element::f32: return Elements<float>(spec.dims, out, same);
      case Element::f16: return Elements<float>(spec.dims, out, half);
      case Element::bf16: return Elements<float>(spec.dims, out, bfloat);
      case Element::u8: return Elements<uint8_t>(spec.dims, out, same);
      case Element::i8: return Elements<int8_t>(spec.dims, out, same);
      case Element::bit: return false;
    }
    return false;
  }

  /// The two arrays of a sparse vector, found by their names in either order: as many values as indices, and nothing behind them.
  bool Sparse(std::vector<uint32_t>* indices, std::vector<float>* values) {
    bool has_indices = false, has_values = false;
    indices->clear();
    values->clear();
    if (!Take('{')) return false;
    do {
      if (Word("\"indices\"") && !std::exchange(has_indices, true)) {
        if (!Take(':') || !All(indices)) return false;
      } else if (Word("\"values\"") && !std::exchange(has_values, true)) {
        if (!Take(':') || !All(values)) return false;
      } else {
        return false;
      }
    } while (Take(','));
    return Take('}') && AtEnd() && has_indices && has_values && indices->size() == values->size();
  }

  /// An array of such arrays, one after the other in `rows`, and nothing behind it.
  template <class Half, class Bfloat>
  bool Multi(const VectorSpec& spec, std::string* rows, Half half, Bfloat bfloat) {
    const auto width = static_cast<size_t>(spec.width());
    rows->clear();
    if (!Take('[')) return false;
    if (Take(']')) return AtEnd();
    do {
      rows->resize(rows->size() + width);
      if (!Dense(spec, reinterpret_cast<uint8_t*>(rows->data() + rows->size() - width), half, bfloat)) return false;
    } while (Take(','));
    return Take(']') && AtEnd();
  }

 private:
  void SkipSpace() {
    while (at_ != end_ && (*at_ == ' ' || *at_ == '\t' || *at_ == '\n' || *at_ == '\r')) ++at_;
  }
  bool BeginsWord(const char* digit) const {
    if constexpr (kText == NumberText::json) return at_ != end_ && *at_ == '"';
    else return digit != end_ && (*digit == 'N' || *digit == 'I');
  }

  template <class T>
  bool NonFinite(T* value) {
    using Limits = std::numeric_limits<T>;
    using Pair = std::pair<std::string_view, T>;
    for (const auto& [quoted, number] : {Pair{"\"NaN\"", Limits::quiet_NaN()}, Pair{"\"Infinity\"", Limits::infinity()}, Pair{"\"-Infinity\"", -Limits::infinity()}}) {
      const std::string_view text = kText == NumberText::json ? quoted : quoted.substr(1, quoted.size() - 2);
      if (!std::string_view(at_, static_cast<size_t>(end_ - at_)).starts_with(text)) continue;
      at_ += text.size();
      *value = number;
      return true;
    }
    return false;
  }

  const char* at_;
  const char* end_;
};

}  // namespace vecferry
