#pragma once
#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace vecferry {

/// The metadata of a record as a stream of events: what parsers produce and encoders take, so that
/// no tree is built between two stores. A failure stops the stream and is returned to the caller.
///
/// Numbers keep their type: 1 is an integer, 1.0 a double, 2^63 an unsigned integer. What JSON
/// lacks arrives as Special(TYPE, TEXT), which stands in text as {"$vf": TYPE, "v": TEXT}. TYPE is one of
/// f64 (NaN, Infinity, -Infinity), bigint, decimal, bytes (base64), date, datetime, time, geo.
class JsonVisitor {
 public:
  virtual ~JsonVisitor() = default;
  virtual Status Null() = 0;
  virtual Status Bool(bool value) = 0;
  virtual Status Int(int64_t value) = 0;
  /// Only for values above the largest int64.
  virtual Status Uint(uint64_t value) = 0;
  /// Finite.
  virtual Status Double(double value) = 0;
  virtual Status String(std::string_view utf8) = 0;
  virtual Status Special(std::string_view type, std::string_view text) = 0;
  virtual Status BeginObject() = 0;
  virtual Status Key(std::string_view utf8) = 0;
  virtual Status EndObject() = 0;
  virtual Status BeginArray() = 0;
  virtual Status EndArray() = 0;
};

/// How deep metadata may nest, everywhere.
inline constexpr int kMaxJsonDepth = 128;

/// What the canonical form of an object leaves out or takes as a set, by top-level key.
struct CanonicalScope {
  std::set<std::string> ignored;
  std::set<std::string> sets;  ///< arrays that are compared sorted and without repetition
};

/// Parses JSON text of one record at a time. Not for use by two threads at once; reuse it, its
/// buffers are kept. Refused with Category::bad_content: text that is not JSON, duplicate keys, lone
/// surrogates, invalid UTF-8, integers beyond u64 written plainly (they are bigints), doubles
/// that overflow, nesting deeper than kMaxJsonDepth, an unknown or malformed {"$vf": ...}.
class JsonReader {
 public:
  JsonReader();
  ~JsonReader();
  JsonReader(JsonReader&&) noexcept;
  JsonReader& operator=(JsonReader&&) noexcept;

  struct Options {
    bool big_integers = false;  ///< plain integers beyond u64 become Special("bigint"), as Python writes them
    bool python_floats = false; ///< NaN, Infinity and -Infinity, as Python's json.dumps writes them
    bool plain = false;         ///< text from outside: {"$vf": ...} is an ordinary object, not ours
  };
  /// Any JSON value.
  Status Visit(std::string_view text, JsonVisitor& visitor, Options options);
  Status Visit(std::string_view text, JsonVisitor& visitor) { return Visit(text, visitor, Options{}); }
  /// Appends the canonical form: no white space, keys sorted by bytes, each number in one
  /// spelling per type and value. Equal metadata have equal canonical forms.
  Status AppendCanonical(std::string_view text, std::string* out, const CanonicalScope* scope = nullptr);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// Writes events as compact JSON text, appending to a string. A user's own object with the key "$vf"
/// is wrapped as {"$vf":"object","v":{...}}, so the text reads back as the same events.
class JsonWriter final : public JsonVisitor {
 public:
  explicit JsonWriter(std::string* out) : out_(out) {}
  Status Null() override;
  Status Bool(bool value) override;
  Status Int(int64_t value) override;
  Status Uint(uint64_t value) override;
  Status Double(double value) override;
  Status String(std::string_view utf8) override;
  Status Special(std::string_view type, std::string_view text) override;
  Status BeginObject() override;
  Status Key(std::string_view utf8) override;
  Status EndObject() override;
  Status BeginArray() override;
  Status EndArray() override;

 private:
  struct Level {
    bool object;
    bool first;
    size_t begin;   ///< where the object's '{' stands in the output
    bool wrapped;   ///< it was turned into a "$vf" wrapper
  };
  void Separate();
  std::string* out_;
  std::vector<Level> levels_;
};

/// A quoted JSON string, escaped.
void AppendJsonString(std::string_view utf8, std::string* out);
/// A double in its shortest spelling that reads back as the same double, never as an integer.
void AppendJsonDouble(double value, std::string* out);

}  // namespace vecferry
