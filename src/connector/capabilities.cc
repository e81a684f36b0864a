#include "connector/capabilities.h"

namespace vecferry {

std::string_view Name(JsonFeature feature) {
  switch (feature) {
    case JsonFeature::nested_object: return "nested_object";
    case JsonFeature::array: return "array";
    case JsonFeature::nested_array: return "nested_array";
    case JsonFeature::mixed_array: return "mixed_array";
    case JsonFeature::null: return "null";
    case JsonFeature::boolean: return "boolean";
    case JsonFeature::int64: return "int64";
    case JsonFeature::uint64: return "uint64";
    case JsonFeature::real: return "real";
    case JsonFeature::non_finite: return "non_finite";
    case JsonFeature::bigint: return "bigint";
    case JsonFeature::decimal: return "decimal";
    case JsonFeature::bytes: return "bytes";
    case JsonFeature::date: return "date";
    case JsonFeature::datetime: return "datetime";
    case JsonFeature::time: return "time";
    case JsonFeature::geo: return "geo";
    case JsonFeature::empty_key: return "empty_key";
    case JsonFeature::any_key: return "any_key";
  }
  return "";
}

std::string_view Name(Consistency consistency) {
  switch (consistency) {
    case Consistency::frozen: return "frozen";
    case Consistency::snapshot: return "snapshot";
    case Consistency::live: return "live";
  }
  return "";
}

std::string_view Name(Order order) { return order == Order::stable ? "stable" : "unstable"; }

std::string_view Name(Replay replay) {
  switch (replay) {
    case Replay::idempotent_upsert: return "idempotent_upsert";
    case Replay::truncate_and_replay: return "truncate_and_replay";
    case Replay::restart_split: return "restart_split";
  }
  return "";
}

std::string_view Name(ReplaceMode mode) {
  switch (mode) {
    case ReplaceMode::none: return "none";
    case ReplaceMode::atomic: return "atomic";
    case ReplaceMode::window: return "window";
  }
  return "";
}

std::string_view Name(VectorChange change) {
  switch (change) {
    case VectorChange::none: return "none";
    case VectorChange::cosine_normalised: return "cosine_normalised";
    case VectorChange::reduced_precision: return "reduced_precision";
    case VectorChange::cosine_reduced: return "cosine_reduced";
  }
  return "";
}

std::set<JsonFeature> AllJsonFeatures() {
  std::set<JsonFeature> all;
  for (int i = 0; i <= static_cast<int>(JsonFeature::any_key); ++i) all.insert(static_cast<JsonFeature>(i));
  return all;
}

}  // namespace vecferry
