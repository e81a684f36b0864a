#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

/// The answer of POST collections/UUID/get, taken apart in one pass: bytes from outside, every shape is checked.
namespace vecferry::chroma_model {

/// A JSON string as it stands in the answer, quotes left out; nothing for null. Valid as long as the answer.
struct RawText {
  std::string_view text;
  bool present = false;
  bool escaped = false;  ///< holds a backslash
};

struct Page {
  std::vector<RawText> ids;
  /// Row after row; a row of another length than the others', or of none, has its elements nevertheless. Empty where not asked for.
  std::vector<float> floats;
  std::vector<size_t> vector_ends;          ///< in floats, for each row where vectors were asked for
  std::vector<bool> vector_missing;         ///< the server has none
  std::vector<RawText> documents, uris;     ///< empty where not asked for
  std::vector<std::string_view> metadatas;  ///< an object's JSON, "" for null; empty where not asked for

  size_t rows() const { return ids.size(); }
  bool has_vector(size_t row) const { return row < vector_ends.size() && !vector_missing[row]; }
  const float* vector(size_t row) const { return floats.data() + begin(row); }
  size_t vector_size(size_t row) const { return vector_ends[row] - begin(row); }

 private:
  size_t begin(size_t row) const { return row == 0 ? 0 : vector_ends[row - 1]; }
};

/// Category::corrupt for what is no such answer: columns of different lengths, an id that is null, JSON that is cut. `page` is used again
/// and keeps its memory. An element that is null is NaN: the server has no other word for one that is not finite.
Status ParsePage(std::string_view answer, Page* page);

/// The text that a raw one stands for; into `buffer` where it was escaped. Category::bad_content "invalid-utf8" for lone surrogates and bytes
/// that are no UTF-8.
Result<std::string_view> Unescape(const RawText& raw, std::string* buffer);

/// Whether JSON text nests no deeper than metadata may: what is printed again, level by level, has to.
bool IsShallow(std::string_view json);

/// The metric is squared L2, 1 - cosine or 1 - dot: what POST query answers, one list for the one vector that was asked.
struct Neighbours {
  std::vector<std::string> ids;
  std::vector<double> distances;
};
Result<Neighbours> ParseNeighbours(std::string_view answer);

/// The words of an error: {"error": NAME, "message": TEXT}. Empty where the body is none.
struct ServerError {
  std::string name, message;
};
ServerError ParseServerError(std::string_view body);

}  // namespace vecferry::chroma_model
