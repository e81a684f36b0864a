#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "record/schema.h"

/// A collection's schema on the wire: milvus.proto.schema.CollectionSchema and FieldSchema.
/// Facts: field numbers of pymilvus 3.0.2's descriptors; see docs/formats/milvus.md.
namespace vecferry::milvus {

enum class DataType : int {
  none = 0, boolean = 1, int8 = 2, int16 = 3, int32 = 4, int64 = 5, real32 = 10, real64 = 11, string = 20, varchar = 21, array = 22, json = 23,
  geometry = 24, text = 25, timestamptz = 26, binary_vector = 100, float_vector = 101, float16_vector = 102, bfloat16_vector = 103,
  sparse_vector = 104, int8_vector = 105,
};
/// "Int64", "FloatVector"; "type N" for one that is not known.
std::string NameOf(DataType type);
bool IsVector(DataType type);
/// Whether values of that type are read and written.
bool IsKnown(DataType type);
/// Varchar, text and their like: a JSON string.
bool IsText(DataType type);

using Pairs = std::vector<std::pair<std::string, std::string>>;
/// "" where there is none.
std::string_view ValueOf(const Pairs& pairs, std::string_view key);

struct Field {
  int64_t id = 0;
  std::string name, description;
  DataType type = DataType::none, element = DataType::none;  ///< element: of arrays
  bool key = false, auto_id = false, dynamic = false, partition_key = false, clustering_key = false, nullable = false, function_output = false;
  Pairs params;               ///< dim, max_length, max_capacity, and what else the server keeps
  std::string default_value;  ///< ValueField, serialised; "" where there is none

  int64_t number(std::string_view param) const;  ///< -1 where it has none
  int64_t dim() const { return number("dim"); }
  int64_t max_length() const { return number("max_length"); }
};

struct CollectionSchema {
  std::string name, description;
  std::vector<Field> fields;
  bool dynamic = false;       ///< further keys are kept in the field $meta
  std::string rest;           ///< functions, properties and struct arrays, serialised as they came
  bool has_structs = false;

  const Field* Find(std::string_view name) const;
};

/// Category::corrupt for bytes that are none. The field $meta, where the server names it, is left out.
Result<CollectionSchema> ParseSchema(std::string_view message);
std::string Encode(const CollectionSchema& schema);

/// KeyValuePair{1 key, 2 value} as `field` of the message that is being written.
void AppendPair(uint32_t field, std::string_view key, std::string_view value, std::string* out);
Result<std::pair<std::string, std::string>> ParsePair(std::string_view message);

/// The type of a dense vector's elements. Nothing for what is none.
Result<DataType> VectorTypeOf(const VectorSpec& spec);

/// Category::usage for a name that no server takes: letters, digits and underscores, no digit first, at most 255.
Status CheckCollectionName(std::string_view name);
/// A name as a field may have: other characters become underscores; one of `taken` gets a number behind it.
std::string FieldNameFor(std::string_view wanted, const std::vector<std::string>& taken);

}  // namespace vecferry::milvus
