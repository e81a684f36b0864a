#include "pipeline/write.h"

#include "base/text.h"

namespace vecferry {
namespace {

struct Writer {
  Sink& sink;
  const RecordView& batch;
  const WriteContext& context;
  WriteOutcome outcome;

  Status Once(int64_t first, int64_t count) {
    ARROW_ASSIGN_OR_RAISE(const RecordView part, count == batch.rows() ? batch : batch.Slice(first, count));
    const std::function<Result<WriteOutcome>()> act = [&] { return sink.Write(part); };
    ARROW_ASSIGN_OR_RAISE(WriteOutcome written,
                          WithRetry(Retrier(context.retry, *context.clock, *context.cancel), act, context.on_retry));
    for (auto& reject : written.rejects) {
      reject.row += first;
      outcome.rejects.push_back(std::move(reject));
    }
    return Status::OK();
  }

  Status Range(int64_t first, int64_t count) {
    const Status status = Once(first, count);
    const bool content = IsCategory(status, Category::bad_content), large = IsCategory(status, Category::too_large);
    if (status.ok() || (!content && !large)) return status;
    if (count == 1) {
      outcome.rejects.push_back({first, content ? "refused-by-store" : "too-large", Printable(status.message(), 500)});
      return Status::OK();
    }
    ARROW_RETURN_NOT_OK(Range(first, count / 2));
    return Range(first + count / 2, count - count / 2);
  }
};

}  // namespace

Result<WriteOutcome> WriteBatch(Sink& sink, const RecordView& batch, const WriteContext& context) {
  Writer writer{sink, batch, context, {}};
  if (batch.rows() > 0) ARROW_RETURN_NOT_OK(writer.Range(0, batch.rows()));
  return std::move(writer.outcome);
}

}  // namespace vecferry
