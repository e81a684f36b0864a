#pragma once
#include <chrono>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "base/pool.h"
#include "connectors/weaviate/dataset.h"

namespace vecferry::weaviate {
namespace pb {
class BatchObjectsReply;
class BatchObjectsRequest;
}  // namespace pb

/// Writes batches into one class, and gives it the properties that their keys need. Thread-safe: several Write calls at once.
class ClassWriter {
 public:
  /// `shape` is that of the records that come. The capabilities outlive it.
  ClassWriter(Dataset dataset, ClassSchema schema, Shape shape, const Capabilities& can);
  ~ClassWriter();
  Result<WriteOutcome> Write(const RecordView& batch);

 private:
  struct Encoded;
  struct Batch;
  Status Encode(const Batch& batch, ObjectEncoder& encoder, const PropertyTable& table, Encoded* out) const;
  /// Makes the properties that keys of the batch lack; false where there was nothing to be made.
  Result<bool> AddProperties(const RecordView& batch, ObjectEncoder& encoder, const std::shared_ptr<const PropertyTable>& before);
  Status MakeProperties(const TypeScout& scout, PropertyTable* table, bool* made);
  Result<bool> AddProperty(const std::string& name, const PropertyType& type, PropertyType* made);
  std::shared_ptr<const PropertyTable> table();
  /// The class is still there: a batch for one that is gone would have the server make another, without its parameters.
  Status CheckClass();
  Status Send(const Encoded& encoded, WriteOutcome* outcome);
  Status Judge(const Encoded& encoded, const pb::BatchObjectsReply& reply, WriteOutcome* outcome);

  const Dataset dataset_;
  const Shape shape_;
  const Capabilities& can_;
  Pool<ObjectEncoder> encoders_;
  std::mutex mutex_;             ///< of what follows
  std::shared_ptr<const PropertyTable> table_;
  std::set<std::string> refused_;  ///< keys that the server makes no property for
  std::chrono::steady_clock::time_point looked_;
  std::mutex properties_mutex_;  ///< held while properties are made
};

}  // namespace vecferry::weaviate
