#include "pipeline/write.h"

#include <algorithm>

#include "base/text.h"

namespace vecferry {
namespace {

struct Writer {
  Sink& sink;
  const RecordView& batch;
  const WriteContext& context;
  WriteOutcome outcome;

  Result<WriteOutcome> Ask(const RecordView& part) {
    const auto began = context.clock->Now();
    if (context.in_flight) ++*context.in_flight;
    auto outcome = sink.Write(part);
    if (context.in_flight) --*context.in_flight;
    context.on_request({true, outcome.ok(), part.rows(), part.bytes(), std::chrono::duration<double>(context.clock->Now() - began).count()});
    return outcome;
  }

  Result<WriteOutcome> Send(const RecordView& part) {
    if (!context.flow) return Ask(part);
    const Flow::Permit permit = context.flow->Enter();
    auto outcome = Ask(part);
    context.flow->Leave(permit, part.bytes(), outcome.status());
    return outcome;
  }

  Status Once(int64_t first, int64_t count) {
    ARROW_ASSIGN_OR_RAISE(const RecordView part, count == batch.rows() ? batch : batch.Slice(first, count));
    const std::function<Result<WriteOutcome>()> act = [&] { return Send(part); };
    ARROW_ASSIGN_OR_RAISE(WriteOutcome written,
                          WithRetry(Retrier(context.retry, *context.clock, *context.cancel), act, context.on_retry));
    for (auto& reject : written.rejects) {
      reject.row += first;
      outcome.rejects.push_back(std::move(reject));
    }
    return Status::OK();
  }

  /// `whole`: a piece of the size that the flow gave. What is too large in a half of it is a large record, not the size.
  Status Range(int64_t first, int64_t count, bool whole) {
    const Status status = Once(first, count);
    const bool content = IsCategory(status, Category::bad_content), large = IsCategory(status, Category::too_large);
    if (status.ok() || (!content && !large)) return status;
    if (count == 1) {
      outcome.rejects.push_back({first, content ? "refused-by-store" : "too-large", Printable(status.message(), 500)});
      return Status::OK();
    }
    if (large && whole && context.flow) context.flow->TooLarge(batch.bytes() * count / batch.rows());
    ARROW_RETURN_NOT_OK(Range(first, count / 2, false));
    return Range(first + count / 2, count - count / 2, false);
  }

  Status All() {
    for (int64_t first = 0, count = 0; first < batch.rows(); first += count) {
      const int64_t left = batch.rows() - first;
      count = context.flow ? std::min(left, context.flow->RowsAtOnce(batch.rows(), batch.bytes())) : left;
      ARROW_RETURN_NOT_OK(Range(first, count, true));
    }
    return Status::OK();
  }
};

}  // namespace

Result<WriteOutcome> WriteBatch(Sink& sink, const RecordView& batch, const WriteContext& context) {
  Writer writer{sink, batch, context, {}};
  ARROW_RETURN_NOT_OK(writer.All());
  return std::move(writer.outcome);
}

}  // namespace vecferry
