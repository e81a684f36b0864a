#pragma once
#include <string>
#include <vector>

#include "base/pool.h"
#include "chroma_model/records.h"

namespace vecferry::chroma_model {

/// Writes batches into one collection. Thread-safe.
class CollectionWriter {
 public:
  /// `replaces`: records that are written may be there already with other content. Upsert merges metadata, and keeps a document that it is
  /// given none for; so what is there is looked at first. A key that is gone is written as null, which removes it in the same act. A
  /// document or URI that is gone cannot be removed so - the server dies of the attempt - and the record is deleted before it is written: a
  /// crash in between leaves it missing, in a batch that was not acknowledged.
  CollectionWriter(Dataset dataset, std::string collection, RecordSchema schema, bool replaces)
      : dataset_(std::move(dataset)), collection_(std::move(collection)), schema_(std::move(schema)), replaces_(replaces) {}
  Result<WriteOutcome> Write(const RecordView& batch);

 private:
  Status MakeRoom(const RecordView& batch, RowEncoder& encoder);
  Status Compare(const RecordView& batch, RowEncoder& encoder, std::vector<std::string_view>* doomed);
  const Dataset dataset_;
  const std::string collection_;
  const RecordSchema schema_;
  const bool replaces_;
  Pool<RowEncoder> encoders_;
};

}  // namespace vecferry::chroma_model
