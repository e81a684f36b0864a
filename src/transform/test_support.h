#pragma once
// What tests of transforms share: batches from JSON metadata, and a chain run over one.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>

#include "record/digest.h"
#include "transform/source.h"

namespace vecferry {

inline RecordSchema TestSchema(int dims = 4) {
  RecordSchema schema;
  schema.has_document = true;
  schema.vectors = {{"", VectorKind::dense, Element::f32, dims, Metric::cosine, ""}};
  return schema;
}

struct TestRow {
  std::string id, metadata;
  std::optional<std::string> document, tenant;
  std::optional<std::vector<float>> vector = std::vector<float>{1, 2, 3, 4};
};

inline RecordView TestBatch(const RecordSchema& schema, const std::vector<TestRow>& rows) {
  BatchBuilder builder(schema);
  for (const auto& row : rows) {
    builder.Id(row.id);
    if (row.tenant) builder.Tenant(*row.tenant);
    if (row.document) builder.Document(*row.document);
    builder.Metadata(row.metadata);
    if (row.vector) builder.Vector(0, {reinterpret_cast<const char*>(row.vector->data()), row.vector->size() * sizeof(float)});
    builder.EndRow();
  }
  return *builder.Finish();
}

inline std::vector<float> FloatsOf(const RecordView& view, int64_t row, size_t column = 0) {
  const std::string_view bytes = view.vectors()[column].Dense(row);
  std::vector<float> floats(bytes.size() / sizeof(float));
  std::memcpy(floats.data(), bytes.data(), bytes.size());
  return floats;
}

/// Applies a spec to one batch.
inline Result<SourceBatch> Applied(const TransformSpec& spec, const RecordView& view, RunFacts facts = {"run-1", "2026-01-02T03:04:05Z", "docs", "memory"},
                                   TransformCounts* counts = nullptr) {
  ResolvedTransforms resolved;
  resolved.spec = spec;
  resolved.facts = std::move(facts);
  ARROW_ASSIGN_OR_RAISE(auto transform, Transform::Compile(resolved, view.schema()));
  TransformCounts own;
  SourceBatch batch;
  batch.records = view;
  batch.next = "cursor";
  return transform->Apply(std::move(batch), false, counts ? counts : &own);
}

inline std::vector<std::string> IdsOf(const RecordView& view) {
  std::vector<std::string> ids;
  for (int64_t row = 0; row < view.rows(); ++row) ids.emplace_back(view.id(row));
  return ids;
}

}  // namespace vecferry
