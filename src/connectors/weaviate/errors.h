#pragma once
#include <string_view>

#include "base/error.h"
#include "net/grpc_channel.h"
#include "net/http.h"

namespace vecferry::weaviate {

/// The failure that a call over gRPC is, decided by its code alone. The server answers nearly every failure with UNKNOWN: what it was is then asked
/// over REST (Client::Explain); a call that nothing explains is to be tried again.
Status Classify(const GrpcReply& reply, HttpAct act, std::string_view what);
/// Whether the reply says no more than that something went wrong.
bool SaysNothing(const GrpcReply& reply);
/// Bytes that are no answer to the question.
Status BadGrpcAnswer(std::string_view what);

}  // namespace vecferry::weaviate
