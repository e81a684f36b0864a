#include "sidecar/paired_sink.h"

#include <cerrno>

#include <fmt/format.h>
#include <unistd.h>

#include "base/failpoint.h"
#include "base/text.h"
#include "connector/row_judge.h"
#include "files/file.h"
#include "sidecar/paired_source.h"
#include "sidecar/spool.h"

namespace vecferry::sidecar {

using files::File;
using files::Stamp;
using files::Rename;

namespace {

constexpr const char* kCreateIntent = "create-file";
constexpr const char* kRenameIntent = "rename-file";  ///< its payload: the inode of the vectors, "0" of what is not ours

Status NotByKey() {
  return MakeError(Category::unsupported, "records of such a file cannot be changed one by one", "undo the run as a whole: the files are removed");
}

bool Exists(const fs::path& path) {
  std::error_code ec;
  return fs::exists(path, ec);
}

uint64_t InodeOf(const fs::path& path) {
  const auto file = File::Open(path, File::Mode::read);
  const auto stamp = file.ok() ? file->Stat() : Result<Stamp>(file.status());
  return stamp.ok() ? stamp->inode : 0;
}

/// A second name for a file, so that the first stays for a resume; a copy where the file system has no links.
Status SecondName(const fs::path& from, const fs::path& to) {
  std::error_code ec;
  fs::remove(to, ec);
  if (::link(from.c_str(), to.c_str()) == 0) return Status::OK();
  fs::copy_file(from, to, fs::copy_options::overwrite_existing, ec);
  if (ec) return ErrnoError(ec.value(), "cannot copy to", to.string());
  return SyncFile(to);
}

class PairedSink final : public Sink, public Undo {
 public:
  PairedSink(PairedTarget target, FormMaker make_form) : target_(std::move(target)), make_form_(std::move(make_form)), form_(make_form_()) {}

  Result<TargetInfo> Describe() override {
    TargetInfo info;
    info.identity = fmt::format("{}:{}", target_.store, CanonicalPath(target_.vectors).string());
    info.exists = Exists(target_.vectors);
    if (!info.exists) return info;
    ARROW_ASSIGN_OR_RAISE(const auto source, target_.reopen());
    ARROW_ASSIGN_OR_RAISE(const DatasetInfo there, source->Describe());
    info.count = there.count;
    info.schema = there.schema;
    return info;
  }

  Result<RowJudge> JudgeOf(const SinkSpec& spec) const override {
    std::shared_ptr<VectorForm> form = make_form_();
    ARROW_RETURN_NOT_OK(form->Begin(spec.schema));
    if (spec.expected_records >= 0) ARROW_RETURN_NOT_OK(form->CheckCount(spec.expected_records));
    return JudgeEach([form, bytes = std::string()](const RecordView& batch, int64_t row) mutable -> std::optional<RowReject> {
      int64_t id = 0;
      bytes.clear();
      const Status status = form->Encode(batch, row, &bytes, &id);
      if (status.ok()) return std::nullopt;
      return RowReject{row, FactsOf(status).code, status.message()};
    });
  }

  Status Prepare(const SinkSpec& spec) override {
    const bool adds = spec.on_exists == OnExists::append || spec.on_exists == OnExists::upsert;
    if (!spec.resumed && spec.on_exists != OnExists::replace) ARROW_RETURN_NOT_OK(CheckNotThere(adds ? "cannot be added to" : "holds records"));
    ARROW_RETURN_NOT_OK(form_->Begin(spec.schema));
    schema_ = spec.schema;
    only_new_ = spec.on_exists != OnExists::replace && !Exists(target_.vectors);
    intents_ = spec.intents;
    const RowVectors::Place place = form_->spooled();
    const std::string layout = spec.layout && spec.layout->name != "default" ? spec.layout->name : "";
    spool_.emplace(PathsOf(spec.run_id), form_->head_size(), place.elements * BytesOf(place.stored), form_->with_ids(), HeaderLine(spec.schema, layout));
    if (intents_) {
      ARROW_ASSIGN_OR_RAISE(const auto renamed, intents_->Find(kRenameIntent));
      finished_ = renamed && *renamed != "0" && *renamed == std::to_string(InodeOf(target_.vectors));
      // Cut short between the two renames: the side-car is there, and no vectors.
      side_is_ours_ = renamed && only_new_;
    }
    if (finished_) return Status::OK();
    if (intents_) ARROW_RETURN_NOT_OK(intents_->Record(kCreateIntent, spool_->paths().vectors.string()));
    return spool_->Open(spec.resumed);
  }

