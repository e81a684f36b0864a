#pragma once
#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "connector/connector.h"
#include "transform/spec.h"

namespace vecferry {

/// What transforms did to the records that were read, over all readers of a source.
struct TransformCounts {
  std::atomic<int64_t> read{0};       ///< records that the source gave
  std::atomic<int64_t> kept{0};       ///< handed on
  std::atomic<int64_t> dropped{0};    ///< left out as was asked
  std::atomic<int64_t> rejected{0};   ///< could not be transformed
  struct FieldUse {
    int64_t asked = 0, found = 0;
  };
  std::mutex mutex;
  std::vector<int64_t> rule_hits;          ///< of each map, records that it found its field in
  std::map<std::string, FieldUse> fields;  ///< of the metadata, that conditions asked for
};

/// The word of a record's key that decides whether it is in a sample; spread evenly, and not one that the digest uses.
uint64_t SampleWord(std::optional<std::string_view> tenant, std::string_view id);

/// The chain, ready to run on batches of one schema. Not for use by two threads at once.
class Transform {
 public:
  /// Category::usage for what the schema has nothing for. `transforms` must outlive it.
  static Result<std::unique_ptr<Transform>> Compile(const ResolvedTransforms& transforms, const RecordSchema& schema);
  ~Transform();

  /// Of the records that come out.
  const RecordSchema& schema() const;
  /// Whether it can be told of tenant and id alone which records go on, and under which key.
  bool keys_only() const;
  /// Whether records may change their tenant or id.
  bool changes_keys() const;

  /// Takes out what is not wanted and changes the others; what cannot be changed becomes a reject under the id it had. With `keys_only`,
  /// which needs keys_only(), records are selected alone.
  Result<SourceBatch> Apply(SourceBatch batch, bool keys_only, TransformCounts* counts);

 private:
  struct Impl;
  explicit Transform(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace vecferry
