#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "connectors/jsonl/shapes.h"

/// What the parsers of foreign JSON share: one object at a time, its members and vectors.
namespace vecferry::jsonl {

/// A member of an object as it stands in the text.
struct Member {
  std::string_view key;  ///< unescaped
  char kind = ' ';       ///< its first byte: { [ " t f n or a digit or '-'
  std::string_view raw;
  std::string_view text; ///< of a string: unescaped
};

/// Takes objects apart. Not for use by two threads at once; reuse it.
class ObjectReader {
 public:
  ObjectReader();
  ~ObjectReader();
  /// The members in their order; a name twice is a fault. The views live until the next call, and as long as the text.
  /// `padded` says that bytes behind the text may be read.
  Status Read(std::string_view object, bool padded, std::vector<Member>* members);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// Vectors of foreign JSON. Not for use by two threads at once; reuse it.
class VectorParser {
 public:
  /// An array of numbers, of such arrays, or {"indices": [...], "values": [...]}; "bad-vector" or "wrong-dimensions" where it is not what
  /// the column holds.
  Status Parse(std::string_view raw, const VectorSpec& spec, size_t column, BatchBuilder& builder, bool* rounded);
  /// What a vector is; nothing where it is none.
  static std::optional<VectorSpec> Guess(std::string_view raw);
  /// Adds the vector's column to the facts where its name is not known yet.
  static void LookAt(std::string_view name, std::string_view raw, const Wishes& wishes, Facts* facts);

 private:
  Status Sparse(std::string_view raw, const VectorSpec& spec, size_t column, BatchBuilder& builder);
  std::vector<uint32_t> indices_;
  std::vector<float> values_;
  std::string floats_, rows_;
};

/// A JSON id as a record's: digits or the text itself. False for any other value.
bool ReadId(const Member& member, std::string* id);
void LookAtId(const Member& member, Facts* facts);

}  // namespace vecferry::jsonl
