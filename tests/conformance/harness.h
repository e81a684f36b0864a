#pragma once
#include <algorithm>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "conformance/cases.h"
#include "conformance/fixture.h"
#include "connectors/builtin.h"
#include "record/digest.h"

namespace vecferry::conformance {

/// Every kind of store of the program.
const Registry& Stores();
std::vector<std::string> Schemes();
/// Those that can be written.
std::vector<std::string> SinkSchemes();

/// The intents of one run, over all its processes.
class Intents final : public IntentLog {
 public:
  Status Record(std::string_view kind, std::string_view payload) override {
    last_[std::string(kind)] = payload;
    return Status::OK();
  }
  Result<std::optional<std::string>> Find(std::string_view kind) override {
    const auto found = last_.find(std::string(kind));
    return found == last_.end() ? std::nullopt : std::optional(found->second);
  }

 private:
  std::map<std::string, std::string> last_;
};

/// Fails the test with what went wrong.
template <class T>
T Must(Result<T> result) {
  if (!result.ok()) throw std::runtime_error(result.status().ToString());
  return std::move(result).ValueOrDie();
}
inline void Must(const Status& status) {
  if (!status.ok()) throw std::runtime_error(status.ToString());
}

/// One kind of store with a folder of its own for each test.
class Harness : public testing::TestWithParam<std::string> {
 protected:
  Harness();
  ~Harness() override;

  /// A dataset that does not exist yet; another for each name.
  Location Fresh(const std::string& name = "a");
  /// A dataset with `count` plain records, or the sample of a store that is only read.
  Location Filled(int count);
  std::unique_ptr<Sink> OpenSink(const Location& location) { return Must(connector_->OpenSink(location, context_)); }
  std::unique_ptr<Source> OpenSource(const Location& location);
  /// Of the run that the test is so far.
  SinkSpec SpecOf(const RecordSchema& schema);
  /// What comes is another run.
  void NewRun();
  RecordSchema Schema() const { return PlainSchema(*fixture_, can_); }
  RecordView Records(int first, int count) const { return PlainRecords(*fixture_, Schema(), first, count); }
  /// Writes and finishes.
  void WriteAll(const Location& location, const std::vector<RecordView>& batches);

  struct Content {
    Digest digest;
    std::vector<std::string> keys;  ///< in the order they were read
    std::vector<Reject> rejects;
  };
  Content ReadAll(Source& source, const ReadOptions& options = {}, int splits = 1);
  Content Of(const RecordView& view);
  void Add(const RecordView& view, Content* content);
  /// Whether the vectors' lane can be compared bit by bit.
  bool ExactVectors() const { return can_.vector_change == VectorChange::none; }

  Connector* connector_ = nullptr;
  const Fixture* fixture_ = nullptr;
  Capabilities can_;
  OpenContext context_;
  fs::path dir_;
  int run_ = 0;
  Intents intents_;
};

}  // namespace vecferry::conformance
