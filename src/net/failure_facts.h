#pragma once
#include <string_view>

#include "base/error.h"

namespace vecferry {

/// The facts of a failure that another attempt would not change.
inline ErrorFacts LastingFailure(Category category, std::string_view next_step) {
  ErrorFacts facts;
  facts.category = category;
  facts.next_step = next_step;
  return facts;
}

/// The facts of one that may pass by itself.
inline ErrorFacts PassingFailure(Delivery delivery, std::string_view next_step) {
  ErrorFacts facts = LastingFailure(Category::transient, next_step);
  facts.retry = Retry::after_delay;
  facts.delivery = delivery;
  return facts;
}

}  // namespace vecferry
