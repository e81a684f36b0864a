#pragma once
#include <algorithm>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "conformance/cases.h"
#include "conformance/fixture.h"
#include "connector/fidelity.h"
#include "connectors/builtin.h"
#include "record/digest.h"

namespace vecferry::conformance {

/// Every kind of store of the program.
Registry& Stores();
/// At the end of the program: the folders that its tests shared, which are empty unless one failed.
void RemoveFolders();

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
class Harness : public testing::Test {
 public:
  explicit Harness(const Fixture& fixture);
  ~Harness() override;
  /// Whether a kind of store has this suite's tests; a suite hides it with its own.
  static bool Concerns(const Capabilities& can) { return can.source || can.sink; }

 protected:
  /// A dataset that does not exist yet; another for each name.
  Location Fresh(const std::string& name = "a");
  /// What such a dataset's location was made of, credentials and all.
  std::string TextOf(const Location& location) const { return texts_.at(location.Display()); }
  /// A name that no other test and no other call of this one gives.
  std::string Unique(const std::string& name) const { return prefix_ + name; }
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

  /// Rows whose key the store takes for that of an earlier row. After Prepare.
  static std::set<int64_t> Collisions(const RecordView& records, const Sink& sink);

  struct Content {
    Digest digest;
    std::vector<std::string> keys;  ///< in the order they were read
    std::vector<Reject> rejects;
  };
  Content ReadAll(Source& source, const ReadOptions& options = {}, int splits = 1);
  Content Of(const RecordView& view);
  void Add(const RecordView& view, Content* content);
  /// What this test has shown of its store, for the summary: "exact", "tolerance", "refused".
  void Shown(Fidelity what) { RecordProperty("shown", std::string(Name(what))); }

  Connector* connector_ = nullptr;
  const Fixture* fixture_ = nullptr;
  Capabilities can_;
  bool exact_vectors_ = true;  ///< whether the vectors' lane can be compared bit by bit; of the plain schema unless a test says otherwise
  OpenContext context_;
  fs::path dir_;
  int run_ = 0;
  Intents intents_;

 private:
  std::map<std::string, std::string> texts_;
  std::string prefix_;  ///< of the names of this test's datasets, short and its own
};

/// A test of every kind of store that its suite concerns.
struct StoreTest {
  std::string suite, name;
  const char* file;
  int line;
  bool (*concerns)(const Capabilities& can);
  std::function<Harness*(const Fixture& fixture)> make;
};
std::vector<StoreTest>& StoreTests();

/// Defines a test that is run for each kind of store, as "SUITE/STORE.NAME".
#define STORE_TEST(suite_class, test_name)                                                                          \
  class suite_class##_##test_name : public suite_class {                                                            \
   public:                                                                                                          \
    using suite_class::suite_class;                                                                                 \
    void TestBody() override;                                                                                       \
  };                                                                                                                \
  [[maybe_unused]] static const bool suite_class##_##test_name##_added =                                            \
      (StoreTests().push_back({#suite_class, #test_name, __FILE__, __LINE__, &suite_class::Concerns,                \
                               [](const Fixture& fixture) -> Harness* { return new suite_class##_##test_name(fixture); }}), \
       true);                                                                                                       \
  void suite_class##_##test_name::TestBody()

/// Adds tests that are known only when the cases are: called for each fixture before the tests run.
using CaseTests = void (*)(const Fixture& fixture, const Capabilities& can);
std::vector<CaseTests>& AllCaseTests();
/// One of them, "SUITE/STORE.NAME".
void AddCaseTest(const Fixture& fixture, const std::string& suite, const std::string& name, const char* file, int line, std::function<Harness*()> make);

}  // namespace vecferry::conformance
