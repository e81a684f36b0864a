#include "migration/open.h"

#include "pipeline/retrying.h"

namespace vecferry {
namespace {

/// Takes the option `layout` out of a location, since it is the engine's, and finds the layout.
Result<const Layout*> LayoutOf(const Engine& engine, const Connector& connector, Location* location, const std::string& otherwise) {
  std::string name = otherwise.empty() ? connector.info().default_layout : otherwise;
  if (const auto option = location->options.find("layout"); option != location->options.end()) {
    name = option->second;
    location->options.erase(option);
  }
  return engine.registry.FindLayout(name.empty() ? "default" : name);
}

OpenContext ContextOf(const Engine& engine, const Layout* layout) {
  OpenContext context;
  context.cancel = &engine.cancel;
  context.layout = layout;
  context.on_progress = [&engine](std::string_view what, int64_t done, int64_t total) {
    Progress progress;
    progress.phase = what;
    progress.unit = "pages";
    progress.done = progress.session = done;
    progress.total = total;
    engine.events.Send({Event::Kind::progress, "", progress, {}});
  };
  return context;
}

/// A store that is not there, or says that it is busy, while it is opened is waited for a few seconds: nothing is under way yet that would be lost,
/// and who has mistyped an address should not wait long to be told.
template <typename T>
Result<T> Opened(const Engine& engine, const std::function<Result<T>()>& open) {
  constexpr RetryPolicy kOpening{std::chrono::milliseconds(200), std::chrono::milliseconds(1500), std::chrono::milliseconds(5000)};
  return WithRetry<T>(Retrier(kOpening, engine.clock, engine.cancel), open, [&engine](const Status& status) { engine.events.Send(RetryOf(status)); });
}

/// For the calls that follow.
RetryContext Patience(const Engine& engine) {
  RetryContext context;
  context.clock = &engine.clock;
  context.cancel = &engine.cancel;
  context.on_retry = [&engine](const Status& status) { engine.events.Send(RetryOf(status)); };
  return context;
}

Result<OpenedSource> OpenSourceUnnamed(const Engine& engine, const Location& location, const SourceOpening& how) {
  OpenedSource opened;
  opened.location = location;
  ARROW_ASSIGN_OR_RAISE(opened.connector, engine.registry.Find(location.scheme));
  ARROW_ASSIGN_OR_RAISE(opened.layout, LayoutOf(engine, *opened.connector, &opened.location, how.layout));
  ARROW_ASSIGN_OR_RAISE(opened.can, opened.connector->CapabilitiesOf(opened.location));
  OpenContext context = ContextOf(engine, opened.layout);
  context.work_dir = how.work_dir;
  context.settings["missing_vector"] = how.missing_vector;
  if (how.peek) context.settings["peek"] = "yes";
  ARROW_ASSIGN_OR_RAISE(opened.source, Opened<std::unique_ptr<Source>>(engine, [&] { return opened.connector->OpenSource(opened.location, context); }));
  opened.source = RetryingSource(std::move(opened.source), Patience(engine));
  ARROW_ASSIGN_OR_RAISE(opened.info, opened.source->Describe());
  opened.read_count = opened.info.count;
  return opened;
}

Result<OpenedTarget> OpenTargetUnnamed(const Engine& engine, const Location& location, const std::string& layout) {
  OpenedTarget opened;
  opened.location = location;
  ARROW_ASSIGN_OR_RAISE(opened.connector, engine.registry.Find(location.scheme));
  ARROW_ASSIGN_OR_RAISE(opened.layout, LayoutOf(engine, *opened.connector, &opened.location, layout));
  ARROW_ASSIGN_OR_RAISE(opened.can, opened.connector->CapabilitiesOf(opened.location));
  ARROW_ASSIGN_OR_RAISE(opened.sink, Opened<std::unique_ptr<Sink>>(engine, [&] { return opened.connector->OpenSink(opened.location, ContextOf(engine, opened.layout)); }));
  opened.sink = RetryingSink(std::move(opened.sink), Patience(engine));
  ARROW_ASSIGN_OR_RAISE(opened.info, opened.sink->Describe());
  return opened;
}

}  // namespace

std::string DatasetName(const Location& location) { return location.Display(); }

Result<OpenedSource> OpenSourceSide(const Engine& engine, const Location& location, const SourceOpening& how) {
  auto opened = OpenSourceUnnamed(engine, location, how);
  if (!opened.ok()) return At(opened.status(), how.side, location.scheme, DatasetName(location));
  return opened;
}

Result<OpenedTarget> OpenTargetSide(const Engine& engine, const Location& location, const std::string& layout) {
  auto opened = OpenTargetUnnamed(engine, location, layout);
  if (!opened.ok()) return At(opened.status(), Side::sink, location.scheme, DatasetName(location));
  return opened;
}

}  // namespace vecferry
