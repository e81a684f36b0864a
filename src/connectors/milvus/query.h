#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

/// What is asked of rows: requests as bytes, and keys in the server's expressions.
namespace vecferry::milvus {

struct Query {
  std::string_view expr;
  std::vector<std::string> fields;
  std::string_view partition;    ///< "" for all
  uint64_t timestamp = 0;        ///< rows as of then; 0: as of now, with the strongest consistency
  int64_t limit = 0;             ///< 0: none
  /// Rows come sorted by key, as many as the limit says from all segments: a page of the vendor's own iterator.
  bool iterate = false;
  int64_t collection_id = 0;     ///< with iterate
};
/// `head` names database and collection: Client::For.
std::string QueryRequest(std::string head, const Query& query);
/// Of a query for count(*).
Result<int64_t> ParseCount(std::string_view answer);
/// The time that a server fixed for an iterating query, 0 where it fixed none.
uint64_t SessionTime(std::string_view answer);

/// A key as a collection has it. Ordered as servers order them: numbers, or texts by their bytes.
struct Key {
  bool is_number = true;
  int64_t number = 0;
  std::string text;

  static Key Of(int64_t number) { return {true, number, {}}; }
  static Key Of(std::string_view text) { return {false, 0, std::string(text)}; }
  std::string Spelled() const { return is_number ? std::to_string(number) : text; }
  bool operator==(const Key&) const = default;
  bool operator<(const Key& other) const { return is_number ? number < other.number : text < other.text; }
};
/// A key in a split or cursor: its spelling, with what a text lacks in front. Category::corrupt for one that is none.
Result<Key> ParseKey(bool is_number, std::string_view spelled);

/// A text in quotes, as all servers read it back: quotes, backslashes and line breaks are escaped, which is what Go's, C++'s and Python's readers share.
void AppendLiteral(std::string_view text, std::string* out);
/// Rows with a key above `after` and up to `to`, either of which may lack. "" for all rows. A server takes the smallest integer apart into a
/// minus and a number that is none, so it is never written.
std::string RangeExpr(std::string_view field, const std::optional<Key>& after, const std::optional<Key>& to);
/// All rows, said as an expression: servers want one where there is no limit.
std::string AllExpr(std::string_view field, bool is_number);
std::string InExpr(std::string_view field, const std::vector<Key>& keys);
/// DeleteRequest.
std::string DeleteRequest(std::string head, std::string_view partition, std::string_view expr);

}  // namespace vecferry::milvus
