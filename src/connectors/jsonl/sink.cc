#include <charconv>

#include <fmt/format.h>

#include "base/failpoint.h"
#include "base/text.h"
#include "connectors/jsonl/file.h"
#include "connectors/jsonl/format.h"
#include "connectors/jsonl/jsonl.h"

namespace vecferry::jsonl {
namespace {

constexpr const char* kCreateIntent = "create-file";
constexpr const char* kHeaderIntent = "jsonl-header";
constexpr const char* kRenameIntent = "rename-file";

/// "SIZE INODE" of the file that is being written: how much of it is durable, and which one it was.
struct State {
  int64_t size = 0;
  uint64_t inode = 0;
};

Result<State> ParseState(std::string_view text) {
  State state;
  const char* end = text.data() + text.size();
  const auto first = std::from_chars(text.data(), end, state.size);
  const bool space = first.ec == std::errc() && first.ptr != end && *first.ptr == ' ';
  const auto second = space ? std::from_chars(first.ptr + 1, end, state.inode) : first;
  if (!space || second.ec != std::errc() || second.ptr != end || state.size < 0) {
    return MakeError(Category::corrupt, fmt::format("'{}' is no state of a jsonl file", Printable(text, 100)));
  }
  return state;
}

Status Changed(const fs::path& path) {
  return MakeError(Category::corrupt, fmt::format("{} is not the file that this run wrote", path.string()), "start again with --restart");
}

Status NotByKey() {
  return MakeError(Category::unsupported, "records of a jsonl file cannot be changed one by one", "undo the run as a whole: the file is removed");
}

/// The file grows beside its place, under a name of the run, and is renamed when it is whole: FILE is never half written.
class JsonlSink final : public Sink, public Undo {
 public:
  explicit JsonlSink(const fs::path& path) : path_(path) {}

  Result<TargetInfo> Describe() override {
    TargetInfo info;
    info.identity = fmt::format("jsonl:{}", CanonicalPath(path_).string());
    std::error_code ec;
    info.exists = fs::exists(path_, ec);
    if (!info.exists) return info;
    ARROW_ASSIGN_OR_RAISE(const auto source, jsonl::OpenSource(path_));
    ARROW_ASSIGN_OR_RAISE(const DatasetInfo there, source->Describe());
    info.count = there.count;
    info.schema = there.schema;
    return info;
  }

  Status Prepare(const SinkSpec& spec) override {
    const bool adds = spec.on_exists == OnExists::append || spec.on_exists == OnExists::upsert;
    if (!spec.resumed && spec.on_exists != OnExists::replace) ARROW_RETURN_NOT_OK(CheckNotThere(adds ? "cannot be added to" : "holds records"));
    std::error_code ec;
    only_new_ = spec.on_exists != OnExists::replace && !fs::exists(path_, ec);
    part_path_ = path_;
    part_path_ += fmt::format(".{}.vecferry-part", spec.run_id.empty() ? "run" : spec.run_id);
    intents_ = spec.intents;
    ARROW_RETURN_NOT_OK(ChooseHeader(spec));
    const bool part_there = fs::exists(part_path_, ec);
    ARROW_RETURN_NOT_OK(FindWhatIsOurs(part_there));
    if (spec.resumed && part_there) return OpenPart();
    if (intents_) ARROW_RETURN_NOT_OK(intents_->Record(kCreateIntent, part_path_.string()));
    return CreatePart();
  }

  Result<WriteOutcome> Write(const RecordView& batch) override {
    if (!part_.is_open()) return MakeError(Category::internal, "Write before Prepare or after Finish");
    WriteOutcome outcome;
    text_.clear();
    for (int64_t row = 0; row < batch.rows(); ++row) {
      const Status status = AppendLine(batch, row, &text_);
      if (!status.ok()) outcome.rejects.push_back({row, FactsOf(status).code, status.message()});
    }
    VF_FAILPOINT("jsonl.write.before");
    // After an error the same place is written again.
    ARROW_RETURN_NOT_OK(part_.WriteAt(size_, text_));
    size_ += static_cast<int64_t>(text_.size());
    return outcome;
  }

  Result<std::string> Flush() override {
    VF_FAILPOINT("jsonl.flush.before");
    ARROW_RETURN_NOT_OK(part_.Sync());
    ARROW_ASSIGN_OR_RAISE(const Stamp stamp, part_.Stat());
    return fmt::format("{} {}", size_, stamp.inode);
  }

  Status Resume(const std::string& text) override {
    if (text.empty()) return Restart();
    ARROW_ASSIGN_OR_RAISE(const State state, ParseState(text));
    ARROW_ASSIGN_OR_RAISE(const Stamp stamp, part_.Stat());
    if (stamp.inode != state.inode) return ResumeFinished(state);
    if (stamp.size < state.size || state.size < static_cast<int64_t>(header_.size())) return Changed(part_path_);
    size_ = state.size;
    return part_.Truncate(size_);
  }

  Status Finish() override {
    if (finished_) return Status::OK();
    // Bytes of a write that failed half way lie beyond the end.
    ARROW_RETURN_NOT_OK(part_.Truncate(size_));
    VF_FAILPOINT("jsonl.fsync.before");
    ARROW_RETURN_NOT_OK(part_.Sync());
    if (intents_) ARROW_RETURN_NOT_OK(intents_->Record(kRenameIntent, path_.string()));
    VF_FAILPOINT("jsonl.rename.before");
    ARROW_RETURN_NOT_OK(Rename(part_path_, path_, only_new_));
    finished_ = true;
    part_.Close();
    VF_FAILPOINT("jsonl.rename.after");
    return SyncDir(path_.parent_path());
  }

