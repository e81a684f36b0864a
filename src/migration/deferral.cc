#include "migration/deferral.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/failpoint.h"
#include "base/text.h"
#include "migration/open.h"

namespace vecferry {
namespace {

using std::chrono::milliseconds;
constexpr milliseconds kFirstPoll{200}, kLongestPoll{2000};
constexpr auto kPatience = std::chrono::minutes(10);

bool AnyLive(const std::vector<DeferredRegistry::Entry>& entries) {
  return std::any_of(entries.begin(), entries.end(), [](const auto& entry) { return entry.live; });
}

}  // namespace

IndexKeeper::IndexKeeper(const Engine& engine, Journal& journal, IndexDeferral& index, DeferralTarget target)
    : engine_(engine), journal_(journal), index_(index), target_(std::move(target)) {
  const Hash128 hash = RecordHasher::Key(std::nullopt, CanonicalPath(journal.file()).string());
  name_ = fmt::format("{:016x}{:016x}", hash.high, hash.low);
  if (!target_.shared || target_.identity.empty()) return;
  if (auto registry = DeferredRegistry::Of(target_.identity); registry.ok()) registry_ = std::move(*registry);
}

template <typename T, typename Act>
Result<T> IndexKeeper::Retried(const Act& act, bool once) {
  const std::function<Result<T>()> call = act;
  if (once) return call();
  return WithRetry(Retrier(RetryPolicy{}, engine_.clock, engine_.cancel), call, [this](const Status& status) {
    engine_.events.Send(RetryOf(status));
  });
}

Result<std::optional<std::string>> IndexKeeper::Journalled() {
  ARROW_ASSIGN_OR_RAISE(auto settings, journal_.FindIntent(kIndexIntent));
  if (settings && settings->empty()) settings.reset();
  return settings;
}

Result<std::vector<DeferredRegistry::Entry>> IndexKeeper::Members() {
  return registry_ ? registry_->Members() : std::vector<DeferredRegistry::Entry>();
}

Status IndexKeeper::Defer(bool writes) {
  std::optional<FileLock> lock;
  if (registry_) {
    ARROW_ASSIGN_OR_RAISE(lock, registry_->Lock(engine_.clock, engine_.cancel));
  }
  ARROW_ASSIGN_OR_RAISE(const auto members, Members());
  ARROW_ASSIGN_OR_RAISE(auto original, Journalled());
  if (!writes && !original) return Status::OK();
  // What another run put off is what it found, not what stands there now.
  if (!members.empty()) original = members.front().member.settings;
  if (!original) {
    ARROW_ASSIGN_OR_RAISE(original, (Retried<std::optional<std::string>>([this] { return index_.Settings(); })));
  }
  if (!original) return Status::OK();
  VF_FAILPOINT("deferral.intent.before");
  ARROW_RETURN_NOT_OK(journal_.RecordIntent(kIndexIntent, *original));
  if (registry_) {
    ARROW_ASSIGN_OR_RAISE(member_, registry_->Join(name_, {target_.run, target_.uri, target_.layout, *original}));
  }
  VF_FAILPOINT("deferral.intent.after");
  if (!writes) return Status::OK();
  ARROW_RETURN_NOT_OK(Retried<bool>([this]() -> Result<bool> {
    ARROW_RETURN_NOT_OK(index_.Defer());
    return true;
  }).status());
  VF_FAILPOINT("deferral.defer.after");
  return Status::OK();
}

Status IndexKeeper::Close() {
  member_.reset();
  ARROW_ASSIGN_OR_RAISE(const auto open, Journalled());
  return open ? journal_.RecordIntent(kIndexIntent, "") : Status::OK();
}

Status IndexKeeper::PutBack(bool once) {
  const CancelToken never;
  std::optional<FileLock> lock;
  if (registry_) {
    ARROW_ASSIGN_OR_RAISE(lock, registry_->Lock(engine_.clock, once ? never : engine_.cancel));
  }
  ARROW_ASSIGN_OR_RAISE(auto members, Members());
  const auto own = std::find_if(members.begin(), members.end(), [this](const auto& entry) { return entry.name == name_; });
  const bool joined = own != members.end();
  ARROW_ASSIGN_OR_RAISE(auto original, Journalled());
  if (!members.empty()) original = members.front().member.settings;
  if (joined) members.erase(own);
  if (AnyLive(members)) {
    if (joined) ARROW_RETURN_NOT_OK(registry_->Remove(name_));
    const auto other = std::find_if(members.begin(), members.end(), [](const auto& entry) { return entry.live; });
    engine_.events.Message(fmt::format("the index of {} is put back by run {}, which still writes there", target_.uri, Printable(other->member.run, 100)));
    return Close();
  }
  if (!original) return Status::OK();
  VF_FAILPOINT("deferral.putback.before");
  ARROW_RETURN_NOT_OK(Retried<bool>([&]() -> Result<bool> {
    ARROW_RETURN_NOT_OK(index_.PutBack(*original));
    return true;
  }, once).status());
  VF_FAILPOINT("deferral.putback.after");
  for (const auto& entry : members) ARROW_RETURN_NOT_OK(registry_->Remove(entry.name));
  if (joined) ARROW_RETURN_NOT_OK(registry_->Remove(name_));
  return Close();
}

void IndexKeeper::Report(const IndexDeferral::State& state, double seconds) {
  Progress progress;
  progress.phase = "index";
  progress.done = progress.session = std::max<int64_t>(state.indexed, 0);
  progress.total = state.total;
  progress.seconds = seconds;
  engine_.events.Send({Event::Kind::progress, "", progress, {}});
}

Status IndexKeeper::AwaitBuilt() {
  const auto began = engine_.clock.Now();
  auto moved = began;
  int64_t indexed = -1;
  for (milliseconds poll = kFirstPoll;; poll = std::min(poll * 3 / 2, kLongestPoll)) {
    ARROW_ASSIGN_OR_RAISE(const IndexDeferral::State state, Retried<IndexDeferral::State>([this] { return index_.Progress(); }));
    if (state.ready) return Status::OK();
    const auto now = engine_.clock.Now();
    Report(state, std::chrono::duration<double>(now - began).count());
    if (state.indexed != indexed) moved = now;
    indexed = state.indexed;
    if (now - moved >= kPatience) {
      engine_.events.Warning(fmt::format("the index of {} has not grown for {} minutes; the store goes on building it by itself", target_.uri, kPatience.count()));
      return Status::OK();
    }
    ARROW_RETURN_NOT_OK(engine_.clock.SleepFor(poll, engine_.cancel));
  }
}

namespace {

/// What was put off and left by killed runs is put back. False where a run goes on that will do it.
Result<bool> PutBackOne(const Engine& engine, const DeferredRegistry& registry, std::string* uri) {
  ARROW_ASSIGN_OR_RAISE(const FileLock lock, registry.Lock(engine.clock, engine.cancel));
  ARROW_ASSIGN_OR_RAISE(const auto members, registry.Members());
  if (members.empty() || AnyLive(members)) return false;
  const DeferredMember& member = members.front().member;
  *uri = member.target;
  ARROW_ASSIGN_OR_RAISE(const Location location, engine.registry.Resolve(member.target));
  ARROW_ASSIGN_OR_RAISE(const OpenedTarget target, OpenTargetSide(engine, location, member.layout));
  if (IndexDeferral* index = target.sink->indexing()) ARROW_RETURN_NOT_OK(index->PutBack(member.settings));
  for (const auto& entry : members) ARROW_RETURN_NOT_OK(registry.Remove(entry.name));
  return true;
}

}  // namespace

Result<int64_t> PutBackIndexes(const Engine& engine) {
  ARROW_ASSIGN_OR_RAISE(const auto targets, DeferredRegistry::All());
  int64_t done = 0;
  for (const auto& registry : targets) {
    std::string uri;
    const auto put_back = PutBackOne(engine, registry, &uri);
    if (put_back.ok()) {
      done += *put_back;
      if (*put_back) engine.events.Message(fmt::format("the index settings of {} are put back", Printable(uri, 300)));
      continue;
    }
    const bool secret = uri.find("***") != std::string::npos;
    engine.events.Warning(fmt::format("a run that was killed left the index of {} put off, and it could not be put back: {}{}",
                                      uri.empty() ? "a target" : Printable(uri, 300), put_back.status().message(),
                                      secret ? "; the address held a credential, which is not kept: give it by the environment, or run the same copy again" : ""));
  }
  return done;
}

}  // namespace vecferry
