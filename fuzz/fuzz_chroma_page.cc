// The answers of a Chroma server: pages of records, neighbours, collections, errors. A record that is read is written, and what is written is
// read as the same record.
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "chroma_model/page.h"
#include "chroma_model/parameters.h"
#include "chroma_model/records.h"

namespace {

using namespace vecferry;
using namespace vecferry::chroma_model;

const Layout& TheLayout() {
  static const Layout layout = [] {
    Layout made;
    made.name = "default";
    return made;
  }();
  return layout;
}

RecordSchema Schema() {
  RecordSchema schema;
  schema.has_document = schema.has_tenant = true;
  schema.vectors = {{"", VectorKind::dense, Element::f32, 2, Metric::l2, ""}};
  return schema;
}

std::string Shown(const RecordView& view, int64_t row) {
  std::string text = std::string(view.document(row).value_or("-")) + "|" + std::string(view.tenant(row).value_or("-")) + "|";
  JsonReader json;
  if (!json.AppendCanonical(view.metadata(row).value_or("{}"), &text).ok()) text += *view.metadata(row);
  return text;
}

void ThereAndBack(const RecordView& view, int64_t row) {
  MetadataEncoder encoder(TheLayout());
  OutgoingRecord out;
  if (!encoder.Encode(view, row, &out).ok()) return;
  MetadataDecoder decoder(TheLayout(), true, true);
  IncomingRecord in;
  in.document = view.document(row);
  if (out.uri) in.uri = *out.uri;
  in.metadata = out.metadata;
  const auto payload = decoder.Decode(in);
  if (!payload.ok()) __builtin_trap();
  std::string again = payload->document.value_or("-") + "|" + payload->tenant.value_or("-") + "|";
  JsonReader json;
  if (!json.AppendCanonical(payload->metadata, &again).ok() || again != Shown(view, row)) __builtin_trap();
}

void Records(std::string_view bytes) {
  Page page;
  if (!ParsePage(bytes, &page).ok()) return;
  RowDecoder decoder(Schema(), TheLayout());
  BatchBuilder builder(Schema());
  std::vector<std::string> images;
  const size_t rows = std::min<size_t>(page.rows(), 64);
  for (size_t row = 0; row < rows; ++row) {
    (void)decoder.Append(page, row, builder);
    if (auto image = ImageOf(page, row); image.ok()) images.push_back(*std::move(image));
  }
  const auto batch = builder.Finish();
  if (!batch.ok()) __builtin_trap();
  for (int64_t row = 0; row < batch->rows(); ++row) ThereAndBack(*batch, row);
  (void)BodyOfImages({images.begin(), images.end()});
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  Records(bytes);
  (void)ParseNeighbours(bytes);
  (void)ParseServerError(bytes);
  for (const Kept& kept : {Kept{std::string(bytes), "", ""}, Kept{"", std::string(bytes), ""}, Kept{"", "", std::string(bytes)}}) {
    const auto parameters = ParametersOf(kept);
    if (!parameters.ok()) continue;
    if (!CreationOf("docs", SchemaOf(*parameters, 2), SettingsOf(*parameters)).ok()) __builtin_trap();
  }
  return 0;
}
