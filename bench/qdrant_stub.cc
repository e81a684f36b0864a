// The raw limit beside which the way into and out of Qdrant is measured: a server that takes what it is sent without looking
// into it, and sends pages that were made beforehand. An Upsert is answered as completed once its bytes are here; its points
// are counted by their lengths. A Scroll answers a run of rows as it lies in memory, whatever was asked to be left out.
// Collections are made, told and dropped as by a server. Listens on 127.0.0.1 and prints `port N` when it is ready; SIGTERM
// ends it, and it prints what it counted as JSON.
// usage: qdrant_stub [--port N] [--dims N] [--records N, in the collection "docs"] [--threads N]
#include <csignal>
#include <cstdio>
#include <cstdlib>

#include <algorithm>
#include <atomic>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/server_builder.h>
#include <grpcpp/support/byte_buffer.h>

#include "qdrant_stub_wire.h"

#include "qdrant_pb/collections.pb.h"
#include "qdrant_pb/points.pb.h"

namespace {

namespace pb = vecferry::qdrant::pb;
using namespace vecferry::stub;
using Answer = std::pair<grpc::Status, grpc::ByteBuffer>;

struct Options {
  int port = 0, threads = 1;
  uint64_t dims = 384, records = 0;
};

struct Counts {
  std::atomic<uint64_t> upserts{0}, points{0}, bytes{0}, scrolls{0}, rows{0};
};

grpc::ByteBuffer Bytes(const std::string& text) {
  const grpc::Slice slice(text);
  return grpc::ByteBuffer(&slice, 1);
}

template <typename Message>
bool Parse(const grpc::ByteBuffer& buffer, Message* message) {
  std::string text;
  std::vector<grpc::Slice> slices;
  if (buffer.Valid() && !buffer.Dump(&slices).ok()) return false;
  for (const auto& slice : slices) text.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
  return message->ParseFromString(text);
}

Answer Ok(const google::protobuf::MessageLite& message) { return {grpc::Status::OK, Bytes(message.SerializeAsString())}; }

class Stub {
 public:
  explicit Stub(const Options& options) : rows_(options.records, options.dims) {
    pb::CreateCollection docs;
    docs.set_collection_name("docs");
    docs.mutable_vectors_config()->mutable_params()->set_size(options.dims);
    docs.mutable_vectors_config()->mutable_params()->set_distance(pb::Distance::Dot);
    if (options.records > 0) Create(docs);
  }

  Answer Call(const std::string& method, const grpc::ByteBuffer& request) {
    if (method == "/qdrant.Points/Upsert") return Upsert(request);
    if (method == "/qdrant.Points/Scroll") return Scroll(request);
    if (method == "/qdrant.Points/Query") return Sample(request);
    if (method == "/qdrant.Points/CreateFieldIndex") return {grpc::Status::OK, Bytes(kCompleted)};
    if (method == "/qdrant.Qdrant/HealthCheck") {
      pb::HealthCheckReply reply;
      reply.set_title("qdrant - vector search engine"), reply.set_version("1.18.3");
      return Ok(reply);
    }
    const std::lock_guard lock(mutex_);
    if (method == "/qdrant.Points/Count") return Count(request);
    if (method == "/qdrant.Collections/Get") return Get(request);
    if (method == "/qdrant.Collections/CollectionExists") return Exists(request);
    if (method == "/qdrant.Collections/Update") return Update(request);
    if (method == "/qdrant.Collections/Create") {
      pb::CreateCollection wanted;
      return Parse(request, &wanted) ? Create(wanted) : Bad();
    }
    if (method == "/qdrant.Collections/Delete") {
      pb::CollectionName name;
      return Parse(request, &name) ? Done(collections_.erase(name.collection_name()) > 0) : Bad();
    }
    if (method == "/qdrant.Collections/List") {
      pb::ListCollectionsResponse response;
      for (const auto& [name, info] : collections_) response.add_collections()->set_collection_name(name);
      return Ok(response);
    }
    const bool empty = method == "/qdrant.Collections/ListAliases" || method == "/qdrant.Collections/CollectionClusterInfo";
    return empty ? Answer{grpc::Status::OK, Bytes("")} : Answer{grpc::Status(grpc::StatusCode::UNIMPLEMENTED, ""), {}};
  }

  const Counts& counts() const { return counts_; }

 private:
  static inline const std::string kCompleted = std::string("\x0a\x04\x08\x00\x10\x02", 6);  ///< PointsOperationResponse{result{operation_id 0, Completed}}

  static Answer Bad() { return {grpc::Status(grpc::StatusCode::INTERNAL, "failed to decode Protobuf message"), {}}; }
  static Answer Done(bool result) {
    pb::OperationResponse response;
    response.set_result(result);
    return Ok(response);
  }

