#include "connectors/jsonl/scroll_output.h"

#include <charconv>
#include <set>

#include <fmt/format.h>

#include "base/failpoint.h"
#include "base/text.h"
#include "files/growing_file.h"

namespace vecferry::jsonl {
namespace {

constexpr size_t kBuffer = size_t{1} << 20;

/// What stands before, between and behind the points.
struct Envelope {
  explicit Envelope(int indent) : indent(indent) {
    AppendIndented("{\"result\":{\"points\":[0", indent, 0, &begin);
    begin.pop_back();
    if (indent > 0) begin.resize(begin.find_last_not_of(" \n") + 1);
    if (indent > 0) line = "\n" + std::string(static_cast<size_t>(indent) * 3, ' ');
  }
  void Append(std::string_view point, bool first, std::string* out) const {
    if (!first) *out += ',';
    out->append(line);
    AppendIndented(point, indent, 3, out);
  }
  std::string End(std::string_view next, bool empty) const {
    std::string end;
    if (indent > 0 && !empty) end = "\n" + std::string(static_cast<size_t>(indent) * 2, ' ');
    std::string rest;
    AppendIndented(fmt::format("],\"next_page_offset\":{}}},\"status\":\"ok\",\"time\":0.0}}", next), indent, 3, &rest);
    // The closing bracket stands behind the points already.
    return end + rest.substr(rest.find(']')) + "\n";
  }
  const int indent;
  std::string begin, line;
};

class OneFile final : public ScrollOutput {
 public:
  OneFile(const files::Place& place, const Wishes& wishes) : file_(place, "scroll"), envelope_(wishes.indent), side_car_(SideCarOf(place, false)) {}

  Status Begin(const SinkSpec& spec, const std::string& header) override {
    header_ = header;
    replaces_ = spec.on_exists == OnExists::replace;
    return file_.Begin(spec, envelope_.begin);
  }
  Status Put(std::string_view point, std::string_view) override {
    if (!file_.is_open()) return MakeError(Category::internal, "a write before Prepare or after Finish");
    envelope_.Append(point, IsEmpty(), &text_);
    return Status::OK();
  }
  Status EndBatch() override {
    const Status status = file_.Append(text_);
    text_.clear();  // what failed is written again
    return status;
  }
  Result<std::string> Flush() override { return file_.Flush(); }
  Status Resume(const std::string& state) override { return file_.Resume(state); }
  Status Finish() override {
    if (done_) return Status::OK();
    if (replaces_ && !file_.finished()) ARROW_RETURN_NOT_OK(side_car_.Remove());
    ARROW_RETURN_NOT_OK(file_.Finish(envelope_.End("null", IsEmpty())));
    VF_FAILPOINT("scroll.schema.before");
    ARROW_RETURN_NOT_OK(WriteSideCar());
    done_ = true;
    return Status::OK();
  }
  void Close() override { file_.Close(); }
  Status Drop() override {
    ARROW_RETURN_NOT_OK(file_.Drop());
    ARROW_ASSIGN_OR_RAISE(const auto there, file_.place().Stat());
    return there ? Status::OK() : side_car_.Remove();
  }
  files::Place Written() const override { return file_.Written(); }

 private:
  bool IsEmpty() const { return text_.empty() && file_.size() == static_cast<int64_t>(envelope_.begin.size()); }
  Status WriteSideCar() const {
    if (side_car_.is_local()) return WriteFileAtomic(side_car_.local(), header_, 0644);
    ARROW_ASSIGN_OR_RAISE(const fs::path staged, files::StagingPath(side_car_, "schema"));
    ARROW_RETURN_NOT_OK(WriteFileAtomic(staged, header_));
    ARROW_RETURN_NOT_OK(side_car_.Upload(staged));
    return files::Place(staged).Remove();
  }