  Result<WriteOutcome> Write(const RecordView& batch) override {
    if (!spool_ || !spool_->is_open()) return MakeError(Category::internal, "Write before Prepare or after Finish");
    WriteOutcome outcome;
    vectors_.clear(), ids_.clear(), lines_.clear();
    int64_t rows = 0;
    for (int64_t row = 0; row < batch.rows(); ++row) {
      int64_t id = 0;
      const size_t vectors = vectors_.size();
      Status status = form_->Encode(batch, row, &vectors_, &id);
      if (status.ok()) status = AppendLine(batch, row, &lines_);
      if (!status.ok()) {
        vectors_.resize(vectors);
        outcome.rejects.push_back({row, FactsOf(status).code, status.message()});
        continue;
      }
      ids_.append(reinterpret_cast<const char*>(&id), 8);
      ++rows;
    }
    VF_FAILPOINT("pair.write.before");
    ARROW_RETURN_NOT_OK(spool_->Append(vectors_, ids_, lines_, rows));
    return outcome;
  }

  Result<std::string> Flush() override {
    VF_FAILPOINT("pair.flush.before");
    if (finished_) return std::string();
    return spool_->Flush();
  }

  Status Resume(const std::string& text) override {
    if (finished_) return Status::OK();
    if (text.empty()) return spool_->Restart();
    ARROW_ASSIGN_OR_RAISE(const SpoolState state, SpoolState::Parse(text));
    return spool_->Cut(state);
  }

  Status Finish() override {
    if (finished_) return spool_->Remove();
    ARROW_RETURN_NOT_OK(spool_->CutToSize());
    ARROW_RETURN_NOT_OK(BuildSide());
    ARROW_RETURN_NOT_OK(BuildVectors());
    ARROW_RETURN_NOT_OK(PutInPlace());
    finished_ = true;
    VF_FAILPOINT("pair.remove.before");
    return spool_->Remove();
  }

  Status Abort() override {
    if (spool_) spool_->Close();
    return Status::OK();
  }

  Undo* undo() override { return this; }

  Result<std::unique_ptr<Source>> OpenReadBack() override {
    if (finished_ || !spool_) return target_.reopen();
    ARROW_ASSIGN_OR_RAISE(File opened, File::Open(spool_->paths().vectors, File::Mode::read));
    RowVectors::Place place = form_->spooled();
    place.at = form_->head_size();
    place.count = spool_->rows();
    Pair pair;
    pair.info.store = target_.store;
    pair.info.identity = fmt::format("{}:{}", target_.store, CanonicalPath(target_.vectors).string());
    pair.vector = schema_.vectors.at(0);
    pair.vectors = std::make_shared<RowVectors>(std::make_shared<const File>(std::move(opened)), place);
    ARROW_ASSIGN_OR_RAISE(pair.side, Open(spool_->paths().lines, Format::jsonl));
    pair.files = {spool_->paths().vectors, spool_->paths().lines};
    return MakePairedSource(std::move(pair));
  }

  Result<std::vector<std::optional<std::string>>> Capture(const std::vector<std::string_view>&, const std::vector<std::string_view>&) override { return NotByKey(); }
  Status Restore(const std::vector<std::string_view>&, const std::vector<std::string_view>&, const std::vector<std::string_view>&) override { return NotByKey(); }
  Status DeleteIds(const std::vector<std::string_view>&, const std::vector<std::string_view>&) override { return NotByKey(); }

  /// What stands in the two places is left alone unless this run has put it there.
  Status DropDataset() override {
    if (spool_) ARROW_RETURN_NOT_OK(spool_->Remove());
    const bool whole = !spool_ || finished_;
    if (!whole && !side_is_ours_) return Status::OK();
    for (const fs::path& path : whole ? std::vector{target_.vectors, target_.side} : std::vector{target_.side}) {
      std::error_code ec;
      fs::remove(path, ec);
      if (ec) return ErrnoError(ec.value(), "cannot remove", path.string());
    }
    std::error_code ec;
    if (target_.folder) fs::remove(*target_.folder, ec);  // only where nothing else is in it
    return SyncDir(Parent());
  }

