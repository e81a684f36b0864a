#include "connectors/qdrant/errors.h"

#include <fmt/format.h>

#include "net/failure_facts.h"

namespace vecferry::qdrant {
namespace {

ErrorFacts Transient(Act act, std::string_view next_step) {
  return PassingFailure(act == Act::write || act == Act::manage ? Delivery::unknown : Delivery::not_applied, next_step);
}

ErrorFacts Exhausted(const GrpcReply& reply, Act act) {
  // Without retry-after it is not the rate but the size: of the batch against the limiter, or of a message.
  if (!reply.retry_after) return LastingFailure(Category::too_large, "use a smaller --batch-size");
  ErrorFacts facts = Transient(act, "lower --rate, or raise the collection's strict-mode limits");
  facts.delivery = Delivery::not_applied;
  facts.retry_after = std::chrono::milliseconds(*reply.retry_after);
  if (facts.retry_after.count() == 0) facts.retry_after = std::chrono::milliseconds(100);
  return facts;
}

ErrorFacts Invalid(Act act) {
  if (act != Act::write) return LastingFailure(Category::refused, "the server does not take the request: see its words above");
  ErrorFacts facts = LastingFailure(Category::bad_content, "");
  facts.code = "refused-by-store";
  facts.delivery = Delivery::unknown;  // a batch is not atomic: some points before the one at fault may be there
  return facts;
}

ErrorFacts FactsFor(const GrpcReply& reply, Act act) {
  using namespace grpc_code;
  switch (reply.code) {
    case kUnavailable: return Transient(act, "see whether the server runs, then run the same command again: it resumes");
    case kDeadlineExceeded: return Transient(act, "raise ?timeout= if the server is slow");
    case kInternal: return Transient(act, "look into the server's log and at its free disk space, then run the same command again");
    case kUnknown:
    case kAborted:
    case kDataLoss: return Transient(act, "look into the server's log, then run the same command again");
    case kCancelled: return LastingFailure(Category::cancelled, "run the same command again: it resumes");
    case kResourceExhausted: return Exhausted(reply, act);
    case kInvalidArgument: return Invalid(act);
    case kNotFound: return LastingFailure(Category::not_found, "see which collections there are with `vecferry inspect`");
    case kAlreadyExists: return LastingFailure(Category::refused, "another program made it meanwhile: run the command again and look");
    case kUnauthenticated: return LastingFailure(Category::unauthorized, "set QDRANT_API_KEY, or name a file with ?api-key-file=FILE");
    case kPermissionDenied: return LastingFailure(Category::unauthorized, "the API key may not do this: use one with write access");
    case kUnimplemented: return LastingFailure(Category::unsupported, "the server is too old, or is no Qdrant");
    default: return LastingFailure(Category::refused, "see the server's words above");
  }
}

}  // namespace

Status Classify(const GrpcReply& reply, Act act, std::string_view what) {
  static constexpr const char* kNames[] = {"OK", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND", "ALREADY_EXISTS",
                                           "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION", "ABORTED", "OUT_OF_RANGE",
                                           "UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE", "DATA_LOSS", "UNAUTHENTICATED"};
  const char* name = reply.code >= 0 && reply.code <= 16 ? kNames[reply.code] : "an unknown code";
  return MakeError(FactsFor(reply, act), fmt::format("{}: {} ({})", what, reply.message.empty() ? "the server gave no reason" : reply.message, name));
}

Status BadAnswer(std::string_view what, std::string_view why) {
  ErrorFacts facts = Transient(Act::write, "see what stands between here and the server: a proxy may answer in its place");
  return MakeError(std::move(facts), fmt::format("{}: {}", what, why));
}

}  // namespace vecferry::qdrant
