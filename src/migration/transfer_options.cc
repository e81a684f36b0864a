#include "migration/transfer_options.h"

#include <algorithm>

#include "connector/fit.h"

namespace vecferry {
namespace {

/// Batches are as large as the target prefers, but no more bytes than the source does: it may hold some times as many for each.
void SetSizes(const CopyOptions& options, const Capabilities& source, const Capabilities& can, TransferOptions* t) {
  t->jobs = options.jobs;
  t->writers = can.max_in_flight;
  t->adapts = can.replay == Replay::idempotent_upsert && can.max_in_flight > 1;
  t->climbs = options.batch_rows <= 0;
  t->expansion = can.expansion;
  t->memory_bytes = options.memory_bytes;
  t->batch_rows = options.batch_rows > 0 ? options.batch_rows : can.batch_rows;
  // A batch waits for its turn as a whole: none is worth more than a second.
  if (options.records_per_second > 0) t->batch_rows = std::min(t->batch_rows, static_cast<int64_t>(std::max(1.0, options.records_per_second)));
  const int64_t preferred = options.batch_bytes > 0 ? options.batch_bytes : std::min(source.batch_bytes, can.batch_bytes);
  t->batch_bytes = std::min(preferred, std::max<int64_t>(options.memory_bytes / 4, 1));
  t->flushes = can.replay == Replay::truncate_and_replay;
  t->flush_bytes = can.flush_bytes;
  t->flush_seconds = can.flush_seconds;
}

void SetComparison(const OpenedTarget& target, const RecordSchema& schema, TransferOptions* t) {
  t->vector_change = ChangeOf(target.can, schema);
  t->stored_digest = t->vector_change == VectorChange::cosine_normalised && CanPredict(schema);
  t->compare.layout = target.layout;
  t->compare.min_cosine = 0.99;
  t->compare.vector_change = t->vector_change;
  t->compare.least_cosine = target.can.least_cosine;
  t->compare.time_tolerance = 0.001;
}

}  // namespace

TransferOptions TransferOptionsOf(const CopyOptions& options, const OpenedSource& source, const OpenedTarget& target, const RecordSchema& schema, const TargetIntent& intent) {
  TransferOptions t;
  SetSizes(options, source.can, target.can, &t);
  SetComparison(target, schema, &t);
  t.limit = options.limit;
  t.validate = options.validate;
  t.max_rejects = options.max_rejects;
  t.max_reject_share = options.max_reject_share;
  t.records_per_second = options.records_per_second;
  t.max_seconds = options.max_seconds;
  t.append = options.adopt || intent.on_exists == OnExists::append;
  t.capture_before_images = intent.existed && intent.count > 0 && intent.on_exists != OnExists::replace && target.can.undo;
  t.reject_missing_vectors = !target.can.missing_vectors;
  t.hold_until_split_done = target.can.replay == Replay::restart_split;
  return t;
}

}  // namespace vecferry
