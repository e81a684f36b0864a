#pragma once
#include <memory>
#include <string>
#include <vector>

#include "record/batch.h"
#include "transform/map_rule.h"

namespace vecferry {

/// The text columns of a batch after the maps; a column that the schema lacks is nullptr.
struct MappedColumns {
  std::shared_ptr<arrow::Array> id, tenant, document, metadata;
  std::vector<std::pair<int64_t, Status>> failed;   ///< rows that a rule could not be applied to, ascending, with Category::bad_content
};

/// Applies maps in their order. Not for use by two threads at once.
class Mapper {
 public:
  /// Category::usage for a rule that the schema has nothing for.
  static Result<std::unique_ptr<Mapper>> Compile(std::vector<MapRule> rules, const RecordSchema& schema, const RunFacts& facts);
  ~Mapper();
  /// Of the mapped records, vectors renamed and dropped.
  const RecordSchema& schema() const;
  /// For each vector of that schema its position among those of the source.
  const std::vector<size_t>& vectors() const;
  Result<MappedColumns> Map(const RecordView& view);
  /// Of each rule how many records it found its field in, since the mapper was made.
  const std::vector<int64_t>& hits() const;

 private:
  struct Impl;
  explicit Mapper(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace vecferry
