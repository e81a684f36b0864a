// A store that counts what is read of it, for tests of what a proof costs.
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

/// "counted-SCHEME:", the store of that scheme as a source.
class CountedConnector final : public Connector {
 public:
  CountedConnector(Connector* inner, ReadCounts* counts) : inner_(inner), counts_(counts), info_(inner->info()) {
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

 private:
  Connector* inner_;
  ReadCounts* counts_;
  Info info_;
};

}  // namespace vecferry
