#include "conformance/engine_harness.h"

#include <cstdlib>
#include <iostream>

namespace vecferry::conformance {
namespace {

/// A kind of store whose sink is asked after each batch what is durable.
class EagerConnector final : public Connector {
 public:
  explicit EagerConnector(Connector* inner) : inner_(inner), info_(inner->info()) {
    info_.scheme = "eager-" + info_.scheme;
    info_.aliases.clear();
  }
  const Info& info() const override { return info_; }
  Result<Capabilities> CapabilitiesOf(const Location& location) const override {
    ARROW_ASSIGN_OR_RAISE(Capabilities can, inner_->CapabilitiesOf(Inner(location)));
    can.flush_bytes = 1;
    can.flush_seconds = 0;
    return can;
  }
  Result<std::vector<DatasetSummary>> List(const Location& location, const OpenContext& context) override { return inner_->List(Inner(location), context); }
  Result<std::unique_ptr<Source>> OpenSource(const Location& location, const OpenContext& context) override { return inner_->OpenSource(Inner(location), context); }
  Result<std::unique_ptr<Sink>> OpenSink(const Location& location, const OpenContext& context) override { return inner_->OpenSink(Inner(location), context); }

 private:
  Location Inner(Location location) const {
    location.scheme = inner_->info().scheme;
    return location;
  }

  Connector* inner_;
  Info info_;
};

}  // namespace

Registry& EngineStores() {
  static Registry* registry = [] {
    auto* made = new Registry();
    RegisterBuiltin(*made);
    std::vector<std::unique_ptr<Connector>> eager;
    for (const auto& connector : made->connectors()) {
      const Capabilities& can = connector->info().capabilities;
      if (can.sink && can.replay == Replay::truncate_and_replay) eager.push_back(std::make_unique<EagerConnector>(connector.get()));
    }
    for (auto& each : eager) made->Add(std::move(each));
    return made;
  }();
  return *registry;
}

EngineSuite::EngineSuite(const Fixture& fixture) : Harness(fixture) { setenv("XDG_STATE_HOME", (dir_ / "state").c_str(), 1); }

CopyOptions EngineSuite::Options() const {
  CopyOptions options;
  options.command = "vecferry copy";
  options.batch_rows = 10;
  options.jobs = 2;
  options.yes = true;
  return options;
}

Harness::Content EngineSuite::ContentOf(const Location& location) {
  OpenContext context;
  context.cancel = &cancel_;
  context.layout = context_.layout;
  context.work_dir = dir_ / "work";
  fs::create_directories(context.work_dir);
  return ReadAll(*Must(Must(EngineStores().Find(location.scheme))->OpenSource(location, context)));
}

void EngineSuite::ExpectRefused(const Location& source, const Location& target, const CopyOptions& options) {
  const auto plan = MakePlan(engine_, source, target, options);
  ASSERT_TRUE(plan.ok()) << plan.status();
  EXPECT_TRUE(IsCategory(plan->Check(), Category::refused)) << plan->ToJson();
  const auto copied = Copy(engine_, source, target, options);
  EXPECT_TRUE(IsCategory(copied.status(), Category::refused)) << copied.status();
  EXPECT_EQ(ExitCodeOf(copied.status()), exit_code::kRefused);
}

RecordView EngineSuite::Versions(int first, int count, int version) {
  return PlainRecords(*fixture_, Schema(), first, count, version);
}

}  // namespace vecferry::conformance
