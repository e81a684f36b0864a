#include "qdrant_model/family.h"

#include <algorithm>

#include "base/clock.h"

namespace vecferry::qdrant_model {

Capabilities FamilyCapabilities() {
  Capabilities can;
  can.source = can.sink = can.lookup = can.undo = true;
  can.ids = {IdKind::u64, IdKind::uuid, IdKind::mixed};
  can.dense = {Element::f32, Element::f16, Element::u8};
  can.sparse = can.multi = can.named_vectors = can.missing_vectors = can.no_vectors = true;
  can.max_vectors = 1024;
  can.metrics = {Metric::cosine, Metric::dot, Metric::l2, Metric::l1};
  can.json = AllJsonFeatures();
  for (const auto feature : {JsonFeature::decimal, JsonFeature::bytes, JsonFeature::date, JsonFeature::datetime, JsonFeature::time, JsonFeature::geo}) {
    can.json.erase(feature);
  }
  can.replace = ReplaceMode::window;
  return can;
}

const VectorSpec* FirstDense(const RecordSchema& schema) {
  const auto at = std::find_if(schema.vectors.begin(), schema.vectors.end(), [](const auto& v) { return v.kind == VectorKind::dense; });
  return at == schema.vectors.end() ? nullptr : &*at;
}

Status VisitBookkeeping(const RecordSchema& schema, const std::string& model, JsonVisitor& out) {
  const VectorSpec* dense = FirstDense(schema);
  const int32_t dims = dense ? dense->dims : 0;
  ARROW_RETURN_NOT_OK(out.BeginObject());
  ARROW_RETURN_NOT_OK(out.Key("embedding_model"));
  ARROW_RETURN_NOT_OK(out.String(model.empty() ? "unknown" : model));
  for (const char* key : {"vector_size", "dimensions"}) {
    ARROW_RETURN_NOT_OK(out.Key(key));
    ARROW_RETURN_NOT_OK(out.Int(dims));
  }
  ARROW_RETURN_NOT_OK(out.Key("created_at"));
  ARROW_RETURN_NOT_OK(out.Double(Clock::System().WallSeconds()));
  ARROW_RETURN_NOT_OK(out.Key("distance_metric"));
  ARROW_RETURN_NOT_OK(out.String(dense ? Name(dense->metric) : "cosine"));
  ARROW_RETURN_NOT_OK(out.Key("quantization_enabled"));
  ARROW_RETURN_NOT_OK(out.Bool(false));
  return out.EndObject();
}

}  // namespace vecferry::qdrant_model
