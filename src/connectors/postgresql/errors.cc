#include "connectors/postgresql/errors.h"

#include <array>

#include <fmt/format.h>

#include "base/text.h"

namespace vecferry::postgresql {
namespace {

/// What a state means, whatever was being done. A code of two characters is a class; the longest that fits wins.
struct Rule {
  std::string_view state;
  Category category;
  Retry retry;
  std::string_view code;       ///< of bad_content
  std::string_view next_step;
};

constexpr std::string_view kAgain = "see whether the server runs, then run the same command again: it resumes";
constexpr std::string_view kLook = "see the server's words above";

// Facts: PostgreSQL 18, appendix A (errcodes.txt).
constexpr std::array kRules = {
    Rule{"08", Category::transient, Retry::after_delay, "", kAgain},
    Rule{"08P01", Category::transient, Retry::after_delay, "", "see what stands between here and the server: a proxy may answer in its place"},
    Rule{"0A", Category::unsupported, Retry::never, "", "the server, or a proxy before it, cannot do this"},
    Rule{"21", Category::bad_content, Retry::never, "refused-by-store", ""},
    Rule{"22", Category::bad_content, Retry::never, "value-out-of-range", ""},
    Rule{"22P04", Category::corrupt, Retry::never, "", "this is a defect: please report it"},
    Rule{"23", Category::bad_content, Retry::never, "constraint", ""},
    Rule{"23502", Category::bad_content, Retry::never, "not-null", ""},
    Rule{"23503", Category::bad_content, Retry::never, "foreign-key", ""},
    Rule{"23505", Category::bad_content, Retry::never, "duplicate-key", ""},
    Rule{"23514", Category::bad_content, Retry::never, "check-constraint", ""},
    Rule{"25006", Category::refused, Retry::never, "", "the server takes no writes (a standby, or default_transaction_read_only): name the primary, or target_session_attrs=read-write"},
    Rule{"25P02", Category::transient, Retry::after_delay, "", kAgain},
    Rule{"25P03", Category::transient, Retry::after_delay, "", "raise idle_in_transaction_session_timeout, then run the same command again"},
    Rule{"26", Category::transient, Retry::after_delay, "", "connect to the server itself: a pooler in transaction mode does not keep sessions"},
    Rule{"28", Category::unauthorized, Retry::never, "", "see user, password (PGPASSWORD, ~/.pgpass) and pg_hba.conf"},
    Rule{"3D", Category::not_found, Retry::never, "", "see which databases there are with `psql -l`"},
    Rule{"3F", Category::not_found, Retry::never, "", "see which schemas there are, or create it"},
    Rule{"40", Category::transient, Retry::now, "", "run the same command again: it resumes"},
    Rule{"40003", Category::transient, Retry::after_delay, "", kAgain},
    Rule{"42", Category::refused, Retry::never, "", kLook},
    Rule{"42501", Category::unauthorized, Retry::never, "", "use a role that may do this, or GRANT it"},
    Rule{"42601", Category::usage, Retry::never, "", "see the query"},
    Rule{"42602", Category::usage, Retry::never, "", "see the names given"},
    Rule{"42622", Category::usage, Retry::never, "", "a name has at most 63 bytes"},
    Rule{"42703", Category::not_found, Retry::never, "", "see which columns there are with `vecferry inspect`; where the table was altered meanwhile, start anew with --restart"},
    Rule{"42704", Category::not_found, Retry::never, "", "CREATE EXTENSION vector may be missing"},
    Rule{"42710", Category::refused, Retry::never, "", "another program made it meanwhile: run the command again and look"},
    Rule{"42804", Category::refused, Retry::never, "", "the table was altered, or a column has another type than was asked for"},
    Rule{"42883", Category::unsupported, Retry::never, "", "the extension is older than what is asked of it, or missing"},
    Rule{"42P01", Category::not_found, Retry::never, "", "see which tables there are with `vecferry inspect`"},
    Rule{"42P07", Category::refused, Retry::never, "", "another program made it meanwhile: run the command again and look"},
    Rule{"53", Category::transient, Retry::after_delay, "", "give the server more of what it lacks, then run the same command again"},
    Rule{"53100", Category::no_space, Retry::never, "", "free space on the server's disk, then run the same command again: it resumes"},
    Rule{"53200", Category::transient, Retry::after_delay, "", "give the server more memory, or use a smaller --batch-size"},
    Rule{"53300", Category::transient, Retry::after_delay, "", "raise max_connections, or use fewer --jobs"},
    Rule{"54", Category::too_large, Retry::never, "", "use a smaller --batch-size"},
    Rule{"54000", Category::bad_content, Retry::never, "too-large", ""},
    Rule{"55", Category::refused, Retry::never, "", kLook},
    Rule{"55006", Category::transient, Retry::after_delay, "", "another session uses it"},
    Rule{"55P03", Category::transient, Retry::after_delay, "", "another session holds a lock on the table: see pg_locks, or raise lock-timeout"},
    Rule{"57", Category::transient, Retry::after_delay, "", kAgain},
    // The limit is the user's own (a session has none otherwise), or somebody with a reason cancelled it: neither is to be met with the same again.
    Rule{"57014", Category::transient, Retry::never, "", "a time-out ended the statement, or somebody cancelled it: raise statement-timeout, then run the same command again: it resumes"},
    Rule{"57P04", Category::not_found, Retry::never, "", "the database was dropped"},
    Rule{"58", Category::transient, Retry::after_delay, "", "look into the server's log"},
    Rule{"58P01", Category::transient, Retry::after_delay, "", "look into the server's log"},
    Rule{"72", Category::transient, Retry::now, "", "the snapshot is too old; it is taken anew"},
    Rule{"P0001", Category::bad_content, Retry::never, "refused-by-store", ""},
    Rule{"XX", Category::transient, Retry::after_delay, "", "look into the server's log"},
    Rule{"XX001", Category::corrupt, Retry::never, "", "the server's own data is damaged: see its log"},
    Rule{"XX002", Category::corrupt, Retry::never, "", "an index of the server is damaged: see its log, REINDEX"},
};

const Rule* Find(std::string_view state) {
  const Rule* best = nullptr;
  for (const Rule& rule : kRules) {
    if (state.starts_with(rule.state) && (!best || rule.state.size() > best->state.size())) best = &rule;
  }
  return best;
}

/// A backend that ended itself took its open transaction along, but not one that it had been told to commit.
bool EndsSession(std::string_view state) { return state.starts_with("57P") || state.starts_with("08") || state == "25P03"; }

Delivery DeliveryOf(std::string_view state, bool lost, Act act) {
  if (act != Act::commit) return Delivery::not_applied;
  return lost || EndsSession(state) || state.starts_with("XX") || state == "40003" ? Delivery::unknown : Delivery::not_applied;
}

/// Nobody says the state of a session that was not: whether it is worth another try cannot be told, and the user waits.
ErrorFacts NotConnected() {
  ErrorFacts facts;
  facts.category = Category::transient;
  facts.retry = Retry::after_delay;
  facts.next_step = "see host, port, sslmode and whether the server runs";
  return facts;
}

constexpr std::string_view kMark = "SQLSTATE ";

}  // namespace

ErrorFacts FactsOfState(std::string_view sqlstate, bool lost, Act act) {
  ErrorFacts facts;
  facts.delivery = DeliveryOf(sqlstate, lost, act);
  if (sqlstate.empty() && act == Act::connect) return NotConnected();
  if (const Rule* rule = Find(sqlstate); rule && !sqlstate.empty()) {
    facts.category = rule->category;
    facts.retry = rule->retry;
    facts.code = rule->code;
    facts.next_step = rule->next_step;
  } else {
    facts.category = lost ? Category::transient : Category::refused;
    facts.retry = lost ? Retry::after_delay : Retry::never;
    facts.next_step = lost ? kAgain : kLook;
  }
  // A row that cannot be read, or a table that cannot be made, is no record at fault.
  if (facts.category == Category::bad_content && act != Act::write && act != Act::commit) {
    facts.category = Category::refused;
    facts.code.clear();
    facts.next_step = kLook;
  }
  return facts;
}

Status MakeFailure(const ServerError& error, Act act, std::string_view what) {
  std::string words = error.message.empty() ? "the connection to the server broke" : error.message;
  if (!error.detail.empty()) words += "; " + error.detail;
  if (!error.hint.empty()) words += "; " + error.hint;
  ErrorFacts facts = FactsOfState(error.sqlstate, error.lost, act);
  const std::string state = error.sqlstate.empty() ? "" : fmt::format(" ({}{})", kMark, error.sqlstate);
  return MakeError(std::move(facts), fmt::format("{}: {}{}", what, Printable(words, 1000), state));
}

std::string SqlStateOf(const Status& status) {
  const std::string text = status.message();
  const size_t at = text.rfind(kMark);
  return at == std::string::npos || at + kMark.size() + 5 > text.size() ? "" : text.substr(at + kMark.size(), 5);
}

}  // namespace vecferry::postgresql