  files::StagedFile file_;
  const Envelope envelope_;
  const files::Place side_car_;
  std::string header_, text_;
  bool replaces_ = false, done_ = false;
};

/// "INDEX POINTS SIZE": the file that is being written, the points in it, and how much of it is durable.
struct State {
  int64_t index = 1, points = 0, size = -1;
};

Result<State> ParseState(std::string_view text) {
  State state;
  const char* at = text.data();
  const char* end = at + text.size();
  for (int64_t* number : {&state.index, &state.points, &state.size}) {
    const auto [next, error] = std::from_chars(at, end, *number);
    if (error != std::errc() || *number < 0) return MakeError(Category::corrupt, fmt::format("'{}' is no state of JSON files", Printable(text, 100)));
    at = next == end ? next : next + 1;
  }
  return state;
}

class ManyFiles final : public ScrollOutput {
 public:
  ManyFiles(const files::Place& place, const Wishes& wishes) : folder_(place, "scroll"), envelope_(wishes.indent), per_file_(wishes.per_file) {}

  Status Begin(const SinkSpec& spec, const std::string& header) override {
    header_ = header;
    ARROW_RETURN_NOT_OK(folder_.Begin(spec));
    return folder_.finished_before() || spec.resumed ? Status::OK() : Restart();
  }

  Status Put(std::string_view point, std::string_view id) override {
    ARROW_RETURN_NOT_OK(BeginBatch());
    if (state_.points == per_file_) ARROW_RETURN_NOT_OK(NextFile(id));
    envelope_.Append(point, state_.points == 0, &text_);
    ++state_.points;
    return text_.size() > kBuffer ? Write() : Status::OK();
  }
  Status EndBatch() override {
    ARROW_RETURN_NOT_OK(Write());
    in_batch_ = false;
    return Status::OK();
  }

  Result<std::string> Flush() override {
    VF_FAILPOINT("scroll.flush.before");
    if (folder_.finished_before()) return std::string("0 0 0");
    ARROW_RETURN_NOT_OK(Write());
    ARROW_RETURN_NOT_OK(file_.Sync());
    // What the journal may still go back to stays on this machine.
    for (; published_ < flushed_; ++published_) ARROW_RETURN_NOT_OK(folder_.Publish(NameOf(published_)));
    flushed_ = state_.index;
    return fmt::format("{} {} {}", state_.index, state_.points, file_.size());
  }

  Status Resume(const std::string& text) override {
    if (folder_.finished_before()) return Status::OK();
    if (text.empty()) return Restart();
    ARROW_ASSIGN_OR_RAISE(state_, ParseState(text));
    std::set<std::string> kept;
    for (int64_t i = 1; i <= state_.index; ++i) kept.insert(NameOf(i));
    ARROW_RETURN_NOT_OK(folder_.KeepOnly(kept));
    ARROW_ASSIGN_OR_RAISE(file_, files::GrowingFile::Reopen(folder_.root() / NameOf(state_.index)));
    if (file_.size() < state_.size) return MakeError(Category::corrupt, fmt::format("{} is not the file that this run wrote", file_.path().string()), "start again with --restart");
    published_ = flushed_ = 1;  // sending again does no harm
    failed_ = in_batch_ = false;
    text_.clear();
    return file_.CutTo(state_.size);
  }

  Status Finish() override {
    if (folder_.finished() || folder_.finished_before()) return Status::OK();
    if (file_.is_open()) {
      ARROW_RETURN_NOT_OK(Write());
      ARROW_RETURN_NOT_OK(EndFile("null"));
    }
    ARROW_RETURN_NOT_OK(WriteFileAtomic(folder_.root() / SideCarName(), header_, 0644));
    for (; published_ <= state_.index; ++published_) ARROW_RETURN_NOT_OK(folder_.Publish(NameOf(published_)));
    ARROW_RETURN_NOT_OK(folder_.Publish(SideCarName()));
    std::vector<std::string> files;
    for (int64_t i = 1; i <= state_.index; ++i) files.push_back(NameOf(i));
    files.push_back(SideCarName());
    return folder_.Finish(files);
  }
  void Close() override {
    file_.Close();
    folder_.Close();
  }
  Status Drop() override {
    file_.Close();
    return folder_.Drop({".json"});
  }
  files::Place Written() const override { return folder_.Written(); }

 private:
  static std::string NameOf(int64_t index) { return fmt::format("batch_{:06}.json", index); }
  std::string SideCarName() const { return SideCarOf(folder_.place(), true).name(); }

