#include "connectors/milvus/writer.h"

#include <map>

#include <fmt/format.h>

#include "base/failpoint.h"
#include "base/text.h"
#include "connectors/milvus/query.h"
#include "net/buffers.h"

namespace vecferry::milvus {
namespace {

/// What Milvus Lite 2 does not quote where its upsert deletes the rows before.
bool IsOdd(std::string_view key) { return key.find_first_of("\"'\\\n\r") != std::string_view::npos; }

}  // namespace

Result<WriteOutcome> CollectionWriter::Write(const RecordView& batch) {
  return shape_.partition_tenants ? WriteByPartition(batch) : WritePart(batch, "");
}

Result<WriteOutcome> CollectionWriter::WritePart(const RecordView& batch, const std::string& partition) {
  WriteOutcome outcome;
  std::string request;
  int64_t rows = 0;
  Act act = Act::write;
  std::vector<Key> keys;
  {
    const auto encoder = encoders_.Take([&] { return RowEncoder(shape_, *dataset_.layout); });
    encoder->Begin();
    for (int64_t row = 0; row < batch.rows(); ++row) {
      if (auto reject = encoder->Append(batch, row)) {
        outcome.rejects.push_back(std::move(*reject));
        continue;
      }
      if (dataset_.client->is_lite_2() && !shape_.integer_keys() && IsOdd(batch.id(row))) act = Act::write_odd;
      if (!merges_) continue;
      ARROW_ASSIGN_OR_RAISE(Key key, KeyOf(shape_, batch.tenant(row), batch.id(row)));
      keys.push_back(std::move(key));
    }
    rows = encoder->rows();
    if (rows == 0) return outcome;
    std::string head = TakeBuffer(static_cast<size_t>(batch.bytes() + batch.rows() * 64) + 1024);
    head += dataset_.client->For(dataset_.collection);
    request = encoder->Finish(std::move(head), partition);
  }
  if (merges_) ARROW_RETURN_NOT_OK(Delete(keys, partition));
  VF_FAILPOINT("milvus.upsert.before");
  ARROW_RETURN_NOT_OK(Upsert(*dataset_.client, std::move(request), rows, act));
  VF_FAILPOINT("milvus.upsert.after");
  return outcome;
}

Result<WriteOutcome> CollectionWriter::WriteByPartition(const RecordView& batch) {
  std::map<std::string, std::vector<int64_t>> rows;
  WriteOutcome outcome;
  for (int64_t row = 0; row < batch.rows(); ++row) {
    const auto tenant = batch.tenant(row);
    const std::string partition = tenant && !tenant->empty() ? std::string(*tenant) : std::string(kDefaultPartition);
    if (tenant && !tenant->empty() && (!CheckCollectionName(partition).ok() || partition == kDefaultPartition)) {
      outcome.rejects.push_back({row, "tenant-not-a-partition", fmt::format("the tenant '{}' cannot be the name of a partition: letters, digits and underscores", Printable(partition, 100))});
      continue;
    }
    rows[partition].push_back(row);
  }
  for (const auto& [partition, list] : rows) {
    ARROW_RETURN_NOT_OK(EnsurePartition(partition));
    ARROW_ASSIGN_OR_RAISE(const RecordView taken, batch.Take(list));
    ARROW_ASSIGN_OR_RAISE(const RecordView part, taken.WithoutTenant());
    ARROW_ASSIGN_OR_RAISE(WriteOutcome written, WritePart(part, partition));
    for (auto& reject : written.rejects) {
      reject.row = list[static_cast<size_t>(reject.row)];
      outcome.rejects.push_back(std::move(reject));
    }
  }
  return outcome;
}

Status CollectionWriter::Delete(const std::vector<Key>& keys, const std::string& partition) const {
  const std::string expr = InExpr(shape_.key_field().name, keys);
  return dataset_.client->CallSafely("Delete", DeleteRequest(dataset_.client->For(dataset_.collection), partition, expr), "deleting rows that are written anew").status();
}

Status CollectionWriter::EnsurePartition(const std::string& name) {
  std::lock_guard guard(mutex_);
  if (!partitions_known_) {
    ARROW_ASSIGN_OR_RAISE(const auto there, dataset_.client->Partitions(dataset_.collection));
    partitions_.insert(there.begin(), there.end());
    partitions_known_ = true;
  }
  if (partitions_.contains(name)) return Status::OK();
  const Status status = dataset_.client->CreatePartition(dataset_.collection, name);
  if (!status.ok()) {
    partitions_known_ = false;
    return status;
  }
  partitions_.insert(name);
  return Status::OK();
}

}  // namespace vecferry::milvus
