#pragma once
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "connector/connector.h"

namespace vecferry {

/// A number counted, or estimated where not all could be kept in mind.
struct Tally {
  int64_t count = 0;
  bool exact = true;
};

/// A metadata field, of the records that were read.
struct FieldInventory {
  std::map<std::string, int64_t> types;  ///< by type, null among them: records
  int64_t records = 0;                   ///< that have it, with whatever value
  Tally distinct;                        ///< values, null not counted
  std::string least, greatest;           ///< number as it is spelled, "" where there is none
  std::string first_time, last_time;     ///< where every text looks like an ISO 8601 time, compared as text; "" else
  int64_t longest = 0;                   ///< bytes of the longest text
};

/// A vector column, of the records that were read. Norms are those of dense vectors, in the column's own elements, of finite vectors alone.
struct VectorInventory {
  VectorSpec spec;
  int64_t present = 0, missing = 0;
  int64_t bytes = 0;                     ///< of the elements
  double least_norm = 0, mean_norm = 0, greatest_norm = 0;
  int64_t normed = 0;                    ///< vectors that the norms are of
  int64_t unit = 0, zero = 0;            ///< norm within 0.001 of 1; norm 0
  int64_t non_finite = 0;                ///< some element is NaN or infinite
  int64_t least_entries = 0, greatest_entries = 0, entries = 0;  ///< of sparse vectors, or rows of multi-vectors: in one, in all
  Tally equal;                           ///< vectors that an earlier record has as well, byte for byte
};

/// What `inspect` shows of a dataset.
struct Inventory {
  DatasetInfo info;
  bool single = false;                   ///< one record was asked for; nothing but `info` and `samples` is meant
  int64_t records = 0, rejects = 0;      ///< of what was read
  bool complete = false;                 ///< every record was read, not a sample
  std::map<std::string, FieldInventory> fields;
  int64_t fields_left_out = 0;           ///< values of fields beyond the first 1,000
  std::vector<VectorInventory> vectors;
  std::map<std::string, int64_t> id_kinds;       ///< "u64", "i64", "uuid", "string": records
  int64_t longest_id = 0;                        ///< bytes
  Tally equal_ids;                               ///< records whose tenant and id an earlier one has
  int64_t documents = 0, empty_documents = 0, longest_document = 0;
  Tally equal_documents;                         ///< not empty, and an earlier record has the same
  Tally tenants;
  std::vector<std::pair<std::string, int64_t>> largest_tenants;  ///< at most 5
  int64_t id_bytes = 0, document_bytes = 0, metadata_bytes = 0;  ///< of the records that were read
  int64_t vector_bytes() const;
  /// `bytes` of what was read as that of the whole dataset, -1 where its count is unknown.
  int64_t Whole(int64_t bytes) const;
  std::vector<std::string> samples;      ///< records as JSON lines
  std::string ToJson() const;
};

}  // namespace vecferry
