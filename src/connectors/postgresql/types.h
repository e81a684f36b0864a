#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "record/schema.h"

namespace vecferry::postgresql {

/// What a type is to the codec. `other` travels as the text that the server makes of it.
enum class Kind {
  vector, halfvec, sparsevec, bit,
  boolean, int2, int4, int8, float4, float8, numeric, text, uuid, json, jsonb, bytea,
  date, time, timetz, timestamp, timestamptz, interval,
  other,
};
std::string_view Name(Kind kind);

/// The type of a column. Of an array it is the element's kind, with `array` set; of a domain that of its base type.
struct Type {
  Kind kind = Kind::other;
  bool array = false;
  uint32_t oid = 0;            ///< as the column has it: of the domain, enum or array itself
  uint32_t base_oid = 0;       ///< the same, of a domain the type that it is over: what the server calls it in answers
  uint32_t element_oid = 0;    ///< of an array (of its domain's base type): what binary arrays name
  int32_t typmod = -1;         ///< dimension of a vector type, bits of bit(n), characters and 4 of varchar(n), -1 where there is none
  std::string name;            ///< as SQL writes it, with its schema where that is not in the search path: "vector(384)", "timestamp with time zone"
  std::string short_name;      ///< pg_type.typname: "vector", "timestamptz", "_int4"

  bool is_vector() const { return !array && (kind == Kind::vector || kind == Kind::halfvec || kind == Kind::sparsevec || kind == Kind::bit); }
  /// real[] and double precision[], which are vectors where an option says so.
  bool is_float_array() const { return array && (kind == Kind::float4 || kind == Kind::float8); }
  /// char(n): what is shorter comes back with spaces behind it.
  bool pads() const {
    constexpr uint32_t kBpchar = 1042;
    return (array ? element_oid : base_oid) == kBpchar;
  }
  /// Whether values travel as their text: selected as COLUMN::text.
  bool as_text() const { return kind == Kind::other; }
};

/// The codec's kind for a type of that name, by the name in pg_type; extension types where `extension` is the one that owns it ("" for core).
Kind KindOf(std::string_view typname, std::string_view extension);

/// What a type of vectors holds: vector f32, halfvec f16, bit bits; nothing for sparsevec and others.
std::optional<Element> ElementOf(Kind kind);
/// The type that holds such vectors: "vector", "halfvec", "bit", "sparsevec"; nothing where there is none.
std::optional<Kind> KindFor(const VectorSpec& spec);

/// "vector_cosine_ops" -> cosine; unknown for what is no operator class of vectors.
Metric MetricOfOpclass(std::string_view opclass);
/// The operator class for an index of a column of that kind; "" where pgvector has none. `method` is hnsw or ivfflat.
std::string OpclassOf(std::string_view method, Kind kind, Metric metric);

}  // namespace vecferry::postgresql
