#pragma once
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "connectors/pinecone/answers.h"
#include "connectors/pinecone/metadata.h"

/// Records as the vectors of an upsert, and back.
namespace vecferry::pinecone {

/// The columns of a dataset's vectors: at most one of each kind.
struct Columns {
  int dense = -1, sparse = -1;  ///< positions in the schema's vectors
  /// Category::unsupported where the schema has another vector than these.
  static Result<Columns> Of(const RecordSchema& schema);
};

/// How records stand in a dataset.
struct RecordForm {
  RecordSchema schema;
  Layout layout;                ///< with the service's id rule; no tenant field where namespaces are tenants
  bool namespaces = true;       ///< a record's tenant is its namespace; else a field of the metadata
  MetadataPolicy metadata;
  std::string staging;          ///< what the namespaces' names begin with, no part of the tenants'

  /// The tenant whose records a namespace holds; "" where it is the default one.
  std::string TenantIn(std::string_view space) const;
  /// The layout as this service uses it.
  static Layout LayoutFor(Layout layout, bool namespaces);
  std::optional<std::string_view> TenantInId(std::optional<std::string_view> tenant) const { return namespaces ? std::nullopt : tenant; }
};

/// Most non-zero values of a sparse vector that any plan takes.
inline constexpr size_t kMostSparse = 2048;

/// Not for use by two threads at once; reuse it.
class RecordEncoder {
 public:
  explicit RecordEncoder(const RecordForm& form);
  ~RecordEncoder();
  /// Appends the row as one vector of an upsert; or leaves `out` as it was and says why: codes of MetadataWriter and PayloadEncoder,
  /// "missing-vector", "zero-vector", "non-finite-vector", "bad-vector" (an index twice), "empty-vector", "sparse-too-long".
  /// The batch's records have no tenants where namespaces are tenants.
  std::optional<RowReject> Append(const RecordView& view, int64_t row, std::string* out);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// What a vector was found to be.
struct VectorFacts {
  std::string record_id, tenant;
  bool has_document = false, has_tenant = false, has_sparse = false;
};
/// Why a vector is no record; an empty code where it is one.
struct Fault {
  std::string code, message;
  explicit operator bool() const { return !code.empty(); }
};

/// Not for use by two threads at once; reuse it.
class RecordDecoder {
 public:
  /// The form outlives it.
  explicit RecordDecoder(const RecordForm& form);
  ~RecordDecoder();
  /// Appends the record to the builder, or says why it is none: "bad-vector", "wrong-dimensions", "unexpected-vector", codes of
  /// MetadataReader and PayloadDecoder. `space` is the vector's namespace.
  Fault Append(const VectorText& vector, std::string_view space, BatchBuilder& builder, VectorFacts* facts);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace vecferry::pinecone
