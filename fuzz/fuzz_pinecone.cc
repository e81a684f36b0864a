// What a Pinecone service may answer: the first byte says to what. Whatever is read as a record is written again as one.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "base/text.h"
#include "connectors/pinecone/names.h"
#include "connectors/pinecone/records.h"
#include "layouts/layouts.h"

namespace {

using namespace vecferry;
using namespace vecferry::pinecone;

RecordForm FormFor(bool floats) {
  RecordForm form;
  form.schema.has_document = true;
  form.schema.vectors = {{"", VectorKind::dense, Element::f32, 2, Metric::dot, ""}, {"s", VectorKind::sparse, Element::f32, 0, Metric::dot, ""}};
  form.layout = RecordForm::LayoutFor(DefaultLayout(), true);
  form.metadata.encode = true;
  form.metadata.as_floats = floats;
  return form;
}

void Vectors(std::string_view text, bool matches, bool floats) {
  VectorsText vectors;
  const Status parsed = matches ? vectors.ParseMatches(std::string(text)) : vectors.ParseFetch(std::string(text));
  if (!parsed.ok()) return;
  const RecordForm form = FormFor(floats);
  RecordDecoder decoder(form);
  RecordEncoder encoder(form);
  BatchBuilder builder(form.schema);
  VectorFacts facts;
  for (const auto& vector : vectors.vectors()) (void)decoder.Append(vector, "ns", builder, &facts);
  const auto view = builder.Finish();
  if (!view.ok()) abort();
  std::string out;
  for (int64_t row = 0; row < view->rows(); ++row) (void)encoder.Append(*view, row, &out);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0] % 8) {
    case 0: Vectors(text, false, false); break;
    case 1: Vectors(text, true, true); break;
    case 2: (void)ParseIdPage(text); break;
    case 3: (void)ParseStats(text); break;
    case 4: (void)ParseIndexes(text); break;
    case 5: (void)ParseIndex(text); break;
    case 6: (void)ParseError(text); break;
    default: {
      const auto space = NamespaceOf(text);
      if (space.ok() && IsValidUtf8(text) && TenantOf(*space) != text) abort();
    }
  }
  return 0;
}
