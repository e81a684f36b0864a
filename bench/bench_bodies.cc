#include <cstdio>
#include <random>

#include <benchmark/benchmark.h>

#include "chroma_model/records.h"
#include "connectors/pinecone/records.h"

/// Bodies of requests and answers in JSON, written from batches and read into them. Argument: dimensions. Bytes a second are those of the body.
namespace {

using namespace vecferry;

constexpr int64_t kRows = 1000;

RecordSchema Schema(int64_t dims) {
  RecordSchema schema;
  schema.has_document = true;
  schema.vectors = {{.dims = static_cast<int32_t>(dims), .metric = Metric::dot}};
  return schema;
}

const Layout& TheLayout() {
  static const Layout layout = [] {
    Layout made;
    made.name = "default";
    made.document_field = "text";
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
    std::snprintf(id, sizeof id, "record-%lld", static_cast<long long>(i));
    std::snprintf(metadata, sizeof metadata, R"({"kind":"note","n":%lld,"score":0.5})", static_cast<long long>(i));
    builder.Id(id);
    builder.Document("A sentence as long as those that people search for, with nothing to be escaped in it.");
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

std::string ChromaBody(chroma_model::RowEncoder& encoder, const RecordView& view) {
  std::vector<RowReject> rejects;
  encoder.Encode(view, &rejects);
  if (!rejects.empty()) std::abort();
  return encoder.Body(view);
}

template <bool base64>
void ChromaWrite(benchmark::State& state) {
  const RecordSchema schema = Schema(state.range(0));
  const RecordView view = Records(schema);
  chroma_model::RowEncoder encoder(schema, TheLayout(), base64);
  size_t bytes = 0;
  for (auto _ : state) {
    const std::string body = ChromaBody(encoder, view);
    benchmark::DoNotOptimize(body.data());
    bytes = body.size();
  }
  Count(state, bytes);
}

/// The columns of an upsert are those of an answer, which has no other.
void ChromaRead(benchmark::State& state) {
  const RecordSchema schema = Schema(state.range(0));
  chroma_model::RowEncoder encoder(schema, TheLayout(), false);
  const std::string answer = ChromaBody(encoder, Records(schema));
  chroma_model::RowDecoder decoder(schema, TheLayout());
  chroma_model::Page page;
  for (auto _ : state) {
    if (!chroma_model::Understood(answer, {.uris = false}, "reading", &page).ok()) std::abort();
    BatchBuilder builder(schema);
    for (size_t row = 0; row < page.rows(); ++row) {
      if (decoder.Append(page, row, builder)) std::abort();
    }
    benchmark::DoNotOptimize(builder.Finish().ValueOrDie().rows());
  }
  Count(state, answer.size());
}

pinecone::RecordForm Form(const RecordSchema& schema) {
  pinecone::RecordForm form;
  form.schema = schema;
  form.layout = pinecone::RecordForm::LayoutFor(TheLayout(), true);
  return form;
}

void PineconeWrite(benchmark::State& state) {
  const RecordSchema schema = Schema(state.range(0));
  const RecordView view = Records(schema);
  pinecone::RecordEncoder encoder(Form(schema));
  std::string body;
  for (auto _ : state) {
    body.clear();
    for (int64_t row = 0; row < kRows; ++row) {
      if (encoder.Append(view, row, &body)) std::abort();
    }
    benchmark::DoNotOptimize(body.data());
  }
  Count(state, body.size());
}

void PineconeRead(benchmark::State& state) {
  const RecordSchema schema = Schema(state.range(0));
  const RecordView view = Records(schema);
  const pinecone::RecordForm form = Form(schema);
  pinecone::RecordEncoder encoder(form);
  std::string answer = R"({"vectors":{)";
  for (int64_t row = 0; row < kRows; ++row) {
    if (row > 0) answer += ',';
    answer += '"' + std::string(view.id(row)) + "\":";
    if (encoder.Append(view, row, &answer)) std::abort();
  }
  answer += R"(},"namespace":""})";
  pinecone::RecordDecoder decoder(form);
  pinecone::VectorsText text;
  pinecone::VectorFacts facts;
  for (auto _ : state) {
    if (!text.ParseFetch(answer).ok()) std::abort();
    BatchBuilder builder(schema);
    for (const pinecone::VectorText& vector : text.vectors()) {
      if (decoder.Append(vector, "", builder, &facts)) std::abort();
    }
    benchmark::DoNotOptimize(builder.Finish().ValueOrDie().rows());
  }
  Count(state, answer.size());
}

BENCHMARK(ChromaWrite<true>)->Name("chroma write, vectors in base64")->Arg(384)->Arg(1536);
BENCHMARK(ChromaWrite<false>)->Name("chroma write, vectors as numbers")->Arg(384)->Arg(1536);
BENCHMARK(ChromaRead)->Name("chroma read")->Arg(384)->Arg(1536);
BENCHMARK(PineconeWrite)->Name("pinecone write")->Arg(384)->Arg(1536);
BENCHMARK(PineconeRead)->Name("pinecone read")->Arg(384)->Arg(1536);

}  // namespace

BENCHMARK_MAIN();
