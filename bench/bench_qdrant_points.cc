#include <cstring>
#include <random>

#include <benchmark/benchmark.h>
#include <google/protobuf/arena.h>

#include "connectors/qdrant/points.h"
#include "net/wire.h"
#include "qdrant_points.pb.h"
#include "record/unit.h"

/// Points to and from the wire, beside the same through generated messages on an arena. Argument: dimensions.
/// Both sides parse the same metadata with the same reader and fill the same batches.
namespace {

using namespace vecferry;
using namespace vecferry::qdrant;
namespace pb = vecferry::bench;

constexpr int64_t kRows = 1000;

RecordSchema Schema(int32_t dims, Metric metric) {
  RecordSchema schema;
  schema.id_kind = IdKind::uuid;
  schema.has_document = false;
  schema.vectors = {{.dims = dims, .metric = metric}};
  return schema;
}

const Layout& TheLayout() {
  static const Layout layout = [] {
    Layout made;
    made.name = "default";
    return made;
  }();
  return layout;
}

RecordView Records(const RecordSchema& schema) {
  std::mt19937_64 random(1);
  std::uniform_real_distribution<float> uniform(-1, 1);
  BatchBuilder builder(schema);
  std::vector<float> vector(static_cast<size_t>(schema.vectors[0].dims));
  for (int64_t i = 0; i < kRows; ++i) {
    for (auto& x : vector) x = uniform(random);
    char id[40], metadata[80];
    std::snprintf(id, sizeof id, "%08llx-1234-4234-8234-%012llx", static_cast<unsigned long long>(random() & 0xffffffff), static_cast<unsigned long long>(i));
    std::snprintf(metadata, sizeof metadata, R"({"kind":"note","n":%lld})", static_cast<long long>(i));
    builder.Id(id);
    builder.Metadata(metadata);
    builder.Vector(0, {reinterpret_cast<const char*>(vector.data()), vector.size() * 4});
    builder.EndRow();
  }
  return builder.Finish().ValueOrDie();
}

void Count(benchmark::State& state, size_t bytes) {
  state.SetItemsProcessed(state.iterations() * kRows);
  state.SetBytesProcessed(state.iterations() * static_cast<int64_t>(bytes));
}

std::string Encoded(const RecordSchema& schema, const RecordView& view) {
  PointEncoder encoder(schema, TheLayout(), {});
  std::string out;
  for (int64_t row = 0; row < kRows; ++row) {
    if (encoder.Append(view, row, &out)) std::abort();
  }
  return out;
}

/// As the server answers a scroll with these points.
std::string Scrolled(const std::string& request) {
  pb::UpsertPoints upsert;
  pb::ScrollResponse response;
  if (!upsert.ParseFromString(request)) std::abort();
  for (auto& point : *upsert.mutable_points()) {
    auto& result = *response.add_result();
    result.mutable_id()->Swap(point.mutable_id());
    result.mutable_payload()->swap(*point.mutable_payload());
    result.mutable_vectors()->Swap(point.mutable_vectors());
  }
  return response.SerializeAsString();
}

template <Metric metric>
void Encode(benchmark::State& state) {
  const RecordSchema schema = Schema(static_cast<int32_t>(state.range(0)), metric);
  const RecordView view = Records(schema);
  PointEncoder encoder(schema, TheLayout(), {});
  std::string out;
  for (auto _ : state) {
    out.clear();
    for (int64_t row = 0; row < kRows; ++row) {
      if (encoder.Append(view, row, &out)) std::abort();
    }
    benchmark::DoNotOptimize(out.data());
  }
  Count(state, out.size());
}

/// Flat payloads are all that is measured.
class MessagePayload final : public JsonVisitor {
 public:
  void Begin(pb::PointStruct* point) { point_ = point; }
  Status Null() override { return value_->set_null_value(pb::NULL_VALUE), Status::OK(); }
  Status Bool(bool value) override { return value_->set_bool_value(value), Status::OK(); }
  Status Int(int64_t value) override { return value_->set_integer_value(value), Status::OK(); }
  Status Uint(uint64_t value) override { return Int(static_cast<int64_t>(value)); }
  Status Double(double value) override { return value_->set_double_value(value), Status::OK(); }
  Status String(std::string_view utf8) override { return value_->set_string_value(utf8.data(), utf8.size()), Status::OK(); }
  Status Special(std::string_view, std::string_view) override { return Status::OK(); }
  Status BeginObject() override { return Status::OK(); }
  Status EndObject() override { return Status::OK(); }
  Status BeginArray() override { return Status::OK(); }
  Status EndArray() override { return Status::OK(); }
  Status Key(std::string_view utf8) override {
    value_ = &(*point_->mutable_payload())[std::string(utf8)];
    return Status::OK();
  }

