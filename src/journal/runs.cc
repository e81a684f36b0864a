#include "journal/runs.h"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <tuple>

#include <fmt/format.h>

#include "base/clock.h"
#include "base/files.h"
#include "base/text.h"
#include "base/uuid.h"

namespace vecferry {

namespace {

fs::path PairFile(const RunFolder& run) { return run.dir / "pair"; }

std::string ReadPair(const RunFolder& run) {
  std::ifstream in(PairFile(run), std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

constexpr size_t kSecondInId = std::string_view("20260102T030405Z").size();

}  // namespace

Result<RunStore> RunStore::Default() {
  ARROW_ASSIGN_OR_RAISE(const fs::path state, StateDir());
  return RunStore(state / "runs");
}

Result<std::vector<std::pair<RunFolder, RunHeader>>> RunStore::List() const {
  std::vector<std::pair<RunFolder, RunHeader>> runs;
  std::error_code ec;
  for (const auto& entry : fs::directory_iterator(root_, ec)) {
    RunFolder folder{entry.path(), {}};
    if (!fs::exists(folder.journal(), ec)) continue;
    RunHeader header;
    auto journal = Journal::Inspect(folder.journal());
    auto read = journal.ok() ? (*journal)->header() : Result<RunHeader>(journal.status());
    if (read.ok()) {
      header = *read;
    } else {
      header.id = entry.path().filename().string();
      header.state = "damaged";
      header.summary = read.status().message();
      header.pair = ReadPair(folder);
    }
    runs.emplace_back(std::move(folder), std::move(header));
  }
  // An id tells the second; of runs begun in the same one, their journals tell more.
  const auto age = [](const RunHeader& header) { return std::tuple(header.id.substr(0, kSecondInId), header.started, header.id); };
  std::sort(runs.begin(), runs.end(), [&](const auto& a, const auto& b) { return age(a.second) > age(b.second); });
  return runs;
}

Result<std::optional<RunFolder>> RunStore::FindPair(const std::string& pair) const {
  ARROW_ASSIGN_OR_RAISE(const auto runs, List());
  for (const auto& [folder, header] : runs) {
    if (header.pair == pair && header.state != "rolled-back") return std::optional<RunFolder>(folder);
  }
  return std::optional<RunFolder>();
}

Result<RunFolder> RunStore::Find(const std::string& id) const {
  ARROW_ASSIGN_OR_RAISE(const auto runs, List());
  if (!runs.empty() && id == "last") return runs.front().first;
  std::vector<std::string> ids;
  std::vector<RunFolder> matches;
  for (const auto& [folder, header] : runs) {
    ids.push_back(header.id);
    if (header.id == id) return folder;
    if (!id.empty() && header.id.starts_with(id)) matches.push_back(folder);
  }
  if (matches.size() == 1) return matches.front();
  if (matches.size() > 1) return MakeError(Category::usage, fmt::format("'{}' is the beginning of {} runs", Printable(id, 80), matches.size()), "write more of the id");
  return MakeError(Category::not_found, fmt::format("there is no run '{}'{}", Printable(id, 80), Suggestion(id, ids)), "`vecferry runs` lists them");
}

Result<std::pair<RunFolder, std::string>> RunStore::Create() const {
  ARROW_RETURN_NOT_OK(MakePrivateDirs(root_));
  std::string id = FormatUtc(Clock::System().WallSeconds());
  std::erase_if(id, [](char c) { return c == ':' || c == '-'; });
  id += "-" + FormatUuid(RandomUuid()).substr(0, 6);
  RunFolder folder{root_ / id, {}};
  ARROW_RETURN_NOT_OK(MakePrivateDirs(folder.dir));
  return std::make_pair(folder, id);
}

Status RunStore::Remove(const RunFolder& run) const {
  std::error_code ec;
  fs::remove_all(run.dir, ec);
  return ec ? ErrnoError(ec.value(), "cannot remove", run.dir.string()) : Status::OK();
}

Status RunStore::WritePair(const RunFolder& run, std::string_view pair) {
  return WriteFileAtomic(PairFile(run), pair);
}

Result<FileLock> RunStore::Lock(const RunFolder& run) {
  ARROW_RETURN_NOT_OK(MakePrivateDirs(run.dir));
  return FileLock::Acquire(run.dir / "run.lock", {FileLock::Mode::exclusive, true, true});
}

bool RunStore::IsHeld(const RunFolder& run) {
  std::error_code ec;
  if (!fs::exists(run.dir / "run.lock", ec)) return false;
  return IsCategory(FileLock::Acquire(run.dir / "run.lock", {FileLock::Mode::shared, false, false}).status(), Category::locked);
}

}  // namespace vecferry
