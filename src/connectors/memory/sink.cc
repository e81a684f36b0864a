#include <arrow/buffer.h>
#include <arrow/io/memory.h>
#include <arrow/ipc/reader.h>
#include <arrow/ipc/writer.h>
#include <arrow/record_batch.h>
#include <fmt/format.h>

#include "base/text.h"
#include "connector/fit.h"
#include "connectors/memory/dataset.h"
#include "connectors/memory/memory.h"
#include "record/digest.h"

namespace vecferry::memory {
namespace {

std::string_view TenantAt(const std::vector<std::string_view>& tenants, size_t i) {
  return tenants.empty() ? std::string_view() : tenants[i];
}

/// A row as an Arrow IPC stream: the before-image of a record, schema included.
Result<std::string> ImageOf(const Entry& entry) {
  ARROW_ASSIGN_OR_RAISE(const RecordView one, entry.view.Take({entry.row}));
  ARROW_ASSIGN_OR_RAISE(const auto out, arrow::io::BufferOutputStream::Create());
  ARROW_ASSIGN_OR_RAISE(const auto writer, arrow::ipc::MakeStreamWriter(out, one.batch()->schema()));
  ARROW_RETURN_NOT_OK(writer->WriteRecordBatch(*one.batch()));
  ARROW_RETURN_NOT_OK(writer->Close());
  ARROW_ASSIGN_OR_RAISE(const auto buffer, out->Finish());
  return buffer->ToString();
}

Result<RecordView> ParseImage(std::string_view image) {
  const auto input = std::make_shared<arrow::io::BufferReader>(arrow::Buffer::FromString(std::string(image)));
  ARROW_ASSIGN_OR_RAISE(const auto reader, arrow::ipc::RecordBatchStreamReader::Open(input));
  ARROW_ASSIGN_OR_RAISE(auto batch, reader->Next());
  if (!batch || batch->num_rows() != 1) return MakeError(Category::corrupt, "a before-image holds no record");
  return RecordView::Make(std::move(batch));
}

class MemorySink final : public Sink, public Lookup, public Undo {
 public:
  MemorySink(const Location& location, const Capabilities& can, bool single) : location_(location), can_(can), single_(single) {}

  Result<TargetInfo> Describe() override {
    TargetInfo info;
    info.identity = fmt::format("memory:{}#{}", location_.path, location_.dataset);
    const auto dataset = memory::Find(location_.path, location_.dataset);
    if (!dataset) return info;
    const std::lock_guard lock(dataset->mutex);
    info.exists = true;
    info.count = dataset->CountLocked();
    info.schema = dataset->schema;
    return info;
  }

  Status Prepare(const SinkSpec& spec) override {
    ARROW_RETURN_NOT_OK(CheckSchemaFits(can_, spec.schema));
    spec_ = spec;
    const auto old = memory::Find(location_.path, location_.dataset);
    if (spec.on_exists == OnExists::replace && old) return PrepareReplacement(old);
    if (old) return Adopt(old);
    if (spec.intents) ARROW_RETURN_NOT_OK(spec.intents->Record("create-dataset", location_.dataset));
    dataset_ = std::make_shared<Dataset>();
    dataset_->schema = spec.schema;
    memory::Put(location_.path, location_.dataset, dataset_);
    return Status::OK();
  }

  Result<WriteOutcome> Write(const RecordView& batch) override {
    if (!dataset_) return MakeError(Category::internal, "Write before Prepare");
    if (!(batch.schema() == spec_.schema)) return MakeError(Category::internal, "a batch of another schema than Prepare was told");
    RecordView kept = batch;
    if (can_.vector_change == VectorChange::cosine_normalised && batch.rows() > 0) {
      ARROW_ASSIGN_OR_RAISE(kept, NormalisedRows(batch, single_));
    }
    WriteOutcome outcome;
    RowFit fit(can_);
    RecordHasher hasher;
    const std::lock_guard lock(dataset_->mutex);
    for (int64_t row = 0; row < batch.rows(); ++row) {
      auto reject = fit.Check(batch, row);
      if (!reject && spec_.on_exists == OnExists::append) {
        ARROW_ASSIGN_OR_RAISE(reject, CheckAppend(batch, row, hasher));
      }
      if (reject) outcome.rejects.push_back(std::move(*reject));
      else dataset_->PutLocked(kept, row, can_.replay == Replay::truncate_and_replay);
    }
    return outcome;
  }

  Result<std::string> Flush() override {
    if (can_.replay != Replay::truncate_and_replay) return std::string();
    const std::lock_guard lock(dataset_->mutex);
    return std::to_string(dataset_->entries.size());
  }

  Status Resume(const std::string& state) override {
    if (can_.replay != Replay::truncate_and_replay) return Status::OK();
    int64_t entries = 0;
    if (!state.empty()) {
      ARROW_ASSIGN_OR_RAISE(entries, ParseInt(state));
    }
    const std::lock_guard lock(dataset_->mutex);
    if (entries < 0 || entries > static_cast<int64_t>(dataset_->entries.size())) {
      return MakeError(Category::corrupt, "the dataset is shorter than what was written to it");
    }
    dataset_->TruncateLocked(static_cast<size_t>(entries));
    return Status::OK();
  }

  Status Finish() override {
    if (staging_.empty()) return Status::OK();
    memory::Put(location_.path, location_.dataset, dataset_);
    memory::Drop(location_.path, staging_);
    return Status::OK();
  }
  Status Abort() override { return Status::OK(); }
  Lookup* lookup() override { return can_.lookup ? this : nullptr; }
  Undo* undo() override { return can_.undo ? this : nullptr; }

