#pragma once
#include <functional>
#include <memory>

#include "connector/connector.h"
#include "pipeline/retry.h"

namespace vecferry {

/// How the decorators below try again.
struct RetryContext {
  RetryPolicy policy;
  const Clock* clock = &Clock::System();
  const CancelToken* cancel = nullptr;
  std::function<void(const Status&)> on_retry = [](const Status&) {};  ///< from any thread
};

/// The same source and sink, every call of theirs tried again where its failure says that it may pass: all calls of the
/// contract may be made again after an error. Only Sink::Write is passed on as it is, since the run's flow must hear of
/// each failure (pipeline/write.h), and so is indexing(), whose keeper has a patience of its own.
std::unique_ptr<Source> RetryingSource(std::unique_ptr<Source> source, RetryContext context);
std::unique_ptr<Sink> RetryingSink(std::unique_ptr<Sink> sink, RetryContext context);

}  // namespace vecferry
