#pragma once
#include <string_view>

#include "base/error.h"
#include "net/grpc_channel.h"

namespace vecferry::qdrant {

/// What a call was for: the same code means another thing to a read than to a write.
enum class Act {
  look,    ///< health, lists, parameters, counts
  read,    ///< points out
  write,   ///< points in
  manage,  ///< collections, aliases, indexes
};

/// The failure that a reply of a code other than OK is, decided by code and `retry-after` alone; the server's words
/// are passed on. `what` says what was asked for: "writing points".
Status Classify(const GrpcReply& reply, Act act, std::string_view what);
/// An answer of code OK that is none: undecodable, or not what was asked for. To be tried again.
Status BadAnswer(std::string_view what, std::string_view why);

}  // namespace vecferry::qdrant