 private:
  fs::path Parent() const {
    const fs::path path = target_.folder ? *target_.folder : target_.vectors;
    return path.has_parent_path() ? path.parent_path() : fs::path(".");
  }

  /// Names of the run, beside the place of the vectors or of the folder.
  Spool::Paths PathsOf(const std::string& run_id) const {
    const std::string run = run_id.empty() ? "run" : run_id;
    const fs::path base = target_.folder ? *target_.folder : target_.vectors;
    const auto named = [&](const fs::path& path, std::string_view what) {
      fs::path made = path;
      made += fmt::format(".{}.vecferry-{}", run, what);
      return made;
    };
    // Built where they go, so that the rename is within one file system.
    return {named(base, "part"), named(base, "lines"), named(base, "ids"), named(base, "index"), named(target_.folder ? base : target_.side, "side")};
  }

  Status CheckNotThere(std::string_view why) {
    ARROW_ASSIGN_OR_RAISE(const TargetInfo there, Describe());
    if (there.exists && there.count > 0) {
      return MakeError(Category::refused, fmt::format("{} {}: it has {} records", target_.vectors.string(), why, there.count), "name another file, or use --on-exists replace");
    }
    if (there.exists || !Exists(target_.side)) return Status::OK();
    return MakeError(Category::refused, fmt::format("{} exists, and is where the side-car goes", target_.side.string()), "move it away, or name another file with ?metadata=FILE");
  }

  Status BuildSide() {
    VF_FAILPOINT("pair.side.before");
    if (target_.format == Format::jsonl) return SecondName(spool_->paths().lines, spool_->paths().built_side);
    ARROW_ASSIGN_OR_RAISE(const auto lines, Open(spool_->paths().lines, Format::jsonl));
    return Convert(*lines, target_.format, spool_->paths().built_side);
  }

  Status BuildVectors() {
    VF_FAILPOINT("pair.build.before");
    ARROW_ASSIGN_OR_RAISE(const bool in_place, form_->Complete(spool_->vectors(), spool_->rows(), spool_->ids(), spool_->paths().built_vectors));
    return in_place ? SecondName(spool_->paths().vectors, spool_->paths().built_vectors) : Status::OK();
  }

  Status PutInPlace() {
    if (intents_) ARROW_RETURN_NOT_OK(intents_->Record(kRenameIntent, std::to_string(InodeOf(spool_->paths().built_vectors))));
    std::error_code ec;
    if (target_.folder) fs::create_directories(*target_.folder, ec);
    if (ec) return ErrnoError(ec.value(), "cannot create", target_.folder->string());
    VF_FAILPOINT("pair.rename.before");
    ARROW_RETURN_NOT_OK(Rename(spool_->paths().built_side, target_.side, false));
    ARROW_RETURN_NOT_OK(SyncDir(target_.side.has_parent_path() ? target_.side.parent_path() : fs::path(".")));
    VF_FAILPOINT("pair.rename.between");
    ARROW_RETURN_NOT_OK(Rename(spool_->paths().built_vectors, target_.vectors, only_new_));
    ARROW_RETURN_NOT_OK(SyncDir(target_.vectors.has_parent_path() ? target_.vectors.parent_path() : fs::path(".")));
    VF_FAILPOINT("pair.rename.after");
    return target_.folder ? SyncDir(Parent()) : Status::OK();
  }

  PairedTarget target_;
  FormMaker make_form_;
  std::unique_ptr<VectorForm> form_;
  RecordSchema schema_;
  std::optional<Spool> spool_;
  std::string vectors_, ids_, lines_;
  IntentLog* intents_ = nullptr;
  bool only_new_ = false, side_is_ours_ = false;
  bool finished_ = false;  ///< by this process or an earlier one of the run
};

}  // namespace

Result<std::unique_ptr<Sink>> MakePairedSink(PairedTarget target, FormMaker make_form) {
  const fs::path top = target.folder ? *target.folder : target.vectors;
  const fs::path parent = top.has_parent_path() ? top.parent_path() : fs::path(".");
  std::error_code ec;
  if (!fs::is_directory(parent, ec)) return MakeError(Category::not_found, fmt::format("the folder {} does not exist", parent.string()), "create it first");
  return std::make_unique<PairedSink>(std::move(target), std::move(make_form));
}

}  // namespace vecferry::sidecar
