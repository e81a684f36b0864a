#include "conformance/harness.h"

namespace vecferry::conformance {

const Registry& Stores() {
  static const Registry* registry = [] {
    auto* made = new Registry();
    RegisterBuiltin(*made);
    return made;
  }();
  return *registry;
}

std::vector<std::string> Schemes() {
  std::vector<std::string> schemes;
  for (const auto& connector : Stores().connectors()) schemes.push_back(connector->info().scheme);
  return schemes;
}

std::vector<std::string> SinkSchemes() {
  std::vector<std::string> schemes;
  for (const auto& connector : Stores().connectors()) {
    if (connector->info().capabilities.sink) schemes.push_back(connector->info().scheme);
  }
  return schemes;
}

Harness::Harness() {
  for (const Fixture& fixture : Fixtures()) {
    if (fixture.scheme == GetParam()) fixture_ = &fixture;
  }
  if (!fixture_) throw std::runtime_error(GetParam() + " has no fixture in tests/conformance/fixtures.cc");
  connector_ = Must(Stores().Find(GetParam()));
  can_ = connector_->info().capabilities;
  context_.layout = Must(Stores().FindLayout(fixture_->layout));
  std::string name = testing::UnitTest::GetInstance()->current_test_info()->name();
  std::replace(name.begin(), name.end(), '/', '-');
  dir_ = fs::path(VECFERRY_BINARY_DIR) / "conformance_test" / name;
  fs::remove_all(dir_);
  fs::create_directories(dir_);
}

Harness::~Harness() {
  if (!HasFailure()) fs::remove_all(dir_);
}

Location Harness::Fresh(const std::string& name) {
  const fs::path dir = dir_ / (dir_.filename().string() + "-" + name);
  fs::create_directories(dir);
  return Must(Stores().Resolve(fixture_->empty(dir)));
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
  scope.vectors = ExactVectors();
  RecordHasher hasher(scope);
  for (int64_t row = 0; row < view.rows(); ++row) {
    content->digest.Add(Must(hasher.Hash(view, row)));
    content->keys.push_back(std::string(view.tenant(row).value_or("")) + "|" + std::string(view.id(row)));
  }
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
