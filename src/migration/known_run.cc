#include "migration/known_run.h"

#include <cstdlib>
#include <cstring>

#include <nlohmann/json.hpp>

#include "migration/session.h"
#include "migration/transforms.h"

namespace vecferry {
namespace {

constexpr size_t kPartBytes = 1 << 20;

void Append(uint64_t word, std::string* part) { part->append(reinterpret_cast<const char*>(&word), sizeof word); }

template <typename Items, typename Put>
std::vector<std::string> Cut(const Items& items, const Put& put) {
  std::vector<std::string> parts;
  for (const auto& item : items) {
    if (parts.empty() || parts.back().size() >= kPartBytes) parts.emplace_back();
    put(item, &parts.back());
  }
  return parts;
}

Status LoadBase(Journal& journal, WrittenHashes* written) {
  return journal.EachPart(kBasePart, [&](std::string_view part) -> Status {
    for (size_t at = 0; at + 16 <= part.size(); at += 16) {
      uint64_t words[2];
      std::memcpy(words, part.data() + at, sizeof words);
      (*written)[words[0]] = words[1];
    }
    return Status::OK();
  });
}

}  // namespace

std::vector<std::string> PartsOf(const std::vector<uint64_t>& words) {
  return Cut(words, [](uint64_t word, std::string* part) { Append(word, part); });
}

std::vector<std::string> PartsOf(const WrittenHashes& written) {
  return Cut(written, [](const auto& entry, std::string* part) {
    Append(entry.first, part);
    Append(entry.second, part);
  });
}

Status EachWord(Journal& journal, std::string_view kind, const std::function<void(uint64_t)>& word) {
  return journal.EachPart(kind, [&](std::string_view part) -> Status {
    for (size_t at = 0; at + 8 <= part.size(); at += 8) {
      uint64_t value = 0;
      std::memcpy(&value, part.data() + at, sizeof value);
      word(value);
    }
    return Status::OK();
  });
}

Result<KnownRun> KnownFrom(Journal& journal) {
  KnownRun known;
  ARROW_ASSIGN_OR_RAISE(const auto text, journal.FindIntent(kTargetIntent));
  if (!text) return known;
  ARROW_ASSIGN_OR_RAISE(const TargetIntent intent, TargetIntent::FromJson(*text));
  ARROW_RETURN_NOT_OK(LoadBase(journal, &known.written));
  ARROW_ASSIGN_OR_RAISE(const WrittenHashes own, LoadWritten(journal));
  for (const auto& [key, word] : own) known.written[key] = word;
  ARROW_RETURN_NOT_OK(LoadHeld(journal, &known.written));
  ARROW_ASSIGN_OR_RAISE(const auto removed, LoadRemoved(journal));
  for (const auto& record : removed) known.written.erase(record.key);
  ARROW_ASSIGN_OR_RAISE(known.rejected, RejectedKeys(journal));
  ARROW_RETURN_NOT_OK(EachWord(journal, kRejectedPart, [&](uint64_t word) { known.rejected.insert(word); }));
  ARROW_ASSIGN_OR_RAISE(const RunHeader header, journal.header());
  known.id = header.id;
  ARROW_ASSIGN_OR_RAISE(const auto transforms, journal.FindIntent(kTransformIntent));
  if (transforms && header.state != "rolled-back") {
    ARROW_ASSIGN_OR_RAISE(known.transforms, ResolvedTransforms::FromJson(*transforms));
  }
  known.found = true;
  known.shared_target = intent.shared();
  return known;
}

Result<KnownRun> FindKnown(const std::string& pair, const std::string& checkpoint) {
  ARROW_ASSIGN_OR_RAISE(const auto folder, FindRun(pair, checkpoint));
  if (!folder) return KnownRun{};
  auto journal = Journal::Inspect(folder->journal());
  if (!journal.ok()) return KnownRun{};  // a damaged journal tells nothing; the comparison stands by itself
  return KnownFrom(**journal);
}

Result<std::vector<RemovedRecord>> LoadRemoved(Journal& journal) {
  std::vector<RemovedRecord> removed;
  ARROW_RETURN_NOT_OK(journal.EachPart(kRemovedPart, [&](std::string_view part) -> Status {
    const auto json = nlohmann::json::parse(part, nullptr, false);
    if (!json.is_array()) return MakeError(Category::corrupt, "the journal's list of records cannot be read", "start anew with --restart");
    for (const auto& entry : json) {
      const bool whole = entry.is_array() && entry.size() == 3 && entry[0].is_string() && entry[1].is_string() && entry[2].is_string();
      if (!whole) return MakeError(Category::corrupt, "the journal's list of records cannot be read", "start anew with --restart");
      removed.push_back({std::strtoull(entry[0].get_ref<const std::string&>().c_str(), nullptr, 16), entry[1].get<std::string>(), entry[2].get<std::string>()});
    }
    return Status::OK();
  }));
  return removed;
}

}  // namespace vecferry
