#include <charconv>

#include <fmt/format.h>

#include "base/text.h"
#include "connector/fit.h"
#include "connectors/jsonl/format.h"
#include "connectors/jsonl/scroll_output.h"
#include "connectors/jsonl/shapes.h"
#include "files/whole_sink.h"

namespace vecferry::jsonl {
namespace {

constexpr const char* kHeaderIntent = "scroll-header";

/// Points as the answers of Qdrant's scroll, in one file or in several of a folder.
class ScrollSink final : public files::WholeSink {
 public:
  ScrollSink(const files::Place& place, Wishes wishes)
      : WholeSink("JSON files", "the files are"), place_(place), wishes_(std::move(wishes)), output_(MakeOutput(place, wishes_)) {}

  Result<TargetInfo> Describe() override {
    TargetInfo info;
    info.identity = files::IdentityOf("jsonl", place_);
    ARROW_ASSIGN_OR_RAISE(const auto there, place_.Stat());
    info.exists = there.has_value();
    if (!info.exists) return info;
    ARROW_ASSIGN_OR_RAISE(const auto source, OpenForeign(place_, wishes_));
    ARROW_ASSIGN_OR_RAISE(const DatasetInfo has, source->Describe());
    info.count = has.count;
    info.schema = has.schema;
    // An empty folder is no dataset yet.
    info.exists = !there->folder || info.count > 0 || has.facts.contains("files");
    return info;
  }

  Status Prepare(const SinkSpec& spec) override {
    ARROW_RETURN_NOT_OK(CheckSchemaFits(ScrollCapabilities(), spec.schema));
    ARROW_ASSIGN_OR_RAISE(const TargetInfo there, Describe());
    ARROW_RETURN_NOT_OK(files::CheckMayWrite(spec, there, place_));
    schema_ = spec.schema;
    if (spec.layout) wishes_.layout = *spec.layout;
    ARROW_RETURN_NOT_OK(KeepHeader(spec));
    writer_ = std::make_unique<PointWriter>(schema_, wishes_.layout);
    return output_->Begin(spec, header_);
  }

  Result<WriteOutcome> Write(const RecordView& batch) override {
    WriteOutcome outcome;
    std::string id;
    for (int64_t row = 0; row < batch.rows(); ++row) {
      point_.clear();
      const Status status = writer_->Append(batch, row, &point_, &id);
      if (status.ok()) ARROW_RETURN_NOT_OK(output_->Put(point_, id));
      else outcome.rejects.push_back({row, FactsOf(status).code.empty() ? "unsupported-value" : FactsOf(status).code, status.message()});
    }
    ARROW_RETURN_NOT_OK(output_->EndBatch());
    return outcome;
  }

  Result<std::string> Flush() override { return output_->Flush(); }
  Status Resume(const std::string& state) override { return output_->Resume(state); }
  Status Finish() override { return output_->Finish(); }
  Status Abort() override {
    output_->Close();
    return Status::OK();
  }

  Result<std::string> KeyOf(std::string_view tenant, std::string_view id) const override {
    ARROW_ASSIGN_OR_RAISE(const MappedId mapped, MapId(wishes_.layout, schema_.id_kind, schema_.has_tenant && !tenant.empty() ? std::optional(tenant) : std::nullopt, id));
    return mapped.is_integer ? "n" + std::to_string(mapped.integer) : "u" + mapped.uuid;
  }
  /// A native id is the same point for every tenant, and a hash is cut to its first half.
  bool InjectiveKeys(const RecordSchema& schema) const override { return wishes_.layout.id_rule == Layout::IdRule::native_or_uuid5 && !schema.has_tenant; }

  Result<std::unique_ptr<Source>> OpenReadBack() override {
    Wishes wishes = wishes_;
    wishes.unfinished = output_->Written().identity() != place_.identity();
    return OpenForeign(output_->Written(), wishes, schema_, files::IdentityOf("jsonl", place_));
  }

  Status DropDataset() override { return output_->Drop(); }

 private:
  /// The settings of a dataset that is in use may change while a run is interrupted: the header stays as it was begun.
  Status KeepHeader(const SinkSpec& spec) {
    std::optional<std::string> begun;
    if (spec.resumed && spec.intents) {
      ARROW_ASSIGN_OR_RAISE(begun, spec.intents->Find(kHeaderIntent));
    }
    header_ = begun ? *begun : HeaderOf(spec.schema, wishes_.layout.name == "default" ? "" : wishes_.layout.name, spec.settings);
    ARROW_RETURN_NOT_OK(ParseHeader(header_).status());
    return begun || !spec.intents ? Status::OK() : spec.intents->Record(kHeaderIntent, header_);
  }

  const files::Place place_;
  Wishes wishes_;
  const std::unique_ptr<ScrollOutput> output_;
  std::unique_ptr<PointWriter> writer_;
  RecordSchema schema_;
  std::string header_, point_;
};

}  // namespace

Result<std::unique_ptr<Sink>> OpenScrollSink(const files::Place& place, const Wishes& wishes) {
  ARROW_RETURN_NOT_OK(wishes.per_file > 0 ? files::StagedFolder::CheckPlace(place) : files::StagedFile::CheckPlace(place));
  return std::make_unique<ScrollSink>(place, wishes);
}

}  // namespace vecferry::jsonl