  /// A batch that failed half way is written again as a whole, perhaps from another file on.
  Status BeginBatch() {
    if (folder_.finished() || folder_.finished_before()) return MakeError(Category::internal, "a write after Finish");
    if (!failed_ && in_batch_) return Status::OK();
    if (failed_) ARROW_RETURN_NOT_OK(GoBack());
    if (!file_.is_open()) return MakeError(Category::internal, "a write before Prepare");
    mark_ = state_;
    mark_.size = file_.size();
    in_batch_ = true;
    return Status::OK();
  }
  Status GoBack() {
    text_.clear();
    state_ = mark_;
    if (!file_.is_open() || file_.path() != folder_.root() / NameOf(state_.index)) {
      file_.Close();
      ARROW_ASSIGN_OR_RAISE(file_, files::GrowingFile::Reopen(folder_.root() / NameOf(state_.index)));
    }
    ARROW_RETURN_NOT_OK(file_.CutTo(state_.size));
    failed_ = false;
    return Status::OK();
  }

  Status Restart() {
    failed_ = in_batch_ = false;
    ARROW_RETURN_NOT_OK(folder_.KeepOnly({}));
    state_ = {};
    published_ = flushed_ = 1;
    text_.clear();
    return OpenFile();
  }
  Status OpenFile() {
    ARROW_ASSIGN_OR_RAISE(file_, files::GrowingFile::Create(folder_.root() / NameOf(state_.index)));
    return file_.Append(envelope_.begin);
  }
  Status EndFile(std::string_view next) {
    const int64_t before = file_.size();
    Status status = file_.Append(envelope_.End(next, state_.points == 0));
    if (status.ok()) status = file_.CutTo(file_.size());
    if (status.ok()) status = file_.Sync();
    if (status.ok()) file_.Close();
    else (void)file_.CutTo(before);
    return status;
  }
  Status NextFile(std::string_view next) {
    ARROW_RETURN_NOT_OK(Write());
    Status status = EndFile(next);
    if (status.ok()) {
      ++state_.index;
      state_.points = 0;
      status = OpenFile();
    }
    failed_ |= !status.ok();
    return status;
  }
  Status Write() {
    Status status = failpoint::Hit("scroll.write.before");
    if (status.ok() && !text_.empty()) status = file_.Append(text_);
    text_.clear();
    failed_ |= !status.ok();
    return status;
  }

  files::StagedFolder folder_;
  const Envelope envelope_;
  const int64_t per_file_;
  files::GrowingFile file_;
  State state_, mark_;
  bool in_batch_ = false, failed_ = false;
  int64_t published_ = 1, flushed_ = 1;  ///< the first file that was not sent; the one that was written at the last flush
  std::string header_, text_;
};

}  // namespace

std::unique_ptr<ScrollOutput> MakeOutput(const files::Place& place, const Wishes& wishes) {
  if (wishes.per_file > 0) return std::make_unique<ManyFiles>(place, wishes);
  return std::make_unique<OneFile>(place, wishes);
}

Capabilities ScrollCapabilities() {
  Capabilities can;
  can.source = can.sink = can.undo = true;
  can.consistency = Consistency::frozen;
  can.unique_ids = false;
  can.ids = {IdKind::u64, IdKind::uuid, IdKind::mixed};
  can.dense = {Element::f32, Element::f16, Element::u8};
  can.sparse = can.multi = can.named_vectors = can.missing_vectors = can.no_vectors = can.unknown_metric = true;
  can.max_vectors = 1000;
  can.non_finite = false;
  can.metrics = {Metric::cosine, Metric::dot, Metric::l2, Metric::l1};
  can.json = AllJsonFeatures();
  for (const auto feature : {JsonFeature::non_finite, JsonFeature::bigint, JsonFeature::decimal, JsonFeature::bytes, JsonFeature::date, JsonFeature::datetime, JsonFeature::time, JsonFeature::geo}) {
    can.json.erase(feature);
  }
  can.replay = Replay::truncate_and_replay;
  can.replace = ReplaceMode::atomic;
  can.appends = false;
  can.expansion = 4.0;
  return can;
}

}  // namespace vecferry::jsonl
