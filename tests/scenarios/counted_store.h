// A store that counts what is read of it and written to it, for tests of what a proof or a sync costs.
#pragma once
#include <atomic>

#include "connector/connector.h"

namespace vecferry {

struct ReadCounts {
  std::atomic<int64_t> rows{0};      ///< read whole, by reading all or by key
  std::atomic<int64_t> keys{0};      ///< of which the id alone was asked for
  std::atomic<int64_t> bytes{0};     ///< of both
  void Clear() { rows = keys = bytes = 0; }
};

struct WriteCounts {
  std::atomic<int64_t> rows{0};      ///< handed to Write
  std::atomic<int64_t> deleted{0}, restored{0};
  std::atomic<int64_t> prepared{0};  ///< calls of Prepare
  void Clear() { rows = deleted = restored = prepared = 0; }
};

class CountedSource final : public Source, public Lookup {
 public:
  CountedSource(std::unique_ptr<Source> inner, ReadCounts* counts) : inner_(std::move(inner)), counts_(counts) {}
  Result<DatasetInfo> Describe() override { return inner_->Describe(); }
  Result<std::vector<Split>> Splits(int wanted) override { return inner_->Splits(wanted); }
  Result<std::unique_ptr<SplitReader>> Read(const Split& split, const Cursor& from, const ReadOptions& options) override {
    ARROW_ASSIGN_OR_RAISE(auto reader, inner_->Read(split, from, options));
    return std::make_unique<Reader>(std::move(reader), counts_, options.keys_only);
  }
  Lookup* lookup() override { return inner_->lookup() ? this : nullptr; }
  Result<int64_t> Count() override { return inner_->lookup()->Count(); }
  Result<RecordView> Get(const std::vector<std::string_view>& tenants, const std::vector<std::string_view>& ids) override {
    ARROW_ASSIGN_OR_RAISE(RecordView found, inner_->lookup()->Get(tenants, ids));
    counts_->rows += found.rows();
    counts_->bytes += found.bytes();
    return found;
  }

 private:
  class Reader final : public SplitReader {
   public:
    Reader(std::unique_ptr<SplitReader> inner, ReadCounts* counts, bool keys_only) : inner_(std::move(inner)), counts_(counts), keys_only_(keys_only) {}
    Result<std::optional<SourceBatch>> Next() override {
      ARROW_ASSIGN_OR_RAISE(auto batch, inner_->Next());
      if (batch) {
        (keys_only_ ? counts_->keys : counts_->rows) += batch->records.rows();
        counts_->bytes += keys_only_ ? 0 : batch->records.bytes();
      }
      return batch;
    }

   private:
    std::unique_ptr<SplitReader> inner_;
    ReadCounts* counts_;
    const bool keys_only_;
  };

  std::unique_ptr<Source> inner_;
  ReadCounts* counts_;
};

class CountedSink final : public Sink, public Undo {
 public:
  CountedSink(std::unique_ptr<Sink> inner, WriteCounts* counts) : inner_(std::move(inner)), counts_(counts) {}
  Result<TargetInfo> Describe() override { return inner_->Describe(); }
  std::vector<Note> Foresee(const SinkSpec& spec) const override { return inner_->Foresee(spec); }
  Status Prepare(const SinkSpec& spec) override { return ++counts_->prepared, inner_->Prepare(spec); }
  Result<WriteOutcome> Write(const RecordView& batch) override { return counts_->rows += batch.rows(), inner_->Write(batch); }
  Result<std::string> Flush() override { return inner_->Flush(); }
  Status Resume(const std::string& state) override { return inner_->Resume(state); }
  Status Finish() override { return inner_->Finish(); }
  Status Abort() override { return inner_->Abort(); }
  Result<std::string> KeyOf(std::string_view tenant, std::string_view id) const override { return inner_->KeyOf(tenant, id); }
  bool InjectiveKeys(const RecordSchema& schema) const override { return inner_->InjectiveKeys(schema); }
  Lookup* lookup() override { return inner_->lookup(); }
  Undo* undo() override { return inner_->undo() ? this : nullptr; }
  IndexDeferral* indexing() override { return inner_->indexing(); }
  Result<std::unique_ptr<Source>> OpenReadBack() override { return inner_->OpenReadBack(); }

  Result<std::vector<std::optional<std::string>>> Capture(const std::vector<std::string_view>& tenants, const std::vector<std::string_view>& ids) override {
    return inner_->undo()->Capture(tenants, ids);
  }
  Status Restore(const std::vector<std::string_view>& tenants, const std::vector<std::string_view>& ids, const std::vector<std::string_view>& images) override {
    counts_->restored += static_cast<int64_t>(ids.size());
    return inner_->undo()->Restore(tenants, ids, images);
  }
  Status DeleteIds(const std::vector<std::string_view>& tenants, const std::vector<std::string_view>& ids) override {
    counts_->deleted += static_cast<int64_t>(ids.size());
    return inner_->undo()->DeleteIds(tenants, ids);
  }
  Status DropDataset() override { return inner_->undo()->DropDataset(); }

 private:
  std::unique_ptr<Sink> inner_;
  WriteCounts* counts_;
};

/// "counted-SCHEME:", the store of that scheme; as a sink where writes are counted too.
class CountedConnector final : public Connector {
 public:
  CountedConnector(Connector* inner, ReadCounts* counts, WriteCounts* writes = nullptr) : inner_(inner), counts_(counts), writes_(writes), info_(inner->info()) {
    info_.scheme = "counted-" + info_.scheme;
    info_.aliases.clear();
  }
  const Info& info() const override { return info_; }
  Result<Capabilities> CapabilitiesOf(const Location& location) const override { return inner_->CapabilitiesOf(location); }
  Result<std::vector<DatasetSummary>> List(const Location& location, const OpenContext& context) override { return inner_->List(location, context); }
  Result<std::unique_ptr<Source>> OpenSource(const Location& location, const OpenContext& context) override {
    ARROW_ASSIGN_OR_RAISE(auto source, inner_->OpenSource(location, context));
    return std::make_unique<CountedSource>(std::move(source), counts_);
  }
  Result<std::unique_ptr<Sink>> OpenSink(const Location& location, const OpenContext& context) override {
    if (!writes_) return Connector::OpenSink(location, context);
    ARROW_ASSIGN_OR_RAISE(auto sink, inner_->OpenSink(location, context));
    return std::make_unique<CountedSink>(std::move(sink), writes_);
  }

 private:
  Connector* inner_;
  ReadCounts* counts_;
  WriteCounts* writes_;
  Info info_;
};

}  // namespace vecferry
