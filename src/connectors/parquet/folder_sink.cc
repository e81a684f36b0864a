#include <arrow/record_batch.h>
#include <arrow/type.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/failpoint.h"
#include "base/text.h"
#include "connectors/parquet/footer.h"
#include "connectors/parquet/parts.h"
#include "connectors/parquet/sink_base.h"
#include "record/json.h"

namespace vecferry::parquet_store {
namespace {

/// The text of one top-level field, where it is text, an integer or a boolean.
class FieldFinder final : public JsonVisitor {
 public:
  explicit FieldFinder(std::string field) : field_(std::move(field)) {}
  void Begin() { depth_ = 0, here_ = false, value_.reset(), odd_ = false; }
  const std::optional<std::string>& value() const { return value_; }
  bool odd() const { return odd_; }

  Status Null() override { return Leaf(std::nullopt); }
  Status Bool(bool value) override { return Leaf(value ? "true" : "false"); }
  Status Int(int64_t value) override { return Leaf(std::to_string(value)); }
  Status Uint(uint64_t value) override { return Leaf(std::to_string(value)); }
  Status Double(double) override { return Odd(); }
  Status String(std::string_view utf8) override { return Leaf(std::string(utf8)); }
  Status Special(std::string_view type, std::string_view text) override { return type == "date" || type == "datetime" || type == "bigint" ? Leaf(std::string(text)) : Odd(); }
  Status BeginObject() override { return Open(); }
  Status Key(std::string_view key) override { return here_ = depth_ == 1 && key == field_, Status::OK(); }
  Status EndObject() override { return --depth_, Status::OK(); }
  Status BeginArray() override { return Open(); }
  Status EndArray() override { return --depth_, Status::OK(); }

 private:
  Status Leaf(std::optional<std::string> value) {
    if (here_ && depth_ == 1) value_ = std::move(value), here_ = false;
    return Status::OK();
  }
  Status Odd() {
    odd_ = odd_ || (here_ && depth_ == 1);
    return Status::OK();
  }
  Status Open() {
    if (here_ && depth_ == 1) odd_ = true, here_ = false;
    return ++depth_, Status::OK();
  }

  const std::string field_;
  int depth_ = 0;
  bool here_ = false, odd_ = false;
  std::optional<std::string> value_;
};

class FolderSink final : public ParquetSink {
 public:
  FolderSink(const files::Place& place, const WriteOptions& options)
      : ParquetSink(place, options), folder_(place, "parquet"), finder_(options.partition_by), parts_(folder_, MakeSetup()) {}

  Status Prepare(const SinkSpec& spec) override {
    if (!spec.resumed) ARROW_RETURN_NOT_OK(Describe().status());  // which refuses a folder of other files
    ARROW_RETURN_NOT_OK(Begin(spec));
    if (by_tenant() && !spec.schema.has_tenant) {
      return MakeError(Category::usage, "the records have no tenant to partition by", "leave out partition-by, or name a field of the metadata");
    }
    ARROW_RETURN_NOT_OK(folder_.Begin(spec));
    if (folder_.finished_before()) return parts_.RemoveSidecars();
    return spec.resumed ? Status::OK() : parts_.RemoveSidecars();
  }

  Result<WriteOutcome> Write(const RecordView& batch) override {
    VF_FAILPOINT("parquet.write.before");
    WriteOutcome outcome;
    if (batch.rows() == 0) return outcome;
    if (options_.partition_by.empty()) {
      ARROW_RETURN_NOT_OK(parts_.Write(Parts::Key(), *batch.batch()));
      return outcome;
    }
    std::map<Parts::Key, std::vector<int64_t>> rows;
    for (int64_t row = 0; row < batch.rows(); ++row) {
      auto key = KeyOf(batch, row);
      if (key.ok()) rows[std::move(*key)].push_back(row);
      else outcome.rejects.push_back({row, FactsOf(key.status()).code, key.status().message()});
    }
    for (const auto& [key, of] : rows) {
      const bool whole = static_cast<int64_t>(of.size()) == batch.rows();
      ARROW_ASSIGN_OR_RAISE(const RecordView part, whole ? Result<RecordView>(batch) : batch.Take(of));
      std::shared_ptr<arrow::RecordBatch> table = part.batch();
      if (by_tenant()) {
        ARROW_ASSIGN_OR_RAISE(table, table->RemoveColumn(table->schema()->GetFieldIndex("tenant")));
      }
      ARROW_RETURN_NOT_OK(parts_.Write(key, *table));
    }
    return outcome;
  }

  Result<std::string> Flush() override {
    if (folder_.finished() || folder_.finished_before()) return state_;
    VF_FAILPOINT("parquet.flush.before");
    ARROW_ASSIGN_OR_RAISE(state_, parts_.Flush());
    return state_;
  }

  Status Resume(const std::string& state) override {
    state_ = state;
    return folder_.finished_before() ? Status::OK() : parts_.Resume(state);
  }

  Status Finish() override {
    if (folder_.finished() || folder_.finished_before()) return Status::OK();
    ARROW_ASSIGN_OR_RAISE(const auto names, parts_.Finish());
    VF_FAILPOINT("parquet.footers.after");
    ARROW_RETURN_NOT_OK(folder_.Finish(names));
    return parts_.RemoveSidecars();
  }

  Status Abort() override {
    parts_.Close();
    folder_.Close();
    return Status::OK();
  }

  Status DropDataset() override {
    parts_.Close();
    ARROW_RETURN_NOT_OK(parts_.RemoveSidecars());
    return folder_.Drop({".parquet"});
  }

 protected:
  bool IsInPlace() const override { return folder_.finished() || folder_.finished_before(); }

 private:
  bool by_tenant() const { return options_.partition_by == "tenant"; }

  Parts::Setup MakeSetup() {
    Parts::Setup setup;
    setup.table = options_.table;
    setup.file_size = options_.file_size;
    setup.folder = [this](const Parts::Key& key) { return options_.partition_by.empty() ? std::string() : FolderOf(options_.partition_by, key) + "/"; };
    setup.schema = [this](const Parts::Key& key) {
      std::map<std::string, std::string> more;
      if (!options_.partition_by.empty()) more[kPartitionKey] = options_.partition_by;
      if (by_tenant()) more[kTenantKey] = key ? nlohmann::json(*key).dump() : "null";
      return FileSchema(more, !by_tenant());
    };
    return setup;
  }

  Result<Parts::Key> KeyOf(const RecordView& batch, int64_t row) {
    if (by_tenant()) {
      const auto tenant = batch.tenant(row);
      return tenant ? Parts::Key(std::string(*tenant)) : Parts::Key();
    }
    finder_.Begin();
    ARROW_RETURN_NOT_OK(json_.Visit(batch.metadata(row).value_or("{}"), finder_));
    if (finder_.odd()) return BadRecord("partition-value", fmt::format("{} is no text, integer or boolean to partition by", Printable(options_.partition_by, 100)));
    return finder_.value();
  }

  files::StagedFolder folder_;
  FieldFinder finder_;
  JsonReader json_;
  Parts parts_;
  std::string state_;
};

}  // namespace

Result<std::unique_ptr<Sink>> OpenFolderSink(const files::Place& place, const WriteOptions& options) {
  ARROW_RETURN_NOT_OK(files::StagedFolder::CheckPlace(place));
  return std::make_unique<FolderSink>(place, options);
}

}  // namespace vecferry::parquet_store
