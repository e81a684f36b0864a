#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "files/input.h"
#include "files/read_buffer.h"

namespace vecferry::jsonl {

/// JSON of any size, value by value, without a tree: what is not asked for is passed over as it comes. Only brackets, quotes and
/// commas are looked at; whether a value is valid JSON is for its parser to say. Memory is bounded by the longest value that is asked
/// for, or `kMaxValue`. Nesting costs nothing, so no depth is too deep to be passed over.
class ValueStream {
 public:
  static constexpr size_t kMaxValue = size_t{256} << 20;
  /// The input outlives it. `padding` bytes are readable behind every value.
  ValueStream(const files::Input& input, int64_t offset, size_t padding);

  /// The next byte that is no white space, 0 at the end.
  Result<char> Peek();
  /// Whether the next is `c`, which is then passed.
  Result<bool> Take(char c);
  struct Value {
    std::string_view text;  ///< lives until the next call
    int64_t begin = 0;
    bool too_long = false;  ///< text is empty then
  };
  /// The next value, an object, array, text or word. Category::corrupt where there is none, or it does not end.
  Result<Value> Next(size_t max = kMaxValue);
  /// Passes it over.
  Status Skip();
  /// The name of a member and its colon. Names are compared as they are spelled: an escaped one is none that is looked for.
  Result<std::string> Key();
  /// The first name in the object that begins here, which is not passed; "" where it has none or a long one.
  Result<std::string> FirstKey();
  int64_t offset() const { return offset_; }

 private:
  Status Fill();
  Status Scan(size_t max, bool* too_long, size_t* length);
  Status Corrupt(std::string_view what) const;

  const files::Input& input_;
  int64_t offset_;  ///< of the first byte not yet passed
  files::ReadBuffer buffer_;
  bool at_end_ = false;
};

}  // namespace vecferry::jsonl
