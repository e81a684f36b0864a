#include <fmt/format.h>

#include "chroma_model/records.h"
#include "options/make_option.h"

namespace vecferry::chroma_model {

Capabilities FamilyCapabilities(bool json_text) {
  Capabilities can;
  can.source = can.sink = can.lookup = can.search = can.undo = true;
  can.consistency = Consistency::live;
  can.ids = {IdKind::string, IdKind::u64, IdKind::i64, IdKind::uuid, IdKind::mixed};
  can.dense = {Element::f32};
  can.non_finite = false;
  can.metrics = {Metric::l2, Metric::cosine, Metric::dot};
  can.json = json_text ? AllJsonFeatures() : std::set<JsonFeature>{JsonFeature::array, JsonFeature::boolean, JsonFeature::int64, JsonFeature::real, JsonFeature::empty_key, JsonFeature::any_key};
  can.replay = Replay::idempotent_upsert;
  can.replace = ReplaceMode::window;
  can.max_in_flight = 4;
  can.expansion = 4.0;  // a request beside the batch, and what is on its way
  can.vector_change = VectorChange::cosine_reduced;
  can.least_cosine = 1 - 1e-6;
  can.batch_rows = 1000;
  can.batch_bytes = 4 << 20;
  return can;
}

OptionSpec MetadataOption() {
  return MakeOption::Choice("metadata", {"plain", "json"},
                            "Values of metadata that Chroma does not hold or would change (null, objects, mixed arrays, some doubles): refused, or kept as JSON text and named in _json.");
}

std::string DescribeCollection(const Collection& collection) {
  const char* metric = SpaceOf(collection.parameters.metric);
  if (collection.dimension == 0) return fmt::format("nothing written yet, {}", metric ? metric : "?");
  return fmt::format("{} x f32, {}", collection.dimension, Name(collection.parameters.metric));
}

}  // namespace vecferry::chroma_model
