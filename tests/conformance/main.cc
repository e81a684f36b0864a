// The suite over every kind of store: "SUITE/STORE.CASE" is one test. Told --ctest FILE it writes what ctest is to run, one
// entry a store, so that stores run beside each other and what a store's tests share is started once.
#include <cstring>
#include <fstream>
#include <iostream>

#include "conformance/engine_harness.h"

namespace vecferry::conformance {
namespace {

void RegisterTests() {
  for (const Fixture& fixture : Fixtures()) {
    const auto connector = Stores().Find(fixture.scheme);
    if (!connector.ok()) continue;  // Registry.EveryKindOfStoreHasItsFixture says so
    const Capabilities& can = (*connector)->info().capabilities;
    for (const StoreTest& test : StoreTests()) {
      if (!test.concerns(can)) continue;
      const std::string suite = test.suite.substr(0, test.suite.rfind("Suite"));
      AddCaseTest(fixture, suite, test.name, test.file, test.line, [&test, &fixture] { return test.make(fixture); });
    }
    for (const CaseTests add : AllCaseTests()) add(fixture, can);
  }
}

int WriteList(const char* file) {
  const std::string program = fs::read_symlink("/proc/self/exe").string();
  std::ofstream out(file);
  const auto entry = [&](const std::string& name, const std::string& filter) {
    out << "add_test(\"conformance." << name << "\" \"" << program << "\" \"--gtest_filter=" << filter << "\" \"--gtest_brief=1\")\n"
        << "set_tests_properties(\"conformance." << name << "\" PROPERTIES LABELS conformance TIMEOUT 1500)\n";
  };
  entry("registry", "Registry.*");
  for (const Fixture& fixture : Fixtures()) entry(fixture.name(), "*/" + fixture.name() + ".*");
  return out.good() ? 0 : 1;
}

/// At the end one line a store: how many tests, and what they have shown.
class Summary final : public testing::EmptyTestEventListener {
 public:
  void OnTestEnd(const testing::TestInfo& test) override {
    const std::string suite = test.test_suite_name();
    const auto slash = suite.find('/');
    if (slash == std::string::npos) return;
    auto& counts = stores_[suite.substr(slash + 1)];
    ++counts["tests"];
    if (test.result()->Failed()) ++counts["failed"];
    for (int i = 0; i < test.result()->test_property_count(); ++i) {
      const auto& property = test.result()->GetTestProperty(i);
      if (!std::strcmp(property.key(), "shown")) ++counts[property.value()];
    }
  }
  void OnTestProgramEnd(const testing::UnitTest&) override {
    for (auto& [store, counts] : stores_) {
      std::cout << "conformance: " << store << ": " << counts["tests"] << " tests, " << counts["failed"] << " failed; kinds of data " << counts["exact"] << " exact, "
                << counts["tolerance"] << " within the tolerance, " << counts["refused"] << " refused as declared\n";
    }
  }

 private:
  std::map<std::string, std::map<std::string, int>> stores_;
};

TEST(Registry, EveryKindOfStoreHasItsFixture) {
  std::set<std::string> named, known;
  for (const Fixture& fixture : Fixtures()) {
    EXPECT_TRUE(Stores().Find(fixture.scheme).ok()) << fixture.scheme << " is in no build";
    named.insert(fixture.scheme);
  }
  for (const auto& connector : Stores().connectors()) known.insert(connector->info().scheme);
  EXPECT_EQ(known, named) << "a kind of store without a fixture in tests/conformance is not tested";
}

}  // namespace
}  // namespace vecferry::conformance

int main(int argc, char** argv) {
  using namespace vecferry::conformance;
  if (const auto code = ActAsAnother(argc, argv)) return *code;
  testing::InitGoogleTest(&argc, argv);
  if (argc == 3 && !std::strcmp(argv[1], "--ctest")) return WriteList(argv[2]);
  RegisterTests();
  testing::UnitTest::GetInstance()->listeners().Append(new Summary());
  const int failed = RUN_ALL_TESTS();
  RemoveFolders();
  return failed;
}
