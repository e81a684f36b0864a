// A store whose index can be put off, for tests: another one with its settings in a file beside it.
#pragma once
#include <fstream>
#include <functional>
#include <iterator>

#include "connector/connector.h"

namespace vecferry {

/// What the wrapped store's index does, and what it was told.
struct IndexedState {
  fs::path file;                                      ///< holds the settings, so that they outlive the process
  std::function<void()> on_write = [] {};
  std::vector<IndexDeferral::State> polls;            ///< answers of Progress, the last again and again; ready where empty
  size_t polled = 0;
  std::vector<std::string> calls;
  Status answer;                                      ///< of PutBack, where it fails

  std::string Read() const {
    std::ifstream in(file);
    return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  }
  void Write(std::string_view text) const { std::ofstream(file, std::ios::trunc) << text; }
};

class IndexedSink final : public Sink, public IndexDeferral {
 public:
  IndexedSink(std::unique_ptr<Sink> inner, IndexedState* state) : inner_(std::move(inner)), state_(state) {}

  Result<TargetInfo> Describe() override { return inner_->Describe(); }
  Status Prepare(const SinkSpec& spec) override { return inner_->Prepare(spec); }
  Result<WriteOutcome> Write(const RecordView& batch) override {
    state_->on_write();
    return inner_->Write(batch);
  }
  Result<std::string> Flush() override { return inner_->Flush(); }
  Status Resume(const std::string& state) override { return inner_->Resume(state); }
  Status Finish() override { return inner_->Finish(); }
  Status Abort() override { return inner_->Abort(); }
  Result<std::string> KeyOf(std::string_view tenant, std::string_view id) const override { return inner_->KeyOf(tenant, id); }
  bool InjectiveKeys(const RecordSchema& schema) const override { return inner_->InjectiveKeys(schema); }
  Lookup* lookup() override { return inner_->lookup(); }
  Undo* undo() override { return inner_->undo(); }
  IndexDeferral* indexing() override { return this; }
  Result<std::unique_ptr<Source>> OpenReadBack() override { return inner_->OpenReadBack(); }

  Result<std::optional<std::string>> Settings() override {
    const std::string text = state_->Read();
    return text.empty() ? std::nullopt : std::optional<std::string>(text);
  }
  Status Defer() override {
    state_->calls.push_back("defer");
    state_->Write("off");
    return Status::OK();
  }
  Status PutBack(std::string_view settings) override {
    state_->calls.push_back("put back");
    ARROW_RETURN_NOT_OK(state_->answer);
    state_->Write(settings);
    return Status::OK();
  }
  Result<State> Progress() override {
    state_->calls.push_back("progress");
    if (state_->polls.empty()) return State{};
    return state_->polls[std::min(state_->polled++, state_->polls.size() - 1)];
  }

 private:
  std::unique_ptr<Sink> inner_;
  IndexedState* state_;
};

/// "indexed-SCHEME:", the store of that scheme with an index.
class IndexedConnector final : public Connector {
 public:
  IndexedConnector(Connector* inner, IndexedState* state) : inner_(inner), state_(state), info_(inner->info()) {
    info_.scheme = "indexed-" + info_.scheme;
    info_.aliases.clear();
    info_.capabilities.defers_index = true;
  }
  const Info& info() const override { return info_; }
  Result<Capabilities> CapabilitiesOf(const Location& location) const override { return inner_->CapabilitiesOf(location); }
  Result<std::vector<DatasetSummary>> List(const Location& location, const OpenContext& context) override { return inner_->List(location, context); }
  Result<std::unique_ptr<Source>> OpenSource(const Location& location, const OpenContext& context) override { return inner_->OpenSource(location, context); }
  Result<std::unique_ptr<Sink>> OpenSink(const Location& location, const OpenContext& context) override {
    ARROW_ASSIGN_OR_RAISE(auto sink, inner_->OpenSink(location, context));
    return std::make_unique<IndexedSink>(std::move(sink), state_);
  }

 private:
  Connector* inner_;
  IndexedState* state_;
  Info info_;
};

}  // namespace vecferry
