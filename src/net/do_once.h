#pragma once
#include <utility>

#include "base/error.h"

namespace vecferry {

/// An act that is not to be done twice, by a call that may have been carried out though it failed: where `done` says that it was, it is left at
/// that, and where it was not, it is done once more at once. A failure that was certainly none of doing is returned as it is.
template <typename Act, typename Done>
Status DoOnce(Act&& act, Done&& done) {
  const Status status = act();
  const ErrorFacts facts = FactsOf(status);
  if (status.ok() || facts.retry == Retry::never || facts.delivery != Delivery::unknown) return status;
  const Result<bool> carried_out = done();
  if (!carried_out.ok()) return status;
  return *carried_out ? Status::OK() : act();
}

}  // namespace vecferry
