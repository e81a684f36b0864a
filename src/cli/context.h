#pragma once
#include <iosfwd>
#include <map>
#include <string>

#include "base/cancel.h"
#include "base/clock.h"
#include "connector/connector.h"

namespace vecferry::cli {

/// What the program takes from its surroundings; tests give it their own.
struct Context {
  std::ostream& out;                                 ///< results
  std::ostream& err;                                 ///< everything else
  bool err_is_terminal = false;
  int err_fd = -1;                                   ///< whose width the bar fits; -1 for none
  std::map<std::string, std::string> environment;
  const Registry& registry;
  CancelToken& cancel;
  const Clock& clock = Clock::System();
};

}  // namespace vecferry::cli
