#include "connectors/weaviate/errors.h"

#include <fmt/format.h>

#include "base/text.h"
#include "net/failure_facts.h"

namespace vecferry::weaviate {
namespace {

ErrorFacts Transient(HttpAct act, std::string_view next_step) {
  return PassingFailure(act == HttpAct::write || act == HttpAct::manage ? Delivery::unknown : Delivery::not_applied, next_step);
}

ErrorFacts Exhausted(const GrpcReply& reply, HttpAct act) {
  // Without retry-after it is the message that is too large.
  if (!reply.retry_after) return LastingFailure(Category::too_large, "use a smaller --batch-size");
  ErrorFacts facts = Transient(act, "lower --rate or --jobs");
  facts.retry_after = std::chrono::milliseconds(*reply.retry_after);
  return facts;
}

ErrorFacts FactsFor(const GrpcReply& reply, HttpAct act) {
  using namespace grpc_code;
  switch (reply.code) {
    case kUnavailable: return Transient(act, "see whether the server runs and ?grpc-port= is right, then run the same command again: it resumes");
    case kDeadlineExceeded: return Transient(act, "raise ?timeout= if the server is slow");
    case kUnknown:
    case kInternal:
    case kAborted:
    case kDataLoss:
    case kFailedPrecondition: return Transient(act, "look into the server's log, then run the same command again: it resumes");
    case kCancelled: return LastingFailure(Category::cancelled, "run the same command again: it resumes");
    case kResourceExhausted: return Exhausted(reply, act);
    case kInvalidArgument: {
      if (act != HttpAct::write) return LastingFailure(Category::refused, "the server does not take the request: see its words above");
      ErrorFacts facts = LastingFailure(Category::bad_content, "");
      facts.code = "refused-by-store";
      facts.delivery = Delivery::unknown;
      return facts;
    }
    case kNotFound: return LastingFailure(Category::not_found, "see which classes there are with `vecferry inspect`");
    case kUnauthenticated: return LastingFailure(Category::unauthorized, "set WEAVIATE_API_KEY, or name a file with ?api-key-file=FILE");
    case kPermissionDenied: return LastingFailure(Category::unauthorized, "the key may not do this");
    case kUnimplemented: return LastingFailure(Category::unsupported, "the server is too old (gRPC came with 1.23), or ?grpc-port= is not that of Weaviate");
    default: return LastingFailure(Category::refused, "see the server's words above");
  }
}

}  // namespace

Status Classify(const GrpcReply& reply, HttpAct act, std::string_view what) {
  const std::string said = reply.message.empty() ? "the server gave no reason" : Printable(reply.message, 1000);
  return MakeError(FactsFor(reply, act), fmt::format("{}: {} (gRPC code {})", what, said, reply.code));
}

bool SaysNothing(const GrpcReply& reply) { return reply.code == grpc_code::kUnknown || reply.code == grpc_code::kInternal; }

Status BadGrpcAnswer(std::string_view what) {
  return MakeError(Transient(HttpAct::write, "see what stands between here and the server: a proxy may answer in its place"), fmt::format("{}: the answer cannot be read", what));
}

}  // namespace vecferry::weaviate
