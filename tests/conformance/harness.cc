#include "conformance/harness.h"

#include <csignal>

#include <unistd.h>

namespace vecferry::conformance {
namespace {

/// This process's folder. In memory where the machine has room for it: what is tested is not the disk, and each copy syncs its
/// journal many times. Folders of processes that ended without removing theirs are removed.
const fs::path& Root() {
  static const fs::path root = [] {
    const fs::path memory = "/dev/shm", disk = fs::path(VECFERRY_BINARY_DIR) / "conformance_test";
    std::error_code ec;
    const auto space = fs::space(memory, ec);
    const bool roomy = !ec && space.available >= (uintmax_t{512} << 20) && ::access(memory.c_str(), W_OK) == 0;
    const fs::path base = roomy ? memory / ("vecferry-conformance-" + std::to_string(::getuid())) : disk;
    for (const auto& each : fs::directory_iterator(base, ec)) {
      const int pid = std::atoi(each.path().filename().c_str());
      if (pid > 0 && ::kill(pid, 0) != 0 && errno == ESRCH) fs::remove_all(each.path(), ec);
    }
    const fs::path mine = base / std::to_string(::getpid());
    // Another process may remove `base`, empty for a moment, in between.
    for (int i = 0; i < 1000 && !fs::is_directory(mine, ec); ++i) fs::create_directories(mine, ec);
    return mine;
  }();
  return root;
}

}  // namespace

void RemoveFolders() {
  std::error_code ec;
  for (const fs::path& each : {Root(), Root().parent_path()}) fs::remove(each, ec);  // where it is empty
}

Registry& Stores() {
  static Registry* registry = [] {
    auto* made = new Registry();
    RegisterBuiltin(*made);
    return made;
  }();
  return *registry;
}

std::vector<StoreTest>& StoreTests() {
  static std::vector<StoreTest> tests;
  return tests;
}

std::vector<CaseTests>& AllCaseTests() {
  static std::vector<CaseTests> tests;
  return tests;
}

void AddCaseTest(const Fixture& fixture, const std::string& suite, const std::string& name, const char* file, int line, std::function<Harness*()> make) {
  testing::RegisterTest((suite + "/" + fixture.name()).c_str(), name.c_str(), nullptr, nullptr, file, line, std::move(make));
}

Harness::Harness(const Fixture& fixture) : fixture_(&fixture) {
  connector_ = Must(Stores().Find(fixture.scheme));
  context_.layout = Must(Stores().FindLayout(fixture_->layout));
  const auto* test = testing::UnitTest::GetInstance()->current_test_info();
  std::string name = test->test_suite_name() + std::string("-") + test->name();
  std::replace(name.begin(), name.end(), '/', '-');
  static int tests = 0;
  prefix_ = "t" + std::to_string(++tests) + "_";
  dir_ = Root() / fixture.name() / name;
  fs::remove_all(dir_);
  fs::create_directories(dir_);
  can_ = fixture.empty ? Must(connector_->CapabilitiesOf(Fresh("can"))) : connector_->info().capabilities;
  exact_vectors_ = ChangeOf(can_, Schema()) == VectorChange::none;
}

Harness::~Harness() {
  if (HasFailure()) return;
  std::error_code ec;
  fs::remove_all(dir_, ec);
  fs::remove(dir_.parent_path(), ec);  // where it is empty
}

Location Harness::Fresh(const std::string& name) {
  const fs::path dir = dir_ / (prefix_ + name);
  fs::create_directories(dir);
  const std::string text = fixture_->empty(dir);
  Location location = Must(Stores().Resolve(text));
  texts_[location.Display()] = text;
  return location;
}

Location Harness::Filled(int count) {
  if (!can_.sink) return Must(Stores().Resolve(Must(fixture_->sample(dir_))));
  const Location location = Fresh("filled");
  WriteAll(location, {Records(0, count)});
  return location;
}

std::unique_ptr<Source> Harness::OpenSource(const Location& location) {
  context_.work_dir = dir_ / "work";
  fs::create_directories(context_.work_dir);
  return Must(connector_->OpenSource(location, context_));
}

SinkSpec Harness::SpecOf(const RecordSchema& schema) {
  SinkSpec spec;
  spec.schema = schema;
  spec.layout = context_.layout;
  spec.run_id = "run" + std::to_string(run_);
  spec.intents = &intents_;
  return spec;
}

void Harness::NewRun() {
  ++run_;
  intents_ = Intents();
}

void Harness::WriteAll(const Location& location, const std::vector<RecordView>& batches) {
  NewRun();
  auto sink = OpenSink(location);
  Must(sink->Prepare(SpecOf(batches.at(0).schema())));
  for (const auto& batch : batches) {
    const WriteOutcome outcome = Must(sink->Write(batch));
    for (const RowReject& reject : outcome.rejects) ADD_FAILURE() << reject.code << ": " << reject.message;
  }
  Must(sink->Flush());
  Must(sink->Finish());
  NewRun();
}

void Harness::Add(const RecordView& view, Content* content) {
  DigestScope scope;
  scope.vectors = exact_vectors_;
  RecordHasher hasher(scope);
  for (int64_t row = 0; row < view.rows(); ++row) {
    content->digest.Add(Must(hasher.Hash(view, row)));
    content->keys.push_back(std::string(view.tenant(row).value_or("")) + "|" + std::string(view.id(row)));
  }
}

std::set<int64_t> Harness::Collisions(const RecordView& records, const Sink& sink) {
  std::set<std::string> keys;
  std::set<int64_t> rows;
  for (int64_t row = 0; row < records.rows(); ++row) {
    const auto key = sink.KeyOf(records.tenant(row).value_or(""), records.id(row));
    if (key.ok() && !keys.insert(*key).second) rows.insert(row);
  }
  return rows;
}

Harness::Content Harness::Of(const RecordView& view) {
  Content content;
  Add(view, &content);
  return content;
}

Harness::Content Harness::ReadAll(Source& source, const ReadOptions& options, int splits) {
  Content content;
  for (const Split& split : Must(source.Splits(splits))) {
    auto reader = Must(source.Read(split, "", options));
    while (auto batch = Must(reader->Next())) {
      Add(batch->records, &content);
      content.rejects.insert(content.rejects.end(), batch->rejects.begin(), batch->rejects.end());
    }
  }
  return content;
}

}  // namespace vecferry::conformance
