#pragma once
#include <atomic>
#include <functional>

#include "connector/connector.h"
#include "pipeline/flow.h"
#include "pipeline/retry.h"
#include "progress/events.h"

namespace vecferry {

/// What the writing of one batch needs of the run.
struct WriteContext {
  RetryPolicy retry;
  const Clock* clock = &Clock::System();
  const CancelToken* cancel = nullptr;
  std::function<void(const Status&)> on_retry = [](const Status&) {};
  std::function<void(const Request&)> on_request = [](const Request&) {};  ///< each write, once it is answered
  std::atomic<int>* in_flight = nullptr;  ///< writes that are not answered yet
  Flow* flow = nullptr;  ///< of sinks that take several writes at once; nullptr: a batch is one write
};

/// Writes a batch, in the pieces that the flow finds best, with what the engine does about failures: transient ones are
/// retried, a piece that is too large is halved, one that fails for its content is bisected down to the rows at fault, which become rejects. Rows of the
/// outcome are those of `batch`. A failure that remains is the store's, not the records'.
Result<WriteOutcome> WriteBatch(Sink& sink, const RecordView& batch, const WriteContext& context);

}  // namespace vecferry
