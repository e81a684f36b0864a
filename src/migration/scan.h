#pragma once
#include <functional>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "migration/engine.h"

namespace vecferry {

/// What one pass over a dataset is to gather.
struct ScanOptions {
  DigestScope scope;
  /// The dataset was written by us: a row whose values are not exactly those of its element type was altered since, and
  /// its vectors count as different.
  bool exact_values = false;
  bool keys_only = false;       ///< read ids alone; of the hash the key alone. Only of sources whose ids are unique
  bool gather_keys = false;     ///< for duplicates; 8 bytes a record, given up beyond kMostKeys
  uint64_t sample_below = 0;    ///< vectors of records whose key word is below this are kept
  int jobs = 2;
};

inline constexpr size_t kMostKeys = 8 << 20;

struct ScanResult {
  Digest digest;
  int64_t records = 0, rejects = 0;
  std::vector<Reject> first_rejects;                ///< at most 100
  int64_t duplicates = 0;                           ///< -1: not counted
  std::map<uint64_t, std::string> sample;           ///< key word -> bytes of the first dense vector
  VectorSpec sample_spec;
};

/// Called for each readable record with its hash, by several threads, never two at once.
using OnRecord = std::function<Status(const RecordView& view, int64_t row, const RecordHash& hash)>;

/// Reads a whole dataset, split by split on several threads.
Result<ScanResult> Scan(const Engine& engine, Source& source, const ScanOptions& options, const std::string& phase, int64_t total,
                        const OnRecord& on_record = {});

/// The scope and the comparison that a user's options mean.
Result<CompareOptions> CompareOptionsOf(const VerifyOptions& options, const Layout* layout);

}  // namespace vecferry
