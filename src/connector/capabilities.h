#pragma once
#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "record/schema.h"

namespace vecferry {

/// How a source answers while it is being written to by others.
enum class Consistency {
  frozen,    ///< the bytes read do not change, also for a resume
  snapshot,  ///< one state for as long as the connection lives
  live,      ///< rows may change under the reader
};
/// Whether reading a split twice gives its records in the same order.
enum class Order { stable, unstable };
/// How a sink survives that acknowledged or unacknowledged batches are sent again.
enum class Replay {
  idempotent_upsert,    ///< a record written twice is there once
  truncate_and_replay,  ///< Flush says what is durable, Resume cuts what lies beyond
  restart_split,        ///< the split is written anew
};
enum class ReplaceMode { none, atomic, window };
/// What a store does to vector values on write; verification then compares accordingly.
enum class VectorChange {
  none,
  cosine_normalised,
  reduced_precision,
  cosine_reduced,    ///< precision, of vectors of metric cosine alone
};

/// A kind of metadata value that not every store holds.
enum class JsonFeature {
  nested_object, array, nested_array, mixed_array, null, boolean,
  int64,      ///< integers beyond 2^53 stay exact
  uint64,     ///< integers beyond int64
  real,       ///< 1.0 stays distinct from 1
  non_finite, bigint, decimal, bytes, date, datetime, time, geo,
  empty_key, any_key,  ///< any_key: keys with dots, quotes, dollars, unicode
};
std::string_view Name(JsonFeature feature);
std::string_view Name(Consistency consistency);
std::string_view Name(Order order);
std::string_view Name(Replay replay);
std::string_view Name(ReplaceMode mode);
std::string_view Name(VectorChange change);

/// Every JSON feature.
std::set<JsonFeature> AllJsonFeatures();

/// What a kind of store can do and hold. Everything that differs between stores and that the engine
/// must know stands here; the matrix in docs/reference/stores.md is printed from it.
struct Capabilities {
  bool source = false, sink = false, lookup = false, search = false, undo = false;

  // As a source.
  Consistency consistency = Consistency::live;
  Order order = Order::stable;
  bool unique_ids = true;  ///< false: the same id may be met twice

  // What a record may have. Also what a source of this kind may yield.
  std::set<IdKind> ids;         ///< kinds held natively; a sink maps all others to UUIDs
  std::set<Element> dense;      ///< element types of dense vectors
  bool sparse = false, multi = false, named_vectors = false;
  int max_vectors = 1;          ///< vector columns a dataset may have
  bool non_finite = true;       ///< vectors may hold NaN and infinities
  bool missing_vectors = false; ///< a record may lack a vector that the dataset has
  bool no_vectors = false;      ///< a dataset may have no vector column at all
  std::set<Metric> metrics;     ///< of dense vectors
  std::set<Metric> bit_metrics; ///< of those of bits, where they are other ones: `metrics` is then of numbers alone
  bool unknown_metric = false;  ///< a dataset may be created without a metric
  bool document = true, tenant = true, extras = false;
  std::set<JsonFeature> json;
  bool nul = true;              ///< texts may hold U+0000: ids, tenants, documents, and keys and strings of the metadata

  // As a sink.
  Replay replay = Replay::idempotent_upsert;
  ReplaceMode replace = ReplaceMode::none;
  bool defers_index = false;       ///< its search index can be built after the load
  bool appends = true;             ///< may write into a dataset that holds records
  int max_in_flight = 1;           ///< Write calls at once
  double expansion = 1.0;          ///< peak memory of a Write over the batch's own size
  VectorChange vector_change = VectorChange::none;
  double least_cosine = 0.999;     ///< of reduced_precision and cosine_reduced: what a vector that is read back keeps of its direction
  int64_t batch_rows = 1000;       ///< preferred, and what --batch-size overrides
  int64_t batch_bytes = 8 << 20;
  int64_t flush_bytes = 64 << 20;  ///< of a truncate_and_replay sink: Flush is called after so many bytes,
  double flush_seconds = 1;        ///< or so much time; what was written since is written again after a crash

  /// The metrics that a dense vector of such elements may have.
  const std::set<Metric>& MetricsOf(Element element) const {
    return element == Element::bit && !bit_metrics.empty() ? bit_metrics : metrics;
  }
};

}  // namespace vecferry
