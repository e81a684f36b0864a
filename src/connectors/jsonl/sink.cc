#include "connectors/jsonl/format.h"
#include "connectors/jsonl/jsonl.h"
#include "files/staged_file.h"
#include "files/whole_sink.h"

namespace vecferry::jsonl {
namespace {

constexpr const char* kHeaderIntent = "jsonl-header";

class JsonlSink final : public files::WholeSink {
 public:
  explicit JsonlSink(files::Place place) : WholeSink("a jsonl file", "the file is"), file_(std::move(place), "jsonl") {}

  Result<TargetInfo> Describe() override {
    TargetInfo info;
    info.identity = files::IdentityOf("jsonl", file_.place());
    ARROW_ASSIGN_OR_RAISE(const auto entry, file_.place().Stat());
    info.exists = entry.has_value();
    if (!info.exists) return info;
    ARROW_ASSIGN_OR_RAISE(const auto source, jsonl::OpenSource(file_.place()));
    ARROW_ASSIGN_OR_RAISE(const DatasetInfo there, source->Describe());
    info.count = there.count;
    info.schema = there.schema;
    return info;
  }

  Status Prepare(const SinkSpec& spec) override {
    if (!spec.resumed && spec.on_exists != OnExists::replace) {
      ARROW_ASSIGN_OR_RAISE(const TargetInfo there, Describe());
      ARROW_RETURN_NOT_OK(files::CheckMayWrite(spec, there, file_.place()));
    }
    ARROW_ASSIGN_OR_RAISE(std::string header, ChooseHeader(spec));
    return file_.Begin(spec, std::move(header));
  }

  Result<WriteOutcome> Write(const RecordView& batch) override {
    WriteOutcome outcome;
    text_.clear();
    for (int64_t row = 0; row < batch.rows(); ++row) {
      const Status status = AppendLine(batch, row, &text_);
      if (!status.ok()) outcome.rejects.push_back({row, FactsOf(status).code, status.message()});
    }
    ARROW_RETURN_NOT_OK(file_.Append(text_));
    return outcome;
  }

  Result<std::string> Flush() override { return file_.Flush(); }
  Status Resume(const std::string& state) override { return file_.Resume(state); }
  Status Finish() override { return file_.Finish(); }
  Status Abort() override { return file_.Close(), Status::OK(); }
  Result<std::unique_ptr<Source>> OpenReadBack() override { return jsonl::OpenSource(file_.Written()); }

  /// What stands at the place is left alone unless this run has put it there.
  Status DropDataset() override { return file_.Drop(); }

 private:
  /// The settings of a dataset that is in use may change while a run is interrupted: the header stays as it was begun.
  static Result<std::string> ChooseHeader(const SinkSpec& spec) {
    std::optional<std::string> begun;
    if (spec.resumed && spec.intents) {
      ARROW_ASSIGN_OR_RAISE(begun, spec.intents->Find(kHeaderIntent));
    }
    const std::string layout = spec.layout && spec.layout->name != "default" ? spec.layout->name : "";
    std::string header = begun ? *begun : HeaderOf(spec.schema, layout, spec.settings);
    ARROW_RETURN_NOT_OK(ParseHeader(header).status());  // what cannot be read again is found before the first record
    if (!begun && spec.intents) ARROW_RETURN_NOT_OK(spec.intents->Record(kHeaderIntent, header));
    return header;
  }

  files::StagedFile file_;
  std::string text_;
};

}  // namespace

Result<std::unique_ptr<Sink>> OpenSink(const files::Place& place) {
  ARROW_RETURN_NOT_OK(files::StagedFile::CheckPlace(place));
  return std::make_unique<JsonlSink>(place);
}

}  // namespace vecferry::jsonl
