#include "connectors/qdrant/writer.h"

#include <fmt/format.h>

#include "base/failpoint.h"
#include "base/text.h"
#include "connectors/qdrant/value_writer.h"
#include "net/buffers.h"
#include "qdrant_model/family.h"
#include "qdrant_pb/collections.pb.h"

namespace vecferry::qdrant {
namespace {

/// UpsertPoints' field 3 of the point that mcp-memory-service keeps about its collection.
std::string BookkeepingPoint(const Layout::Bookkeeping& own, const RecordSchema& schema, Dialect dialect, const std::string& model) {
  const VectorSpec* dense = qdrant_model::FirstDense(schema);
  const int32_t dims = dense ? dense->dims : 0;
  std::string point, payload;
  AppendPointId(1, ParsePointId(own.point_id).ValueOr(PointId::Of(1)), &point);
  ValueWriter writer;
  writer.Begin(3, &payload);
  (void)qdrant_model::VisitBookkeeping(schema, model, writer);
  point += payload;
  std::string floats, vector, named, vectors;
  if (dims > 0) {
    const std::string zeros(static_cast<size_t>(dims) * 4, '\0');
    AppendBytesField(1, zeros, &floats);
    if (dialect.vector_oneof) AppendBytesField(101, floats, &vector);
    else vector = floats;
  }
  if (dense && dense->name.empty() && schema.vectors.size() == 1) {
    AppendBytesField(1, vector, &vectors);
  } else {
    if (dense) {
      std::string entry;
      AppendBytesField(1, dense->name, &entry);
      AppendBytesField(2, vector, &entry);
      AppendBytesField(1, entry, &named);
    }
    AppendBytesField(2, named, &vectors);
  }
  AppendBytesField(4, vectors, &point);
  std::string out;
  AppendBytesField(3, point, &out);
  return out;
}

}  // namespace

CollectionWriter::CollectionWriter(Dataset dataset, Shape shape) : dataset_(std::move(dataset)), shape_(std::move(shape)), written_(shape_.schema) {
  if (shape_.custom_sharding) written_.has_tenant = false;
}
CollectionWriter::~CollectionWriter() = default;

Result<WriteOutcome> CollectionWriter::Write(const RecordView& batch) {
  // The engine halves it, and waits for each half alone where the rate is limited too.
  if (batch.rows() > shape_.most_points) {
    return MakeError(Category::too_large, fmt::format("the collection takes {} points at once", shape_.most_points), "use a smaller --batch-size");
  }
  return shape_.custom_sharding ? WriteByTenant(batch) : WriteShard(batch, std::nullopt);
}

Result<WriteOutcome> CollectionWriter::WriteShard(const RecordView& batch, const Shard& shard) {
  WriteOutcome outcome;
  std::string request = TakeBuffer(static_cast<size_t>(batch.bytes() + batch.rows() * 128) + 1024);
  request += UpsertHead(dataset_.collection, shard);
  const size_t head = request.size();
  {
    const auto encoder = encoders_.Take([&] { return PointEncoder(written_, *dataset_.layout, dataset_.client->dialect()); });
    for (int64_t row = 0; row < batch.rows(); ++row) {
      if (auto reject = encoder->Append(batch, row, &request)) outcome.rejects.push_back(std::move(*reject));
    }
  }
  if (request.size() == head) return outcome;
  VF_FAILPOINT("qdrant.upsert.before");
  ARROW_RETURN_NOT_OK(Upsert(*dataset_.client, std::move(request)));
  VF_FAILPOINT("qdrant.upsert.after");
  return outcome;
}

Result<WriteOutcome> CollectionWriter::WriteByTenant(const RecordView& batch) {
  std::map<std::string, std::vector<int64_t>> rows;
  WriteOutcome outcome;
  for (int64_t row = 0; row < batch.rows(); ++row) {
    const auto tenant = batch.tenant(row);
    if (tenant && !tenant->empty()) rows[std::string(*tenant)].push_back(row);
    else outcome.rejects.push_back({row, "missing-tenant", "the collection is sharded by key, and the record has no tenant to be one"});
  }
  for (const auto& [tenant, list] : rows) {
    ARROW_RETURN_NOT_OK(EnsureShardKey(tenant));
    ARROW_ASSIGN_OR_RAISE(const RecordView taken, batch.Take(list));
    ARROW_ASSIGN_OR_RAISE(const RecordView part, taken.WithoutTenant());
    ARROW_ASSIGN_OR_RAISE(WriteOutcome written, WriteShard(part, tenant));
    for (auto& reject : written.rejects) {
      reject.row = list[static_cast<size_t>(reject.row)];
      outcome.rejects.push_back(std::move(reject));
    }
  }
  return outcome;
}

Status CollectionWriter::EnsureShardKey(const std::string& key) {
  std::lock_guard guard(mutex_);
  if (!keys_known_) {
    ARROW_ASSIGN_OR_RAISE(const auto there, dataset_.client->ShardKeys(dataset_.collection));
    for (const auto& shard : there) keys_.insert(TextOf(shard));
    keys_known_ = true;
  }
  if (keys_.contains(key)) return Status::OK();
  const Status status = dataset_.client->CreateShardKey(dataset_.collection, ShardKeyOf(key));
  if (!status.ok()) {
    keys_known_ = false;
    return status;
  }
  keys_.insert(key);
  return Status::OK();
}

Status CollectionWriter::WriteBookkeeping(const std::string& model) {
  const auto& own = dataset_.layout->bookkeeping;
  if (!own || shape_.custom_sharding) return Status::OK();
  ARROW_ASSIGN_OR_RAISE(const int64_t there, CountBookkeeping(dataset_, shape_));
  if (there > 0) return Status::OK();
  VF_FAILPOINT("qdrant.bookkeeping.before");
  std::string request = UpsertHead(dataset_.collection, std::nullopt);
  request += BookkeepingPoint(*own, shape_.schema, dataset_.client->dialect(), model);
  return Upsert(*dataset_.client, std::move(request));
}

}  // namespace vecferry::qdrant
