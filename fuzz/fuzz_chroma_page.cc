// The answers of a Chroma server: pages of records, neighbours, collections, errors.
#include <cstdint>
#include <string_view>

#include "chroma_model/page.h"
#include "chroma_model/parameters.h"
#include "chroma_model/records.h"

using namespace vecferry;
using namespace vecferry::chroma_model;

namespace {

void Records(std::string_view bytes) {
  Page page;
  if (!ParsePage(bytes, &page).ok()) return;
  RecordSchema schema;
  schema.has_document = schema.has_tenant = true;
  schema.vectors = {{"", VectorKind::dense, Element::f32, 2, Metric::l2, ""}};
  Layout layout;
  RowDecoder decoder(schema, layout);
  BatchBuilder builder(schema);
  std::vector<std::string> images;
  for (size_t row = 0; row < page.rows(); ++row) {
    (void)decoder.Append(page, row, builder);
    if (auto image = ImageOf(page, row); image.ok()) images.push_back(*std::move(image));
  }
  (void)builder.Finish();
  (void)BodyOfImages({images.begin(), images.end()});
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  Records(bytes);
  (void)ParseNeighbours(bytes);
  (void)ParseServerError(bytes);
  (void)ParametersOf({std::string(bytes), "", ""});
  (void)ParametersOf({"", std::string(bytes), ""});
  (void)ParametersOf({"", "", std::string(bytes)});
  return 0;
}
