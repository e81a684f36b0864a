#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>

#include <simdjson.h>

#include "connectors/jsonl/shapes.h"
#include "connectors/jsonl/value_stream.h"

/// The first byte is the shape, the rest a file. Nothing that a file holds is more than an error or a reject, and a point that is read is
/// written as one that reads back.
namespace {

using namespace vecferry;
using namespace vecferry::jsonl;

class Bytes final : public files::Input {
 public:
  explicit Bytes(std::string_view text) : text_(text) {}
  Result<size_t> ReadAt(int64_t offset, char* out, size_t size) const override {
    if (offset < 0 || static_cast<size_t>(offset) >= text_.size()) return size_t{0};
    const size_t n = std::min(size, text_.size() - static_cast<size_t>(offset));
    std::memcpy(out, text_.data() + offset, n);
    return n;
  }
  Result<files::Stamp> Stat() const override { return files::Stamp{}; }
  int64_t size() const override { return static_cast<int64_t>(text_.size()); }
  const std::string& name() const override { return name_; }

 private:
  std::string_view text_;
  const std::string name_ = "fuzz";
};

void Parse(const Wishes& wishes, ItemStream& items, const RecordSchema& schema) {
  const auto parser = MakeParser(wishes, schema);
  const auto again = MakeParser(wishes, schema);
  PointWriter writer(schema, wishes.layout);
  BatchBuilder builder(schema);
  while (true) {
    const auto item = items.Next();
    if (!item.ok() || !*item) return;
    if ((*item)->too_long || !parser->Parse((*item)->text, builder).ok() || builder.rows() == 0) continue;
    const RecordView view = builder.Finish().ValueOrDie();
    if (wishes.shape != Shape::scroll) continue;
    std::string written, id;
    if (!writer.Append(view, 0, &written, &id).ok()) continue;
    std::string indented;
    AppendIndented(written, 2, 0, &indented);
    const size_t size = indented.size();
    indented.append(simdjson::SIMDJSON_PADDING, ' ');
    if (!again->Parse({indented.data(), size}, builder).ok() || builder.Finish().ValueOrDie().id(0) != view.id(0)) std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 1) return 0;
  Wishes wishes;
  wishes.shape = data[0] % 3 == 0 ? Shape::scroll : data[0] % 3 == 1 ? Shape::columns : Shape::lines;
  wishes.layout.name = "default";
  const auto input = std::make_shared<Bytes>(std::string_view(reinterpret_cast<const char*>(data + 1), size - 1));
  const OpenInputs open = [&]() -> Result<std::shared_ptr<files::Input>> { return input; };
  Facts facts;
  {
    const auto items = OpenItems(open, wishes, 0);
    if (!items.ok()) return 0;
    RecordSchema none;
    const auto parser = MakeParser(wishes, none);
    while (true) {
      const auto item = (*items)->Next();
      if (!item.ok() || !*item) break;
      if (!(*item)->too_long) parser->LookAt((*item)->text, &facts);
    }
  }
  RecordSchema schema;
  schema.id_kind = facts.kind();
  schema.has_document = facts.document;
  schema.has_tenant = facts.tenant;
  schema.vectors = facts.vectors;
  if (auto items = OpenItems(open, wishes, 0); items.ok()) Parse(wishes, **items, schema);
  return 0;
}
