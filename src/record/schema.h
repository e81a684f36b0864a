#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <arrow/type_fwd.h>

#include "base/error.h"

namespace vecferry {

enum class VectorKind { dense, sparse, multi };
enum class Element { f32, f16, bf16, u8, i8, bit };
enum class Metric { unknown, cosine, dot, l2, l1, hamming, jaccard };
/// How a dataset spells its ids. `mixed` is unsigned integers and UUIDs side by side, as Qdrant has them.
enum class IdKind { string, u64, i64, uuid, mixed };

std::string_view Name(VectorKind kind);
std::string_view Name(Element element);
std::string_view Name(Metric metric);
std::string_view Name(IdKind kind);
Result<Metric> ParseMetric(std::string_view name);
Result<Element> ParseElement(std::string_view name);
Result<VectorKind> ParseVectorKind(std::string_view name);
Result<IdKind> ParseIdKind(std::string_view name);

/// One vector column. Sparse vectors have dims 0; multi-vectors are f32.
struct VectorSpec {
  std::string name;  ///< "" is the unnamed vector
  VectorKind kind = VectorKind::dense;
  Element element = Element::f32;
  int32_t dims = 0;
  Metric metric = Metric::unknown;
  std::string model;  ///< the embedding model, "" if not known

  /// Bytes of one dense vector, or of one row of a multi-vector.
  int64_t width() const;
  /// "vector", "vector:NAME", "sparse:NAME", "multi:NAME".
  std::string column() const;
  bool operator==(const VectorSpec&) const = default;
};

/// The schema of a dataset in the terms of section 2 of the design: what columns its batches have
/// and what their values mean. Converts to and from the Arrow schema that batches carry.
struct RecordSchema {
  IdKind id_kind = IdKind::string;
  bool has_tenant = false;
  bool has_document = false;
  std::vector<VectorSpec> vectors;
  std::vector<std::string> extras;                 ///< names of the `extra:NAME` columns
  std::map<std::string, std::string> field_types;  ///< metadata field -> the store's native type

  std::shared_ptr<arrow::Schema> ToArrow() const;
  static Result<RecordSchema> FromArrow(const arrow::Schema& schema);
  /// Compact JSON, for plans and journals; and back.
  std::string ToJson() const;
  static Result<RecordSchema> FromJson(std::string_view json);
  const VectorSpec* FindVector(std::string_view name) const;
  bool operator==(const RecordSchema&) const = default;
};

}  // namespace vecferry
