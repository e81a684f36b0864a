#include <limits>

#include <fmt/format.h>

#include "base/failpoint.h"
#include "base/text.h"
#include "connector/fit.h"
#include "connectors/csv/open_file.h"
#include "connectors/csv/rows.h"
#include "files/staged_file.h"
#include "files/whole_sink.h"

namespace vecferry::csv {
namespace {

constexpr const char* kTableIntent = "csv-table";

/// The types of the columns of metadata as far as they are known, with commas between them.
std::string TypesOf(const Table& table) {
  std::string types;
  for (const Column& column : table.columns) {
    types += column.type ? NameOf(*column.type) : "";
    types += ',';
  }
  return types;
}

Status SetTypes(std::string_view text, Table* table) {
  for (Column& column : table->columns) {
    const size_t comma = text.find(',');
    if (comma == text.npos) return MakeError(Category::corrupt, "a state that is none of this file's", "start again with --restart");
    column.type.reset();
    if (comma > 0) {
      ARROW_ASSIGN_OR_RAISE(column.type, TypeOfName(text.substr(0, comma)));
    }
    text.remove_prefix(comma + 1);
  }
  return Status::OK();
}

class CsvSink final : public files::WholeSink {
 public:
  explicit CsvSink(Dataset dataset) : WholeSink("a CSV file", "the file is"), dataset_(std::move(dataset)), file_(dataset_.place, "csv") {}

  Result<TargetInfo> Describe() override {
    TargetInfo info;
    info.identity = files::IdentityOf("csv", dataset_.place);
    ARROW_ASSIGN_OR_RAISE(const auto there, dataset_.place.Stat());
    info.exists = there.has_value();
    if (!info.exists || there->size == 0) return info;
    const auto source = csv::OpenSource(dataset_);
    if (!source.ok()) {
      // What these options do not fit is in the way all the same.
      ARROW_ASSIGN_OR_RAISE(info.count, CountRows(dataset_));
      return info;
    }
    ARROW_ASSIGN_OR_RAISE(const DatasetInfo has, (*source)->Describe());
    info.count = has.count;
    info.schema = has.schema;
    return info;
  }

  Status Prepare(const SinkSpec& spec) override {
    ARROW_ASSIGN_OR_RAISE(const TargetInfo there, Describe());
    ARROW_RETURN_NOT_OK(files::CheckMayWrite(spec, there, dataset_.place));
    ARROW_ASSIGN_OR_RAISE(table_, TableFor(spec.schema, dataset_.wishes));
    table_.layout = spec.layout && spec.layout->name != "default" ? spec.layout->name : "";
    table_.settings = spec.settings;
    ARROW_RETURN_NOT_OK(KeepTable(spec));
    types_ = TypesOf(table_);
    replaces_ = spec.on_exists == OnExists::replace;
    writer_ = std::make_unique<RowWriter>(&table_, dataset_.wishes.dialect);
    std::string header;
    if (dataset_.wishes.dialect.header) writer_->AppendHeader(&header);
    return file_.Begin(spec, std::move(header));
  }

  Result<WriteOutcome> Write(const RecordView& batch) override {
    if (!file_.is_open()) return MakeError(Category::internal, "Write before Prepare or after Finish");
    WriteOutcome outcome;
    text_.clear();
    for (int64_t row = 0; row < batch.rows(); ++row) {
      const Status status = writer_->Append(batch, row, &text_);
      if (!status.ok()) outcome.rejects.push_back({row, FactsOf(status).code.empty() ? "bad-metadata" : FactsOf(status).code, status.message()});
    }
    ARROW_RETURN_NOT_OK(file_.Append(text_));
    return outcome;
  }

  Result<std::string> Flush() override {
    ARROW_ASSIGN_OR_RAISE(const std::string state, file_.Flush());
    return state + "\n" + TypesOf(table_);
  }

  Status Resume(const std::string& state) override {
    const size_t line = state.find('\n');
    ARROW_RETURN_NOT_OK(SetTypes(line == state.npos ? types_ : state.substr(line + 1), &table_));
    return file_.Resume(state.substr(0, line));
  }

  /// A new file may stand without its side-car for a moment, and never with another's.
  Status Finish() override {
    if (done_) return Status::OK();
    if (replaces_ && !file_.finished()) ARROW_RETURN_NOT_OK(dataset_.side_car().Remove());
    ARROW_RETURN_NOT_OK(file_.Finish());
    VF_FAILPOINT("csv.schema.before");
    ARROW_RETURN_NOT_OK(WriteSideCar());
    done_ = true;
    return Status::OK();
  }

  Status Abort() override {
    file_.Close();
    return Status::OK();
  }

  Result<std::unique_ptr<Source>> OpenReadBack() override {
    Dataset written = dataset_;
    written.place = file_.Written();
    return csv::OpenSource(written, table_, files::IdentityOf("csv", dataset_.place));
  }

  Status DropDataset() override {
    ARROW_RETURN_NOT_OK(file_.Drop());
    ARROW_ASSIGN_OR_RAISE(const auto there, dataset_.place.Stat());
    return there ? Status::OK() : dataset_.side_car().Remove();
  }

 private:
  /// The settings of a dataset that is in use may change while a run is interrupted: what was begun stays.
  Status KeepTable(const SinkSpec& spec) {
    if (!spec.intents) return Status::OK();
    std::optional<std::string> begun;
    if (spec.resumed) {
      ARROW_ASSIGN_OR_RAISE(begun, spec.intents->Find(kTableIntent));
    }
    if (!begun) {
      const std::string text = SideCarOf(table_);
      ARROW_RETURN_NOT_OK(ParseSideCar(text).status());  // what cannot be read again is found before the first record
      return spec.intents->Record(kTableIntent, text);
    }
    ARROW_ASSIGN_OR_RAISE(table_, ParseSideCar(*begun));
    return Status::OK();
  }

  Status WriteSideCar() const {
    const files::Place place = dataset_.side_car();
    const std::string json = SideCarOf(table_);
    if (place.is_local()) return WriteFileAtomic(place.local(), json, 0644);
    ARROW_ASSIGN_OR_RAISE(const fs::path staged, files::StagingPath(place, "schema"));
    ARROW_RETURN_NOT_OK(WriteFileAtomic(staged, json));
    ARROW_RETURN_NOT_OK(place.Upload(staged));
    return files::Place(staged).Remove();
  }

  const Dataset dataset_;
  files::StagedFile file_;
  Table table_;
  std::unique_ptr<RowWriter> writer_;
  std::string types_, text_;
  bool replaces_ = false, done_ = false;
};

}  // namespace

Result<std::unique_ptr<Sink>> OpenSink(const Dataset& dataset) {
  ARROW_RETURN_NOT_OK(files::StagedFile::CheckPlace(dataset.place));
  return std::make_unique<CsvSink>(dataset);
}

}  // namespace vecferry::csv
