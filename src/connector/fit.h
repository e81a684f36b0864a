#pragma once
#include <optional>
#include <vector>

#include "connector/connector.h"

namespace vecferry {

/// Why a store of those capabilities cannot take a dataset of this schema: one note for each vector or column that has
/// no place, empty where it fits. Code: "metric", "element", "sparse", "multi", "named-vectors",
/// "too-many-vectors", "no-vectors", "document", "tenant", "extras".
std::vector<Note> SchemaMisfits(const Capabilities& capabilities, const RecordSchema& schema);
/// The same as one failure, Category::unsupported.
Status CheckSchemaFits(const Capabilities& capabilities, const RecordSchema& schema);

/// What the store does to vectors of such a dataset: VectorChange::none where it changes none of its columns, reduced_precision in
/// place of cosine_reduced where it does.
VectorChange ChangeOf(const Capabilities& capabilities, const RecordSchema& schema);

/// Tells of single records whether a store can take them. Not for use by two threads at once.
class RowFit {
 public:
  explicit RowFit(const Capabilities& capabilities);
  ~RowFit();
  /// Code "missing-vector", "non-finite-vector", "nul-character", "metadata-FEATURE" (see Name(JsonFeature)), or the code of what is wrong with
  /// the metadata itself.
  std::optional<RowReject> Check(const RecordView& view, int64_t row);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// Whether a text of the record holds U+0000: its id, tenant, document, or a key or string of its metadata.
bool HasNul(const RecordView& view, int64_t row);

/// The features that a metadata object uses, added to `features`.
Status ScanFeatures(JsonReader& reader, std::string_view metadata, std::set<JsonFeature>* features);

}  // namespace vecferry
