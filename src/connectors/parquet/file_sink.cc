#include <arrow/record_batch.h>
#include <fmt/format.h>

#include "base/failpoint.h"
#include "base/text.h"
#include "connectors/parquet/sink_base.h"

namespace vecferry::parquet_store {
namespace {

/// One file, which grows beside its place with a side-car that holds what its footer will say.
class FileSink final : public ParquetSink {
 public:
  FileSink(const files::Place& place, const WriteOptions& options) : ParquetSink(place, options), file_(place, "parquet") {}

  Status Prepare(const SinkSpec& spec) override {
    ARROW_RETURN_NOT_OK(Begin(spec));
    ARROW_RETURN_NOT_OK(file_.Begin(spec, std::string(columnar::TableWriter::kMagic)));
    columnar::TableWriter::Data data = {[this](std::string_view bytes) { return file_.part().Append(bytes); }, [this] { return file_.size(); },
                                        [this](int64_t size) { return file_.part().CutTo(size); }};
    ARROW_ASSIGN_OR_RAISE(writer_, columnar::TableWriter::Make(FileSchema({}, true), options_.table, std::move(data)));
    fs::path sidecar = file_.part_path();
    sidecar += ".meta";
    return writer_->BeginSidecar(sidecar, spec.resumed);
  }

  Result<WriteOutcome> Write(const RecordView& batch) override {
    if (!file_.is_open()) return MakeError(Category::internal, "Write before Prepare or after Finish");
    VF_FAILPOINT("parquet.write.before");
    if (batch.rows() > 0) ARROW_RETURN_NOT_OK(writer_->Write(*batch.batch()));
    return WriteOutcome();
  }

  Result<std::string> Flush() override {
    if (!file_.is_open()) return state_;
    ARROW_ASSIGN_OR_RAISE(const int64_t sidecar, writer_->Flush());
    ARROW_ASSIGN_OR_RAISE(const std::string data, file_.Flush());
    return state_ = fmt::format("{} {}", data, sidecar);
  }

  Status Resume(const std::string& state) override {
    const auto space = state.rfind(' ');
    ARROW_ASSIGN_OR_RAISE(const int64_t sidecar, state.empty() ? Result<int64_t>(0) : ParseInt(std::string_view(state).substr(space + 1)));
    ARROW_RETURN_NOT_OK(file_.Resume(state.empty() ? state : state.substr(0, space)));
    state_ = state;
    return file_.finished() ? writer_->RemoveSidecar() : writer_->Resume(sidecar);
  }

  Status Finish() override {
    if (file_.finished()) return Status::OK();
    ARROW_ASSIGN_OR_RAISE(const std::string footer, writer_->Footer());
    ARROW_RETURN_NOT_OK(file_.Finish(footer));
    return writer_->RemoveSidecar();
  }

  Status Abort() override {
    writer_.reset();
    file_.Close();
    return Status::OK();
  }

  Status DropDataset() override {
    if (writer_) ARROW_RETURN_NOT_OK(writer_->RemoveSidecar());
    writer_.reset();
    return file_.Drop();
  }

  ~FileSink() override { writer_.reset(); }

 protected:
  bool IsInPlace() const override { return !file_.Written().is_local() || file_.Written().local() == place_.local(); }

 private:
  files::StagedFile file_;
  std::unique_ptr<columnar::TableWriter> writer_;
  std::string state_;
};

}  // namespace

Result<std::unique_ptr<Sink>> OpenFileSink(const files::Place& place, const WriteOptions& options) {
  ARROW_RETURN_NOT_OK(files::StagedFile::CheckPlace(place));
  return std::make_unique<FileSink>(place, options);
}

}  // namespace vecferry::parquet_store
