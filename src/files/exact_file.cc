#include "files/exact_file.h"

namespace vecferry::files {

Capabilities ExactFileCapabilities() {
  Capabilities can;
  can.source = can.sink = can.undo = true;
  can.consistency = Consistency::frozen;
  can.unique_ids = false;
  can.ids = {IdKind::string, IdKind::u64, IdKind::i64, IdKind::uuid, IdKind::mixed};
  can.dense = {Element::f32, Element::f16, Element::bf16, Element::u8, Element::i8, Element::bit};
  can.sparse = can.multi = can.named_vectors = can.missing_vectors = can.no_vectors = can.unknown_metric = can.extras = true;
  can.max_vectors = 1000;
  can.metrics = {Metric::cosine, Metric::dot, Metric::l2, Metric::l1, Metric::hamming, Metric::jaccard};
  can.json = AllJsonFeatures();
  can.replay = Replay::truncate_and_replay;
  can.replace = ReplaceMode::atomic;
  can.appends = false;
  return can;
}

}  // namespace vecferry::files