  Answer Upsert(const grpc::ByteBuffer& request) {
    uint64_t points = 0;
    Walker walker(request);
    while (const auto field = walker.Next()) points += field->number == 3;
    counts_.upserts += 1, counts_.points += points, counts_.bytes += request.Length();
    return {grpc::Status::OK, Bytes(kCompleted)};
  }

  Answer Scroll(const grpc::ByteBuffer& request) {
    uint64_t first = 0, limit = 10;
    Walker walker(request);
    while (const auto field = walker.Next()) {
      if (field->number == 4) limit = field->value;
      if (field->number == 3) first = NumberOf(field->body);
    }
    first = std::min(first, rows_.size());
    const uint64_t last = std::min(rows_.size(), first + limit);
    std::string head;
    if (last < rows_.size()) AppendField(1, PointId(last), &head);
    head += std::string("\x19\0\0\0\0\0\0\xf0?", 9);  // time: 1.0
    const grpc::Slice slices[] = {grpc::Slice(head), grpc::Slice(rows_.bytes.data() + rows_.starts[first], rows_.starts[last] - rows_.starts[first],
                                                                 grpc::Slice::STATIC_SLICE)};
    counts_.scrolls += 1, counts_.rows += last - first;
    return {grpc::Status::OK, grpc::ByteBuffer(slices, 2)};
  }

  /// PointId{1 num}; an id that is a UUID comes after all of ours.
  uint64_t NumberOf(std::string_view id) const {
    uint64_t value = 0;
    if (id.empty() || id[0] != 8) return rows_.size();
    for (size_t i = 1; i < id.size(); ++i) value |= static_cast<uint64_t>(id[i] & 0x7f) << (7 * (i - 1));
    return value;
  }

  /// A random sample is as good as any other: ids at equal distances.
  Answer Sample(const grpc::ByteBuffer& request) {
    uint64_t limit = 10;
    Walker walker(request);
    while (const auto field = walker.Next()) limit = field->number == 8 ? field->value : limit;
    limit = std::min(limit, rows_.size());
    std::string answer;
    for (uint64_t i = 0; i < limit; ++i) {
      std::string point;
      AppendField(1, PointId(i * rows_.size() / limit), &point);
      AppendField(1, point, &answer);
    }
    return {grpc::Status::OK, Bytes(answer)};
  }

  Answer Create(const pb::CreateCollection& wanted) {
    auto& info = collections_[wanted.collection_name()];
    auto& config = *info.mutable_config();
    info.set_status(pb::CollectionInfo::green);
    info.mutable_optimizer_status()->set_ok(true);
    config.mutable_params()->set_shard_number(1);
    *config.mutable_params()->mutable_vectors_config() = wanted.vectors_config();
    if (wanted.has_sparse_vectors_config()) *config.mutable_params()->mutable_sparse_vectors_config() = wanted.sparse_vectors_config();
    auto& hnsw = *config.mutable_hnsw_config();
    hnsw.set_m(16), hnsw.set_ef_construct(100), hnsw.set_full_scan_threshold(10000);
    auto& optimizers = *config.mutable_optimizer_config();
    optimizers.set_deleted_threshold(0.2), optimizers.set_vacuum_min_vector_number(1000), optimizers.set_default_segment_number(0);
    optimizers.set_indexing_threshold(10000), optimizers.set_flush_interval_sec(5);
    optimizers.MergeFrom(wanted.optimizers_config());
    config.mutable_wal_config()->set_wal_capacity_mb(32);
    config.mutable_wal_config()->set_wal_segments_ahead(0);
    return Done(true);
  }

  Answer Update(const grpc::ByteBuffer& request) {
    pb::UpdateCollection wanted;
    if (!Parse(request, &wanted)) return Bad();
    const auto at = collections_.find(wanted.collection_name());
    if (at == collections_.end()) return Missing(wanted.collection_name());
    at->second.mutable_config()->mutable_optimizer_config()->MergeFrom(wanted.optimizers_config());
    return Done(true);
  }

  static Answer Missing(const std::string& name) { return {grpc::Status(grpc::StatusCode::NOT_FOUND, "Not found: Collection `" + name + "` doesn't exist!"), {}}; }
  uint64_t PointsOf(const std::string& name) const { return name == "docs" ? rows_.size() : counts_.points.load(); }

  Answer Get(const grpc::ByteBuffer& request) {
    pb::CollectionName name;
    if (!Parse(request, &name)) return Bad();
    const auto at = collections_.find(name.collection_name());
    if (at == collections_.end()) return Missing(name.collection_name());
    pb::GetCollectionInfoResponse response;
    *response.mutable_result() = at->second;
    response.mutable_result()->set_points_count(PointsOf(at->first));
    response.mutable_result()->set_indexed_vectors_count(PointsOf(at->first));
    return Ok(response);
  }

