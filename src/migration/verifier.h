#pragma once
#include "migration/differ.h"

namespace vecferry {

/// A verification of two opened sides.
struct VerifyRequest {
  Source* source = nullptr;
  Source* target = nullptr;
  const Layout* layout = nullptr;
  VerifyOptions options;
  VectorChange vector_change = VectorChange::none;  ///< what the target does to vectors of this schema
  double least_cosine = 0.999;      ///< of VectorChange::reduced_precision, as the target declares it
  bool predictable = true;                 ///< what it then holds can be told bit by bit: CanPredict
  bool unique_ids = false;                 ///< neither side may hold an id twice
  bool shared_target = false;
  bool gather = false;                     ///< fill in VerifyOutcome::records
  bool fresh = false;                      ///< the copy has just ended
  const Digest* source_digest = nullptr;   ///< journalled while copying; the source is read only where the target differs
  /// The same as the target keeps the records. Where it normalises and this is not known, both sides are read.
  const Digest* stored_digest = nullptr;
  int64_t source_total = -1;               ///< for progress
  const WrittenHashes* written = nullptr;
  /// Of a shared target, where it is known: what the copy wrote there. The search is about these records alone.
  const WrittenHashes* ours = nullptr;
  std::set<uint64_t> rejected;             ///< key words of the copy's rejects: the source has them, the target need not
  int64_t limit = -1;                      ///< the copy took only so many records: what the source has beyond is no loss
  int jobs = 2;
};

struct VerifyOutcome {
  VerifyReport report;
  std::set<uint64_t> repair;               ///< key words of records that are lost or differ
  std::set<uint64_t> extra;                ///< key words of records that the source does not have
  std::vector<FoundRecord> records;        ///< those that differ
  WrittenHashes held;                      ///< how a target that normalises by arithmetic of its own keeps records; gathered
  std::vector<Reject> source_rejects;      ///< records of the source that cannot be read, the first of them
  Digest source_digest;                    ///< of what was read of the source, in the form that was compared
};

Result<VerifyOutcome> VerifySides(const Engine& engine, const VerifyRequest& request);

}  // namespace vecferry
