#pragma once
#include <string_view>

#include "base/error.h"
#include "net/grpc_channel.h"

namespace vecferry::milvus {

/// Code of a collection that is not in memory.
inline constexpr int kNotLoaded = 101;

/// What a call was for: the same code means another thing to a read than to a write.
enum class Act {
  look,       ///< versions, lists, schemas, states
  read,       ///< rows out
  write,      ///< rows in
  write_odd,  ///< rows in with keys that Milvus Lite 2 stumbles over: its internal error may be a record's fault
  manage,     ///< collections, aliases, indexes, loading
};

/// Milvus's own answer beside an OK of gRPC: Status{1 error_code (of servers before 2.3), 2 reason, 3 code, 4 retriable}.
struct StoreStatus {
  int legacy = 0;
  int code = 0;
  bool retriable = false;
  std::string reason;
  bool ok() const { return code == 0 && legacy == 0; }
};
/// Category::corrupt for bytes that are no Status.
Result<StoreStatus> ParseStatus(std::string_view message);

/// The failure that a reply of a code other than OK is, decided by code and `retry-after` alone.
Status Classify(const GrpcReply& reply, Act act, std::string_view what);
/// The same of the store's own codes; the older ones are looked at where there is no newer. OK where it is.
Status Classify(const StoreStatus& status, Act act, std::string_view what);
/// An answer of code OK that is none: undecodable, or not what was asked for. To be tried again.
Status BadAnswer(std::string_view what, std::string_view why);

namespace store_code {
inline constexpr int kCollectionNotFound = 100, kIndexNotFound = 700, kAliasNotFound = 1600;
}

}  // namespace vecferry::milvus
