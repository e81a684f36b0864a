#pragma once
#include <string>
#include <string_view>

#include "base/error.h"

namespace vecferry::postgresql {

/// What was being done when it failed: the same code means another thing to a read than to a commit.
enum class Act {
  connect,  ///< before a session stands
  read,     ///< nothing can have been changed
  write,    ///< rows in, before the transaction's end was asked for: a failure leaves nothing of it
  commit,   ///< the transaction's end, or a statement that is a transaction of its own: without an answer it may have taken effect
  manage,   ///< tables and indexes, in a transaction that is not ended yet
};

/// Why the server said no, decided by SQLSTATE alone. `lost`: the connection broke before an answer came, `sqlstate` is empty then.
ErrorFacts FactsOfState(std::string_view sqlstate, bool lost, Act act);

/// The parts of the server's answer that are passed on.
struct ServerError {
  std::string sqlstate;    ///< five characters, "" where the connection broke
  std::string message;     ///< the server's words
  std::string detail, hint;
  std::string constraint;  ///< of 23xxx
  std::string column;
  bool lost = false;       ///< the connection is gone
};
/// The failure as it travels on. `what` says what was asked for: "reading rows".
Status MakeFailure(const ServerError& error, Act act, std::string_view what);
/// The SQLSTATE that a failure of this store carries, "" for any other.
std::string SqlStateOf(const Status& status);

}  // namespace vecferry::postgresql
