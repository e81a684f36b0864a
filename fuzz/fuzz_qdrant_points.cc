#include <optional>
#include <string>
#include <string_view>

#include "connectors/qdrant/points.h"
#include "net/wire.h"

/// A server's answer to a scroll. What is a record is encoded and decoded again and must be the same record; so must the point
/// that a before-image of it gives.
namespace {

using namespace vecferry;
using namespace vecferry::qdrant;

const RecordSchema& Schema() {
  static const RecordSchema schema = [] {
    RecordSchema made;
    made.id_kind = IdKind::mixed;
    made.has_document = true;
    made.vectors = {{.name = "", .dims = 2, .metric = Metric::dot},
                    {.name = "half", .element = Element::f16, .dims = 2, .metric = Metric::dot},
                    {.name = "small", .element = Element::u8, .dims = 3, .metric = Metric::dot},
                    {.name = "m\xc3\xbc", .kind = VectorKind::multi, .dims = 2, .metric = Metric::dot},
                    {.name = "s", .kind = VectorKind::sparse}};
    return made;
  }();
  return schema;
}

const Layout& TheLayout() {
  static const Layout layout = [] {
    Layout made;
    made.name = "default";
    made.bookkeeping = Layout::Bookkeeping{"1", {"a"}};
    return made;
  }();
  return layout;
}

/// The one point of an UpsertPoints message as a server gives it back.
std::string Retrieved(std::string_view upsert) {
  std::string out;
  WireReader points(upsert);
  WireField point, field;
  if (!points.Next(&point)) __builtin_trap();
  WireReader reader(point.bytes);
  while (reader.Next(&field)) AppendBytesField(field.number == 3 ? 2 : field.number, field.bytes, &out);
  if (!reader.ok()) __builtin_trap();
  return out;
}

std::string Shown(const RecordView& view) {
  std::string text = std::string(view.id(0)) + "|" + std::string(view.document(0).value_or("-")) + "|";
  JsonReader json;
  // Text that our own reader takes is compared in its canonical form: members may change places.
  if (!json.AppendCanonical(view.metadata(0).value_or("{}"), &text).ok()) text += *view.metadata(0);
  for (const auto& column : view.vectors()) {
    text += '|';
    if (column.IsNull(0)) continue;
    text += '=';
    if (column.spec.kind == VectorKind::dense) text += column.Dense(0);
    if (column.spec.kind == VectorKind::dense || column.offsets[1] == 0) continue;
    const auto n = static_cast<size_t>(column.offsets[1]);
    if (column.spec.kind == VectorKind::multi) {
      text.append(reinterpret_cast<const char*>(column.data), n * static_cast<size_t>(column.width));
    } else {
      text.append(reinterpret_cast<const char*>(column.indices), 4 * n);
      text.append(reinterpret_cast<const char*>(column.values), 4 * n);
    }
  }
  return text;
}

/// The record, or nothing where the point is at fault.
std::optional<RecordView> Decode(std::string_view point) {
  PointDecoder decoder(Schema(), TheLayout());
  BatchBuilder builder(Schema());
  PointFacts facts;
  const Fault fault = decoder.Append(point, builder, &facts);
  if (builder.rows() != (fault || facts.bookkeeping ? 0 : 1)) __builtin_trap();
  if (builder.rows() == 0) return std::nullopt;
  const auto id = PointDecoder::IdOf(point);
  if (!id.ok() || !(*id == facts.id)) __builtin_trap();
  return builder.Finish().ValueOrDie();
}

void ThereAndBack(const RecordView& record, Dialect dialect) {
  PointEncoder encoder(Schema(), TheLayout(), dialect);
  std::string bytes;
  if (encoder.Append(record, 0, &bytes)) {
    if (!bytes.empty()) __builtin_trap();
    return;
  }
  const auto again = Decode(Retrieved(bytes));
  // A record may be spelled as the application's own point: only that is not given back.
  if (again ? Shown(*again) != Shown(record) : record.id(0) != "1") __builtin_trap();
}

void Image(std::string_view point, Dialect dialect, const std::optional<RecordView>& record) {
  std::string image;
  const bool made = AppendAsPoint(point, dialect, &image).ok();
  if (!made && !image.empty()) __builtin_trap();
  if (!record) return;
  const auto again = made ? Decode(Retrieved(image)) : std::nullopt;
  if (made && (!again || Shown(*again) != Shown(*record))) __builtin_trap();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  (void)ParseGetResponse(input);
  const auto page = ParseScrollResponse(input);
  if (!page.ok()) return 0;
  size_t taken = 0;
  for (const auto point : page->points) {
    if (++taken > 16) break;
    const auto record = Decode(point);
    for (const bool oneof : {true, false}) {
      if (record) ThereAndBack(*record, {.vector_oneof = oneof});
      Image(point, {.vector_oneof = oneof}, record);
    }
  }
  return 0;
}