  Answer Exists(const grpc::ByteBuffer& request) {
    pb::CollectionName name;
    if (!Parse(request, &name)) return Bad();
    pb::CollectionExistsResponse response;
    response.mutable_result()->set_exists(collections_.contains(name.collection_name()));
    return Ok(response);
  }

  Answer Count(const grpc::ByteBuffer& request) {
    pb::CountPoints wanted;
    if (!Parse(request, &wanted)) return Bad();
    pb::CountResponse response;
    response.mutable_result()->set_count(PointsOf(wanted.collection_name()));
    return Ok(response);
  }

  const Rows rows_;
  Counts counts_;
  std::mutex mutex_;
  std::map<std::string, pb::CollectionInfo> collections_;
};

/// One call after the other on a queue: asked for, read, answered, gone.
class Call {
 public:
  Call(Stub* stub, grpc::AsyncGenericService* service, grpc::ServerCompletionQueue* queue) : stub_(stub), service_(service), queue_(queue), stream_(&context_) {
    service_->RequestCall(&context_, &stream_, queue_, queue_, this);
  }

  void Proceed(bool ok) {
    if (state_ == State::asked && ok) {
      new Call(stub_, service_, queue_);
      state_ = State::reading;
      return stream_.Read(&request_, this);
    }
    if (state_ == State::reading) {
      state_ = State::answered;
      const Answer answer = ok ? stub_->Call(context_.method(), request_) : Answer{grpc::Status(grpc::StatusCode::CANCELLED, ""), {}};
      if (answer.first.ok()) return stream_.WriteAndFinish(answer.second, grpc::WriteOptions(), answer.first, this);
      return stream_.Finish(answer.first, this);
    }
    delete this;
  }

 private:
  enum class State { asked, reading, answered };
  Stub* stub_;
  grpc::AsyncGenericService* service_;
  grpc::ServerCompletionQueue* queue_;
  grpc::GenericServerContext context_;
  grpc::GenericServerAsyncReaderWriter stream_;
  grpc::ByteBuffer request_;
  State state_ = State::asked;
};

Options Read(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; i += 2) {
    const std::string name = argv[i];
    const uint64_t value = i + 1 < argc ? std::strtoull(argv[i + 1], nullptr, 10) : 0;
    if (i + 1 < argc && name == "--port") options.port = static_cast<int>(value);
    else if (i + 1 < argc && name == "--dims" && value > 0 && value <= 65536) options.dims = value;
    else if (i + 1 < argc && name == "--records") options.records = value;
    else if (i + 1 < argc && name == "--threads" && value > 0 && value <= 64) options.threads = static_cast<int>(value);
    else std::fprintf(stderr, "usage: qdrant_stub [--port N] [--dims N] [--records N] [--threads N]\n"), std::exit(2);
  }
  return options;
}

}  // namespace

int main(int argc, char** argv) {
  const Options options = Read(argc, argv);
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM), sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);

  Stub stub(options);
  grpc::AsyncGenericService service;
  grpc::ServerBuilder builder;
  int port = 0;
  builder.AddListeningPort("127.0.0.1:" + std::to_string(options.port), grpc::InsecureServerCredentials(), &port);
  builder.SetMaxReceiveMessageSize(-1).SetMaxSendMessageSize(-1);
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  builder.AddChannelArgument("grpc.http2.lookahead_bytes", 8 << 20);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MAX_FRAME_SIZE, 1 << 20);
  builder.AddChannelArgument("grpc.http2.write_buffer_size", 4 << 20);
  builder.RegisterAsyncGenericService(&service);
  std::vector<std::unique_ptr<grpc::ServerCompletionQueue>> queues;
  for (int i = 0; i < options.threads; ++i) queues.push_back(builder.AddCompletionQueue());
  const auto server = builder.BuildAndStart();
  if (!server || port == 0) return std::fprintf(stderr, "cannot listen on port %d\n", options.port), 1;

  std::vector<std::thread> threads;
  for (const auto& queue : queues) {
    threads.emplace_back([&stub, &service, own = queue.get()] {
      new Call(&stub, &service, own);
      void* tag = nullptr;
      for (bool ok = false; own->Next(&tag, &ok);) static_cast<Call*>(tag)->Proceed(ok);
    });
  }
  std::printf("port %d\n", port);
  std::fflush(stdout);
  int received = 0;
  sigwait(&signals, &received);
  const Counts& counts = stub.counts();
  std::printf("{\"upserts\": %llu, \"points\": %llu, \"bytes\": %llu, \"scrolls\": %llu, \"rows\": %llu}\n", static_cast<unsigned long long>(counts.upserts),
              static_cast<unsigned long long>(counts.points), static_cast<unsigned long long>(counts.bytes),
              static_cast<unsigned long long>(counts.scrolls), static_cast<unsigned long long>(counts.rows));
  std::fflush(stdout);
  std::_Exit(0);  // with calls in flight, whose threads nobody waits for
}
