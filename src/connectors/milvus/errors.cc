#include "connectors/milvus/errors.h"

#include <fmt/format.h>

#include "base/text.h"
#include "net/failure_facts.h"
#include "net/wire.h"

namespace vecferry::milvus {
namespace {

bool Writes(Act act) { return act == Act::write || act == Act::write_odd; }

ErrorFacts Transient(Act act, std::string_view next_step) {
  return PassingFailure(Writes(act) || act == Act::manage ? Delivery::unknown : Delivery::not_applied, next_step);
}

/// Refused before anything was done, by a server that wants to be left alone for a moment.
ErrorFacts Busy(Act act, std::string_view next_step) {
  ErrorFacts facts = Transient(act, next_step);
  facts.delivery = Delivery::not_applied;
  facts.retry_after = std::chrono::milliseconds(100);
  return facts;
}

ErrorFacts Content(Act act) {
  if (!Writes(act)) return LastingFailure(Category::refused, "the server does not take the request: see its words above");
  ErrorFacts facts = LastingFailure(Category::bad_content, "");
  facts.code = "refused-by-store";
  return facts;
}

constexpr std::string_view kToken = "set MILVUS_TOKEN to USER:PASSWORD or an API key, or name a file with ?api-key-file=FILE";
constexpr std::string_view kMayNot = "the user's role may not do this: grant it, or use another";
constexpr std::string_view kLog = "look into the server's log, then run the same command again: it resumes";
constexpr std::string_view kGone = "see which collections there are with `vecferry inspect`";
constexpr std::string_view kSlower = "lower --rate, or raise the server's limits";

ErrorFacts OfGrpc(const GrpcReply& reply, Act act) {
  using namespace grpc_code;
  switch (reply.code) {
    case kUnavailable: return Transient(act, "see whether the server runs, then run the same command again: it resumes");
    case kDeadlineExceeded: return Transient(act, "raise ?timeout= if the server is slow");
    case kInternal:
    case kUnknown:
    case kAborted:
    case kDataLoss: return Transient(act, kLog);
    case kCancelled: return LastingFailure(Category::cancelled, "run the same command again: it resumes");
    case kResourceExhausted: {
      // Without retry-after it is a message that is larger than somebody takes.
      if (!reply.retry_after) return LastingFailure(Category::too_large, "use a smaller --batch-size");
      ErrorFacts facts = Busy(act, kSlower);
      facts.retry_after = std::max(std::chrono::milliseconds(*reply.retry_after), std::chrono::milliseconds(100));
      return facts;
    }
    case kInvalidArgument: return Content(act);
    case kNotFound: return LastingFailure(Category::not_found, kGone);
    case kUnauthenticated: return LastingFailure(Category::unauthorized, kToken);
    case kPermissionDenied: return LastingFailure(Category::unauthorized, kMayNot);
    case kUnimplemented: return LastingFailure(Category::unsupported, "the server is too old or a smaller edition, or is no Milvus");
    default: return LastingFailure(Category::refused, "see the server's words above");
  }
}

/// Codes of Milvus 2.3 and later (merr): hundreds are what the failure is about.
ErrorFacts OfCode(const StoreStatus& status, Act act) {
  switch (status.code) {
    case 5: return act == Act::write_odd ? Content(act) : Transient(act, kLog);  // internal
    case 1: case 2: case 4: case 11: return Transient(act, kLog);              // not ready, unavailable, too many requests, time tick
    case 8: return Busy(act, kSlower);                                         // rate limit
    case 9: return Busy(act, "the server's quota is exceeded: raise it, or wait until it compacted");
    case 3: case 12: return Busy(act, "the server is short of memory: give it more, or wait");
    case 7: return LastingFailure(Category::no_space, "the server's disk quota is full");
    case 10: return LastingFailure(Category::unsupported, "the server is too old or a smaller edition");
    case 100: case 200: return LastingFailure(Category::not_found, kGone);
    case 101: case 103: case 106: case 201: case 202: return Transient(act, "the collection is not loaded: see whether somebody released it");
    case 102: case 105: case 107: return LastingFailure(Category::refused, "see the server's words above");
    case 109: return Transient(act, "the collection was altered meanwhile: run the command again");
    case 400: case 401: case 500: case 501: case 502: case 503: case 600: case 601: case 602: case 901: case 902: case 903: case 904: case 905:
      return Transient(act, kLog);                                             // replicas, channels, segments, nodes
    case 700: return LastingFailure(Category::refused, "make an index on each vector field and load the collection: Milvus reads only what is loaded");
    case 800: return LastingFailure(Category::not_found, "name another ?database=");
    case 1000: case 1001: case 1002: case 1003: return Transient(act, kLog);   // object storage
    case 1100: case 1101: return Content(act);
    case 1102: return LastingFailure(Category::too_large, "use a smaller --batch-size");
    case 1400: return LastingFailure(Category::unauthorized, kToken);
    case 1401: case 1402: return LastingFailure(Category::unauthorized, kMayNot);
    case 1600: return LastingFailure(Category::not_found, kGone);
    case 1601: case 1602: return LastingFailure(Category::refused, "another program made it meanwhile: run the command again and look");
    case 1700: case 1701: return Content(act);
    case 2000: return Writes(act) ? Content(act) : Transient(act, kLog); // the engine's own
    default: return status.retriable ? Transient(act, kLog) : Content(act);
  }
}

/// ErrorCode of servers before 2.3; also filled beside the newer by those of today.
ErrorFacts OfLegacy(const StoreStatus& status, Act act) {
  switch (status.legacy) {
    case 3: return LastingFailure(Category::unauthorized, kMayNot);
    case 4: case 27: return LastingFailure(Category::not_found, kGone);
    case 5: case 7: case 9: case 11: case 62: return Content(act);
    case 24: case 48: case 49: case 52: case 53: return Busy(act, kSlower);
    case 25: return LastingFailure(Category::refused, "make an index on each vector field and load the collection: Milvus reads only what is loaded");
    case 54: return LastingFailure(Category::no_space, "the server's disk quota is full");
    case 2: case 15: case 16: case 45: case 46: case 47: case 50: case 55: case 56: case 57: case 100: case 1000: return Transient(act, kLog);
    default: return status.retriable ? Transient(act, kLog) : Content(act);
  }
}

}  // namespace

Result<StoreStatus> ParseStatus(std::string_view message) {
  StoreStatus status;
  WireReader reader(message);
  WireField field;
  while (reader.Next(&field)) {
    if (field.is(1, WireType::varint)) status.legacy = static_cast<int>(field.value);
    else if (field.is(2, WireType::length)) status.reason = field.bytes;
    else if (field.is(3, WireType::varint)) status.code = static_cast<int>(field.value);
    else if (field.is(4, WireType::varint)) status.retriable = field.value != 0;
  }
  if (!reader.ok()) return MakeError(Category::corrupt, "the server's status cannot be read");
  return status;
}

Status Classify(const GrpcReply& reply, Act act, std::string_view what) {
  const std::string words = reply.message.empty() ? "the server gave no reason" : Printable(reply.message, 1000);
  return MakeError(OfGrpc(reply, act), fmt::format("{}: {} (gRPC {})", what, words, reply.code));
}

Status Classify(const StoreStatus& status, Act act, std::string_view what) {
  if (status.ok()) return Status::OK();
  const std::string words = status.reason.empty() ? "the server gave no reason" : Printable(status.reason, 1000);
  // 65535 is "unexpected" of the newer codes, beside which the older may say more.
  const bool newer = status.code != 0 && (status.code != 65535 || status.legacy <= 1);
  return MakeError(newer ? OfCode(status, act) : OfLegacy(status, act), fmt::format("{}: {} (code {})", what, words, newer ? status.code : status.legacy));
}

Status BadAnswer(std::string_view what, std::string_view why) {
  ErrorFacts facts = Transient(Act::write, "see what stands between here and the server: a proxy may answer in its place");
  return MakeError(std::move(facts), fmt::format("{}: {}", what, why));
}

}  // namespace vecferry::milvus