  Result<std::unique_ptr<Source>> OpenReadBack() override {
    Location written = location_;
    // Finish has moved a replacement to its place.
    if (!staging_.empty() && memory::Find(location_.path, staging_)) written.dataset = staging_;
    auto source = memory::OpenSource(written, can_);
    if (!source) return MakeError(Category::not_found, "the dataset is gone");
    return source;
  }

  Result<int64_t> Count() override {
    const auto dataset = Current();
    if (!dataset) return 0;
    const std::lock_guard lock(dataset->mutex);
    return dataset->CountLocked();
  }

  Result<RecordView> Get(const std::vector<std::string_view>& tenants, const std::vector<std::string_view>& ids) override {
    const auto dataset = Current();
    if (!dataset) return MakeError(Category::not_found, "the dataset does not exist");
    const std::lock_guard lock(dataset->mutex);
    BatchBuilder builder(dataset->schema);
    for (size_t i = 0; i < ids.size(); ++i) {
      const Entry* entry = dataset->FindLocked(memory::KeyOf(TenantAt(tenants, i), ids[i]));
      if (entry) AppendRow(entry->view, entry->row, builder);
    }
    return builder.Finish();
  }

  Result<std::vector<std::optional<std::string>>> Capture(const std::vector<std::string_view>& tenants,
                                                          const std::vector<std::string_view>& ids) override {
    std::vector<std::optional<std::string>> images(ids.size());
    const auto dataset = Current();
    if (!dataset) return images;
    const std::lock_guard lock(dataset->mutex);
    for (size_t i = 0; i < ids.size(); ++i) {
      const Entry* entry = dataset->FindLocked(memory::KeyOf(TenantAt(tenants, i), ids[i]));
      if (!entry) continue;
      ARROW_ASSIGN_OR_RAISE(images[i], ImageOf(*entry));
    }
    return images;
  }

  Status Restore(const std::vector<std::string_view>&, const std::vector<std::string_view>&,
                 const std::vector<std::string_view>& images) override {
    const auto dataset = Current();
    if (!dataset) return MakeError(Category::not_found, "the dataset does not exist");
    const std::lock_guard lock(dataset->mutex);
    for (const std::string_view image : images) {
      ARROW_ASSIGN_OR_RAISE(const RecordView view, ParseImage(image));
      dataset->PutLocked(view, 0, false);
    }
    return Status::OK();
  }

  Status DeleteIds(const std::vector<std::string_view>& tenants, const std::vector<std::string_view>& ids) override {
    const auto dataset = Current();
    if (!dataset) return Status::OK();
    const std::lock_guard lock(dataset->mutex);
    for (size_t i = 0; i < ids.size(); ++i) dataset->EraseLocked(memory::KeyOf(TenantAt(tenants, i), ids[i]));
    return Status::OK();
  }

  Status DropDataset() override {
    memory::Drop(location_.path, location_.dataset);
    dataset_ = nullptr;
    return Status::OK();
  }

 private:
  /// Prepare made it, or it was there before: Lookup and Undo work without Prepare too.
  std::shared_ptr<Dataset> Current() const { return dataset_ ? dataset_ : memory::Find(location_.path, location_.dataset); }

  Status Adopt(const std::shared_ptr<Dataset>& old) {
    const std::lock_guard lock(old->mutex);
    if (!(old->schema == spec_.schema)) {
      return MakeError(Category::refused, fmt::format("{} exists with another schema", location_.Display()), "name another dataset, or --on-exists replace");
    }
    const bool holds = old->CountLocked() > 0 && !spec_.resumed;
    if (holds && (spec_.on_exists == OnExists::fail || !can_.appends)) {
      return MakeError(Category::refused, fmt::format("{} holds {} records", location_.Display(), old->CountLocked()),
                       "choose with --on-exists append, upsert or replace");
    }
    dataset_ = old;
    return Status::OK();
  }

  Status PrepareReplacement(const std::shared_ptr<Dataset>&) {
    staging_ = fmt::format("{}.vecferry-{}", location_.dataset, spec_.run_id);
    dataset_ = memory::Find(location_.path, staging_);
    if (dataset_) return Status::OK();
    if (spec_.intents) ARROW_RETURN_NOT_OK(spec_.intents->Record("create-dataset", staging_));
    dataset_ = std::make_shared<Dataset>();
    dataset_->schema = spec_.schema;
    memory::Put(location_.path, staging_, dataset_);
    return Status::OK();
  }

  /// Append inserts only: an equal record is a success, another one under the same key a reject.
  Result<std::optional<RowReject>> CheckAppend(const RecordView& batch, int64_t row, RecordHasher& hasher) const {
    const Entry* there = dataset_->FindLocked(memory::KeyOf(batch.tenant(row), batch.id(row)));
    if (!there) return std::optional<RowReject>();
    ARROW_ASSIGN_OR_RAISE(const RecordHash mine, hasher.Hash(batch, row));
    ARROW_ASSIGN_OR_RAISE(const RecordHash theirs, hasher.Hash(there->view, there->row));
    if (mine == theirs) return std::optional<RowReject>();
    return std::optional<RowReject>(RowReject{row, "exists-different", "the target holds another record under this id"});
  }

  Location location_;
  Capabilities can_;
  bool single_ = false;  ///< arithmetic of normalisation
  SinkSpec spec_;
  std::string staging_;  ///< where a replacement grows until Finish
  std::shared_ptr<Dataset> dataset_;
};

}  // namespace

Result<std::unique_ptr<Sink>> OpenSink(const Location& location, const Capabilities& can, bool single) {
  if (location.dataset.empty()) {
    return MakeError(Category::usage, "a memory store needs the name of a dataset", "write it as memory:NAME#DATASET");
  }
  return std::make_unique<MemorySink>(location, can, single);
}

}  // namespace vecferry::memory
