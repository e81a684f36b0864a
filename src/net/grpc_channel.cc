#include "net/grpc_channel.h"

#include <atomic>
#include <cstdlib>

#include <fmt/format.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/security/credentials.h>
#include <grpcpp/support/byte_buffer.h>

#include "base/repeats.h"
#include "base/text.h"
#include "net/buffers.h"

namespace vecferry {
namespace {

/// The library would write of each failed handshake on standard error, which is not its to write on. Set before any thread runs.
[[maybe_unused]] const int g_quiet = setenv("GRPC_VERBOSITY", "NONE", 0);

constexpr auto kLookAtCancel = std::chrono::milliseconds(100);

grpc::ChannelArguments Arguments() {
  grpc::ChannelArguments args;
  args.SetMaxReceiveMessageSize(-1);
  args.SetMaxSendMessageSize(-1);
  args.SetInt("grpc.compression_enabled_algorithms_bitset", 1);  // identity alone: a server compresses whatever it may
  args.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);            // a connection of its own for each channel
  args.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 100);
  args.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, 10'000);           // in spite of its name: how long one attempt to connect may take
  args.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 2000);
  args.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, 30'000);               // a peer that vanished without a word is noticed
  args.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 20'000);
  args.SetInt(GRPC_ARG_HTTP2_BDP_PROBE, 0);
  args.SetInt("grpc.http2.lookahead_bytes", 8 << 20);
  args.SetInt(GRPC_ARG_HTTP2_MAX_FRAME_SIZE, 1 << 20);
  args.SetInt("grpc.http2.write_buffer_size", 4 << 20);
  args.SetInt(GRPC_ARG_ENABLE_RETRIES, 0);                       // the engine retries
  args.SetUserAgentPrefix("vecferry");
  return args;
}

void GiveBack(void* text) {
  const std::unique_ptr<std::string> owned(static_cast<std::string*>(text));
  GiveBuffer(std::move(*owned));
}

/// The bytes of a request as a slice that owns the string.
grpc::ByteBuffer Wrap(std::string request) {
  auto* owned = new std::string(std::move(request));
  const grpc::Slice slice(owned->data(), owned->size(), &GiveBack, owned);
  return grpc::ByteBuffer(&slice, 1);
}

std::string Unwrap(const grpc::ByteBuffer& buffer) {
  std::vector<grpc::Slice> slices;
  if (!buffer.Valid() || !buffer.Dump(&slices).ok()) return {};
  std::string bytes = TakeBuffer(buffer.Length());
  for (const auto& slice : slices) bytes.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
  return bytes;
}

/// A failure that most often has passed when a safe call is made once more.
bool MayBeGoneAlready(const GrpcCall& call, const GrpcReply& reply) {
  using namespace grpc_code;
  if (!call.safe || reply.retry_after.value_or(std::chrono::seconds(0)).count() > 0) return false;
  switch (reply.code) {
    case kOk: return call.failed && call.failed(reply.bytes);
    case kUnavailable:
    case kAborted:
    case kInternal:
    case kDataLoss: return true;
    case kResourceExhausted: return reply.retry_after.has_value();  // without it the message is too large
    default: return false;
  }
}

}  // namespace

struct GrpcChannel::Impl {
  Options options;
  std::vector<std::unique_ptr<grpc::GenericStub>> stubs;
  std::atomic<size_t> next{0};

  GrpcReply Once(const std::string& method, const grpc::ByteBuffer& request, const CancelToken* cancel);
};

GrpcChannel::GrpcChannel(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
GrpcChannel::~GrpcChannel() = default;

Result<std::unique_ptr<GrpcChannel>> GrpcChannel::Make(const Endpoint& endpoint, Options options) {
  auto impl = std::make_unique<Impl>();
  std::shared_ptr<grpc::ChannelCredentials> credentials = grpc::InsecureChannelCredentials();
  if (endpoint.tls) {
    grpc::SslCredentialsOptions tls;
    ARROW_ASSIGN_OR_RAISE(tls.pem_root_certs, TrustedRoots(endpoint));
    credentials = grpc::SslCredentials(tls);
  }
  const std::string target = "dns:///" + endpoint.Display();
  for (int i = 0; i < std::max(1, options.connections); ++i) {
    impl->stubs.push_back(std::make_unique<grpc::GenericStub>(grpc::CreateCustomChannel(target, credentials, Arguments())));
  }
  impl->options = std::move(options);
  return std::unique_ptr<GrpcChannel>(new GrpcChannel(std::move(impl)));
}

GrpcReply GrpcChannel::Call(GrpcCall call, const CancelToken* cancel) {
  const grpc::ByteBuffer request = Wrap(std::move(call.request));
  GrpcReply reply = impl_->Once(call.method, request, cancel);
  if (!MayBeGoneAlready(call, reply)) return reply;
  ++RepeatedCalls();
  return impl_->Once(call.method, request, cancel);
}

GrpcReply GrpcChannel::Impl::Once(const std::string& method, const grpc::ByteBuffer& request, const CancelToken* cancel) {
  grpc::ClientContext context;
  for (const auto& [key, value] : options.metadata) context.AddMetadata(key, value);
  context.set_deadline(std::chrono::system_clock::now() + options.deadline);
  grpc::CompletionQueue queue;
  grpc::ByteBuffer received;
  grpc::Status status;
  auto& stub = *stubs[next++ % stubs.size()];
  auto call = stub.PrepareUnaryCall(&context, method, request, &queue);
  call->StartCall();
  call->Finish(&received, &status, &context);
  void* tag = nullptr;
  bool ok = false, cancelled = false;
  while (queue.AsyncNext(&tag, &ok, std::chrono::system_clock::now() + kLookAtCancel) == grpc::CompletionQueue::TIMEOUT) {
    if (cancel && cancel->abort_requested() && !std::exchange(cancelled, true)) context.TryCancel();
  }
  GrpcReply reply;
  reply.code = status.error_code();
  if (status.ok()) {
    reply.bytes = Unwrap(received);
    return reply;
  }
  reply.message = Printable(status.error_message(), 1000);
  const auto& trailers = context.GetServerTrailingMetadata();
  if (const auto at = trailers.find("retry-after"); at != trailers.end()) {
    const auto seconds = ParseInt(std::string_view(at->second.data(), at->second.size()));
    if (seconds.ok() && *seconds >= 0 && *seconds < 86'400) reply.retry_after = std::chrono::seconds(*seconds);
  }
  return reply;
}

}  // namespace vecferry
