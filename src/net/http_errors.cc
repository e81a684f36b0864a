#include <fmt/format.h>

#include "base/text.h"
#include "net/failure_facts.h"
#include "net/http.h"

namespace vecferry {
namespace {

bool Changes(HttpAct act) { return act == HttpAct::write || act == HttpAct::manage; }

ErrorFacts OfFault(const HttpReply& reply, HttpAct act) {
  const Delivery delivery = Changes(act) && reply.sent ? Delivery::unknown : Delivery::not_applied;
  switch (reply.fault) {
    case HttpFault::resolve: return PassingFailure(delivery, "check the host's name and the network");
    case HttpFault::connect: return PassingFailure(delivery, "see whether the server runs and its port is right, then run the same command again: it resumes");
    case HttpFault::tls: return LastingFailure(Category::refused, "name the authority that signed the server's certificate with ?ca=FILE, or see whether the port speaks TLS at all");
    case HttpFault::timeout: return PassingFailure(delivery, "raise ?timeout= if the server is slow");
    case HttpFault::broken: return PassingFailure(delivery, "look into the server's log, then run the same command again: it resumes");
    case HttpFault::too_long: return LastingFailure(Category::too_large, "use a smaller --batch-size");
    case HttpFault::cancelled: return LastingFailure(Category::cancelled, "run the same command again: it resumes");
    default: return LastingFailure(Category::internal, "");
  }
}

ErrorFacts OfTooMany(const HttpReply& reply) {
  ErrorFacts facts = PassingFailure(Delivery::not_applied, "lower --rate or --jobs");
  if (reply.retry_after) facts.retry_after = std::max(*reply.retry_after, std::chrono::milliseconds(100));
  return facts;
}

ErrorFacts OfContent(HttpAct act) {
  if (act != HttpAct::write) return LastingFailure(Category::refused, "the server does not take the request: see its words above");
  ErrorFacts facts = LastingFailure(Category::bad_content, "");
  facts.code = "refused-by-store";
  facts.delivery = Delivery::unknown;  // a store may have taken some records before the one at fault
  return facts;
}

ErrorFacts OfStatus(const HttpReply& reply, HttpAct act) {
  switch (reply.status) {
    case 400:
    case 422: return OfContent(act);
    case 401: return LastingFailure(Category::unauthorized, "the key is missing, wrong or has expired");
    case 403: return LastingFailure(Category::unauthorized, "the key may not do this");
    case 404:
    case 410: return LastingFailure(Category::not_found, "see what there is with `vecferry inspect`");
    case 408:
    case 425:
    case 429: return OfTooMany(reply);
    case 413: return LastingFailure(Category::too_large, "use a smaller --batch-size");
    case 501: return LastingFailure(Category::unsupported, "the server does not know this: it may be too old");
    case 507: return LastingFailure(Category::no_space, "make room at the server, then run the same command again: it resumes");
    default: break;
  }
  if (reply.status < 500) return LastingFailure(Category::refused, "see the server's words above; a proxy may answer in its place");
  ErrorFacts facts = PassingFailure(Changes(act) ? Delivery::unknown : Delivery::not_applied, "look into the server's log, then run the same command again: it resumes");
  if (reply.retry_after) facts.retry_after = *reply.retry_after;
  return facts;
}

}  // namespace

Status Classify(const HttpReply& reply, HttpAct act, std::string_view what, std::string_view words) {
  if (reply.fault != HttpFault::none) return MakeError(OfFault(reply, act), fmt::format("{}: {}", what, reply.message));
  const std::string said = words.empty() ? "the server gave no reason" : Printable(words, 1000);
  return MakeError(OfStatus(reply, act), fmt::format("{}: {} (HTTP {})", what, said, reply.status));
}

Status BadHttpAnswer(std::string_view what, std::string_view why) {
  return MakeError(PassingFailure(Delivery::unknown, "see what stands between here and the server: a proxy may answer in its place"), fmt::format("{}: {}", what, why));
}

}  // namespace vecferry
