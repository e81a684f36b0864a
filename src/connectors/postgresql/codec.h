#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "connectors/postgresql/types.h"
#include "connectors/postgresql/wire.h"
#include "record/json.h"

/// Values in the server's binary form (typsend / typreceive), both ways. Every text that decoding gives, encoding takes, and casting it to the type
/// in SQL gives the same value. Bytes from the server that are not what the type allows are Category::corrupt; texts and values that a column
/// cannot hold are bad records of code "value-type" or "value-out-of-range".
namespace vecferry::postgresql {

// ---- vectors (formats: pgvector's README and src/{vector,halfvec,sparsevec}.c; bit: src/backend/utils/adt/varbit.c) ----

/// The dimension that the bytes of a vector, halfvec, sparsevec, bit or float array say; -1 where they are none.
int64_t DimensionOf(const Type& type, std::string_view bytes);
/// A vector, halfvec, bit or float array of `dims` into its elements in the machine's order, (width of the record's vector) bytes at `out`. Bits: first bit is
/// the highest of the first byte, as in the record. float8 is rounded to float32: `exact` says whether that changed nothing. A float array must have
/// no NULL in it and one dimension: bad record "vector-null", "vector-shape".
Status DecodeDense(const Type& type, std::string_view bytes, int32_t dims, uint8_t* out, bool* exact);
struct SparseBuffer {
  std::vector<uint32_t> indices;
  std::vector<float> values;
};
/// Indices count from 0, ascending.
Status DecodeSparse(std::string_view bytes, SparseBuffer* out);

/// A whole field, length and bytes, of a vector or halfvec from elements in the machine's order.
void AppendVectorField(std::string_view f32, std::string* out);
void AppendHalfvecField(std::string_view f16, std::string* out);
void AppendBitField(std::string_view bits, int32_t dims, std::string* out);
/// Sorted and without zeros, as sparsevec wants it. Bad record "value-out-of-range" for an index beyond `dims`, one that is there twice, or too many.
Status AppendSparsevecField(const uint32_t* indices, const float* values, size_t n, int32_t dims, std::string* out);

// ---- other values ----

/// The value as events: numbers, booleans, strings, JSON as what it is, arrays nested as they are; numeric as Special("decimal") (also NaN and Infinity),
/// bytea as bytes, date, time(tz) and timestamp(tz) as date, time and datetime, uuid and interval (ISO 8601) as strings. Parses JSON with `json`.
Status DecodeValue(const Type& type, std::string_view bytes, JsonReader& json, JsonVisitor& out);
/// The value as text, for ids, tenants, documents and cursors: appended. `2026-01-31T12:00:00.5Z` for a timestamptz, `\x00ff` for bytea, `true`. Arrays: as the
/// JSON of DecodeValue, which SQL does not read.
Status DecodeText(const Type& type, std::string_view bytes, std::string* out);

/// A whole field from the text that DecodeText gives, or any text of SQL's for numbers, booleans, UUIDs, strings and JSON, or an RFC 3339 date and time. Not for arrays and
/// Kind::other: those are sent as text and cast in SQL.
Status AppendTextField(const Type& type, std::string_view text, std::string* out);

/// Writes one JSON value, given as events, as a whole field of a column. Numbers fit where they are exact (1.0 fits an integer column not: it would come back as 1);
/// what DecodeValue gives for a value of the type is taken back as the same value. Null is NULL. json and jsonb take anything; text takes strings alone.
class ValueEncoder final : public JsonVisitor {
 public:
  ValueEncoder(const Type& type, std::string* out);
  /// After the last event. After an error, also of an event, the output holds part of the field: the caller cuts it off.
  Status End();

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
  Status Scalar(const std::function<Status()>& append);
  Status Wrong(std::string_view what) const;

  const Type type_;
  std::string* out_;
  const size_t began_;
  std::string json_;                       ///< of a json or jsonb column
  std::unique_ptr<JsonVisitor> writer_;
  std::vector<int32_t> lengths_, counts_;  ///< of an array: of each dimension, and of the levels that are open
  size_t depth_ = 0, deepest_ = 0;
  int32_t elements_ = 0;
  bool has_null_ = false, done_ = false;
};

}  // namespace vecferry::postgresql
