#include "migration/deferred_registry.h"

#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "record/digest.h"

namespace vecferry {
namespace {

constexpr auto kPoll = std::chrono::milliseconds(50);
constexpr auto kPatience = std::chrono::minutes(2);
constexpr uint64_t kMostBytes = 1 << 20;
constexpr std::string_view kSuffix = ".json";

Result<fs::path> Root() {
  ARROW_ASSIGN_OR_RAISE(const fs::path state, StateDir());
  return state / "deferred";
}

Result<DeferredMember> Parse(const fs::path& file) {
  ARROW_ASSIGN_OR_RAISE(const std::string text, ReadFile(file, kMostBytes));
  try {
    const auto json = nlohmann::json::parse(text);
    return DeferredMember{json.at("run").get<std::string>(), json.at("target").get<std::string>(), json.at("layout").get<std::string>(),
                          json.at("settings").get<std::string>()};
  } catch (const nlohmann::json::exception& e) {
    return MakeError(Category::corrupt, fmt::format("{} cannot be read: {}", file.string(), Printable(e.what(), 200)),
                     "look at the index settings of the target yourself, then remove the file");
  }
}

}  // namespace

Result<DeferredRegistry> DeferredRegistry::Of(const std::string& identity) {
  ARROW_ASSIGN_OR_RAISE(const fs::path root, Root());
  const Hash128 hash = RecordHasher::Key(std::nullopt, identity);
  return DeferredRegistry(root / fmt::format("{:016x}{:016x}", hash.high, hash.low));
}

Result<std::vector<DeferredRegistry>> DeferredRegistry::All() {
  ARROW_ASSIGN_OR_RAISE(const fs::path root, Root());
  std::vector<fs::path> dirs;
  std::error_code ec;
  for (const auto& entry : fs::directory_iterator(root, ec)) {
    if (entry.is_directory(ec)) dirs.push_back(entry.path());
  }
  std::sort(dirs.begin(), dirs.end());
  std::vector<DeferredRegistry> all;
  for (auto& dir : dirs) all.push_back(DeferredRegistry(std::move(dir)));
  return all;
}

Result<FileLock> DeferredRegistry::Lock(const Clock& clock, const CancelToken& cancel) const {
  ARROW_RETURN_NOT_OK(MakePrivateDirs(dir_.parent_path()));
  // The lock's file stays: one that is removed could be held by two.
  const fs::path file = dir_.string() + ".lock";
  const auto began = clock.Now();
  while (true) {
    auto lock = FileLock::Acquire(file, {FileLock::Mode::exclusive, true, false});
    if (lock.ok() || !IsCategory(lock.status(), Category::locked) || clock.Now() - began > kPatience) return lock;
    ARROW_RETURN_NOT_OK(clock.SleepFor(kPoll, cancel));
  }
}

Result<std::vector<DeferredRegistry::Entry>> DeferredRegistry::Members() const {
  std::vector<Entry> members;
  std::error_code ec;
  for (const auto& file : fs::directory_iterator(dir_, ec)) {
    const std::string name = file.path().filename().string();
    if (!name.ends_with(kSuffix)) continue;  // one that is being written
    Entry entry;
    entry.name = name.substr(0, name.size() - kSuffix.size());
    ARROW_ASSIGN_OR_RAISE(entry.member, Parse(file.path()));
    const auto held = FileLock::Acquire(file.path(), {FileLock::Mode::exclusive, false, false});
    entry.live = IsCategory(held.status(), Category::locked);
    members.push_back(std::move(entry));
  }
  std::sort(members.begin(), members.end(), [](const Entry& a, const Entry& b) { return a.name < b.name; });
  return members;
}

Result<FileLock> DeferredRegistry::Join(const std::string& name, const DeferredMember& member) const {
  ARROW_RETURN_NOT_OK(MakePrivateDirs(dir_));
  const nlohmann::ordered_json json = {{"run", member.run}, {"target", member.target}, {"layout", member.layout}, {"settings", member.settings}};
  const fs::path file = dir_ / (name + std::string(kSuffix));
  ARROW_RETURN_NOT_OK(WriteFileAtomic(file, json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace)));
  return FileLock::Acquire(file, {FileLock::Mode::exclusive, false, false});
}

Status DeferredRegistry::Remove(const std::string& name) const {
  std::error_code ec;
  fs::remove(dir_ / (name + std::string(kSuffix)), ec);
  if (ec) return ErrnoError(ec.value(), "cannot remove", (dir_ / name).string());
  fs::remove(dir_, ec);  // where it was the last
  return Status::OK();
}

}  // namespace vecferry
