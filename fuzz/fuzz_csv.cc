#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <string>

#include "connectors/csv/rows.h"
#include "connectors/csv/row_reader.h"

/// The first byte is the size of the pieces that are read, the rest up to a NUL a side-car, and what follows a file. What is read in pieces
/// is what is read at once; a record that is read is written as a row that reads back.
namespace {

using namespace vecferry;
using namespace vecferry::csv;

ReadBytes Pieces(std::string_view text, size_t step) {
  return [text, at = size_t{0}, step](char* out, size_t size) mutable -> Result<size_t> {
    const size_t n = std::min({size, step, text.size() - at});
    std::memcpy(out, text.data() + at, n);
    at += n;
    return n;
  };
}

std::string Told(std::string_view text, size_t step, size_t max_row) {
  RowReader reader(Pieces(text, step), {}, 0, std::numeric_limits<int64_t>::max(), max_row);
  std::string told;
  if (!reader.SkipMark().ok()) return told;
  while (const auto row = reader.Next().ValueOrDie()) {
    told += std::to_string(row->begin) + "," + std::to_string(row->line) + "," + std::to_string(static_cast<int>(row->fault));
    if (row->fault != Row::Fault::too_long) {
      for (const Field& field : *row->fields) told += std::string(field.quoted ? "|q" : "|p") + std::string(field.text);
    }
    told += "\n";
  }
  return told;
}

Table Plain() {
  RecordSchema schema;
  schema.has_document = schema.has_tenant = true;
  schema.vectors = {{"", VectorKind::dense, Element::f32, 2, Metric::unknown, ""}, {"s", VectorKind::sparse, Element::f32, 0, Metric::unknown, ""},
                    {"m", VectorKind::multi, Element::f32, 2, Metric::unknown, ""}, {"b", VectorKind::dense, Element::bit, 5, Metric::unknown, ""}};
  Wishes wishes;
  wishes.columns = {"id", "tenant", "document", "metadata", "n", "t", "j", "embedding", "sparse:s", "multi:m", "vector:b"};
  wishes.types = {{"n", "int8"}, {"t", "timestamptz"}, {"j", "jsonb"}};
  return TableFor(schema, wishes).ValueOrDie();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 1) return 0;
  const size_t step = 1 + data[0] % 16;
  std::string_view text(reinterpret_cast<const char*>(data + 1), size - 1);
  const size_t nul = text.find('\0');
  Table table = Plain();
  if (nul != text.npos) {
    if (auto described = ParseSideCar(text.substr(0, nul)); described.ok()) {
      const std::string again = SideCarOf(*described);
      if (SideCarOf(ParseSideCar(again).ValueOrDie()) != again) std::abort();
      int64_t width = 0;
      for (const auto& vector : described->schema.vectors) width += vector.width();
      if (width < 4096 && described->schema.vectors.size() < 64) table = std::move(*described);
    }
    text.remove_prefix(nul + 1);
  }
  if (Told(text, step, kMaxRow) != Told(text, size, kMaxRow)) std::abort();
  (void)Told(text, step, 16);

  const Dialect dialect;
  RowReader reader(Pieces(text, size), dialect, 0, std::numeric_limits<int64_t>::max());
  RowParser parser(table, dialect);
  RowWriter writer(&table, dialect);
  BatchBuilder builder(table.schema);
  while (const auto row = reader.Next().ValueOrDie()) {
    if (!parser.Parse(*row, builder).ok()) continue;
    const RecordView view = builder.Finish().ValueOrDie();
    std::string written;
    // A wrapped object beside fields is read and has no place where it is written.
    if (!writer.Append(view, 0, &written).ok()) continue;
    RowReader back(Pieces(written, written.size()), dialect, 0, std::numeric_limits<int64_t>::max());
    const auto again = back.Next().ValueOrDie();
    if (!again || !parser.Parse(*again, builder).ok()) std::abort();
    if (builder.Finish().ValueOrDie().id(0) != view.id(0)) std::abort();
  }
  return 0;
}