  Status Abort() override {
    part_.Close();
    return Status::OK();
  }

  Undo* undo() override { return this; }
  Result<std::unique_ptr<Source>> OpenReadBack() override { return jsonl::OpenSource(finished_ || renamed_before_ ? path_ : part_path_); }

  /// The file is written as a whole, so no record of it is ever there before.
  Result<std::vector<std::optional<std::string>>> Capture(const std::vector<std::string_view>&, const std::vector<std::string_view>&) override {
    return NotByKey();
  }
  Status Restore(const std::vector<std::string_view>&, const std::vector<std::string_view>&, const std::vector<std::string_view>&) override {
    return NotByKey();
  }
  Status DeleteIds(const std::vector<std::string_view>&, const std::vector<std::string_view>&) override { return NotByKey(); }

  /// What stands at FILE is left alone unless this run has put it there.
  Status DropDataset() override {
    part_.Close();
    const bool ours = part_path_.empty() || finished_ || renamed_before_;
    for (const fs::path& path : {part_path_, ours ? path_ : fs::path()}) {
      std::error_code ec;
      if (!path.empty()) fs::remove(path, ec);
      if (ec) return ErrnoError(ec.value(), "cannot remove", path.string());
    }
    return SyncDir(path_.parent_path());
  }

 private:
  /// The settings of a dataset that is in use may change while a run is interrupted: the header stays as it was begun.
  Status ChooseHeader(const SinkSpec& spec) {
    std::optional<std::string> begun;
    if (spec.resumed && intents_) {
      ARROW_ASSIGN_OR_RAISE(begun, intents_->Find(kHeaderIntent));
    }
    const std::string layout = spec.layout && spec.layout->name != "default" ? spec.layout->name : "";
    header_ = begun ? *begun : HeaderOf(spec.schema, layout, spec.settings);
    ARROW_RETURN_NOT_OK(ParseHeader(header_).status());  // what cannot be read again is found before the first record
    return begun || !intents_ ? Status::OK() : intents_->Record(kHeaderIntent, header_);
  }

  Status FindWhatIsOurs(bool part_there) {
    if (!intents_) return Status::OK();
    ARROW_ASSIGN_OR_RAISE(const auto renamed, intents_->Find(kRenameIntent));
    renamed_before_ = renamed && !part_there;
    return Status::OK();
  }

  Status CheckNotThere(std::string_view why) {
    ARROW_ASSIGN_OR_RAISE(const TargetInfo there, Describe());
    if (!there.exists || there.count == 0) return Status::OK();
    return MakeError(Category::refused, fmt::format("{} {}: it has {} records", path_.string(), why, there.count),
                     "name another file, or use --on-exists replace");
  }

  Status OpenPart() {
    ARROW_ASSIGN_OR_RAISE(part_, File::Open(part_path_, File::Mode::write));
    ARROW_RETURN_NOT_OK(part_.Lock());
    ARROW_ASSIGN_OR_RAISE(const Stamp stamp, part_.Stat());
    std::string start(header_.size(), '\0');
    ARROW_ASSIGN_OR_RAISE(const size_t got, part_.ReadAt(0, start.data(), start.size()));
    // A crash may have left less than a header.
    if (got != header_.size() || start != header_) return Restart();
    size_ = stamp.size;
    return Status::OK();
  }

  Status CreatePart() {
    ARROW_ASSIGN_OR_RAISE(part_, File::Open(part_path_, File::Mode::create));
    ARROW_RETURN_NOT_OK(part_.Lock());
    return Restart();
  }

  Status Restart() {
    if (!part_.is_open()) return Status::OK();
    ARROW_RETURN_NOT_OK(part_.Truncate(0));
    ARROW_RETURN_NOT_OK(part_.WriteAt(0, header_));
    size_ = static_cast<int64_t>(header_.size());
    return Status::OK();
  }

  /// The part that the state tells of is gone: it was renamed, if FILE is that very file.
  Status ResumeFinished(const State& state) {
    auto file = File::Open(path_, File::Mode::read);
    if (!file.ok()) return Changed(part_path_);
    ARROW_ASSIGN_OR_RAISE(const Stamp stamp, file->Stat());
    if (stamp.inode != state.inode || stamp.size != state.size) return Changed(path_);
    finished_ = true;
    part_.Close();
    std::error_code ec;
    fs::remove(part_path_, ec);
    return Status::OK();
  }

  fs::path path_, part_path_;
  std::string header_, text_;
  File part_;
  int64_t size_ = 0;
  IntentLog* intents_ = nullptr;
  bool only_new_ = false, finished_ = false;
  bool renamed_before_ = false;  ///< an earlier process of this run has put FILE in its place
};

}  // namespace

Result<std::unique_ptr<Sink>> OpenSink(const fs::path& path) {
  std::error_code ec;
  if (fs::is_directory(path, ec)) return MakeError(Category::usage, fmt::format("{} is a folder", path.string()), "name a file in it");
  const fs::path parent = path.has_parent_path() ? path.parent_path() : fs::path(".");
  if (!fs::is_directory(parent, ec)) return MakeError(Category::not_found, fmt::format("the folder {} does not exist", parent.string()), "create it first");
  return std::make_unique<JsonlSink>(path);
}

}  // namespace vecferry::jsonl