 private:
  pb::PointStruct* point_ = nullptr;
  pb::Value* value_ = nullptr;
};

template <Metric metric>
void EncodeByMessages(benchmark::State& state) {
  const auto dims = static_cast<int32_t>(state.range(0));
  const RecordSchema schema = Schema(dims, metric);
  const RecordView view = Records(schema);
  PayloadEncoder payload(TheLayout());
  MessagePayload visitor;
  std::string out;
  google::protobuf::Arena arena;
  for (auto _ : state) {
    auto* upsert = google::protobuf::Arena::CreateMessage<pb::UpsertPoints>(&arena);
    upsert->mutable_points()->Reserve(kRows);
    for (int64_t row = 0; row < kRows; ++row) {
      auto* point = upsert->add_points();
      const MappedId id = MapId(TheLayout(), schema.id_kind, std::nullopt, view.id(row)).ValueOrDie();
      point->mutable_id()->set_uuid(id.uuid);
      visitor.Begin(point);
      if (!payload.Encode(view, row, std::nullopt, visitor).ok()) std::abort();
      auto* data = point->mutable_vectors()->mutable_vector()->mutable_dense()->mutable_data();
      data->Reserve(dims);
      float* const to = data->AddNAlreadyReserved(dims);
      const auto* const from = reinterpret_cast<const float*>(view.vectors()[0].Dense(row).data());
      if (metric == Metric::cosine) UnitVector(from, static_cast<size_t>(dims), to);
      else std::memcpy(to, from, static_cast<size_t>(dims) * 4);
    }
    out.clear();
    if (!upsert->SerializeToString(&out)) std::abort();
    arena.Reset();
  }
  Count(state, out.size());
}

void Decode(benchmark::State& state) {
  const RecordSchema schema = Schema(static_cast<int32_t>(state.range(0)), Metric::dot);
  const std::string bytes = Scrolled(Encoded(schema, Records(schema)));
  PointDecoder decoder(schema, TheLayout());
  BatchBuilder builder(schema);
  PointFacts facts;
  for (auto _ : state) {
    const auto page = ParseScrollResponse(bytes).ValueOrDie();
    for (const auto point : page.points) {
      if (decoder.Append(point, builder, &facts)) std::abort();
    }
    if (builder.Finish().ValueOrDie().rows() != kRows) std::abort();
  }
  Count(state, bytes.size());
}

Status Visit(const pb::Value& value, JsonVisitor& out) {
  switch (value.kind_case()) {
    case pb::Value::kBoolValue: return out.Bool(value.bool_value());
    case pb::Value::kIntegerValue: return out.Int(value.integer_value());
    case pb::Value::kDoubleValue: return out.Double(value.double_value());
    case pb::Value::kStringValue: return out.String(value.string_value());
    default: return out.Null();
  }
}

void DecodeByMessages(benchmark::State& state) {
  const RecordSchema schema = Schema(static_cast<int32_t>(state.range(0)), Metric::dot);
  const std::string bytes = Scrolled(Encoded(schema, Records(schema)));
  PayloadDecoder payload(TheLayout());
  BatchBuilder builder(schema);
  google::protobuf::Arena arena;
  for (auto _ : state) {
    auto* response = google::protobuf::Arena::CreateMessage<pb::ScrollResponse>(&arena);
    if (!response->ParseFromString(bytes)) std::abort();
    for (const auto& point : response->result()) {
      payload.Begin();
      Status status = payload.BeginObject();
      for (const auto& [key, value] : point.payload()) {
        if (status.ok()) status = payload.Key(key);
        if (status.ok()) status = Visit(value, payload);
      }
      if (!status.ok() || !payload.EndObject().ok()) std::abort();
      const DecodedPayload decoded = payload.End(point.id().uuid()).ValueOrDie();
      builder.Id(UnmapId(TheLayout(), point.id().uuid(), decoded));
      builder.Metadata(decoded.metadata);
      const auto& data = point.vectors().vector().dense().data();
      builder.Vector(0, {reinterpret_cast<const char*>(data.data()), static_cast<size_t>(data.size()) * 4});
      builder.EndRow();
    }
    if (builder.Finish().ValueOrDie().rows() != kRows) std::abort();
    arena.Reset();
  }
  Count(state, bytes.size());
}

BENCHMARK(Encode<Metric::dot>)->Arg(384)->Arg(1536);
BENCHMARK(EncodeByMessages<Metric::dot>)->Arg(384)->Arg(1536);
BENCHMARK(Encode<Metric::cosine>)->Arg(384)->Arg(1536);
BENCHMARK(EncodeByMessages<Metric::cosine>)->Arg(384)->Arg(1536);
BENCHMARK(Decode)->Arg(384)->Arg(1536);
BENCHMARK(DecodeByMessages)->Arg(384)->Arg(1536);

}  // namespace

BENCHMARK_MAIN();
