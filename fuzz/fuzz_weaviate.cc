#include <string>
#include <string_view>

#include "connectors/weaviate/class_schema.h"
#include "connectors/weaviate/dataset.h"
#include "connectors/weaviate/object_image.h"
#include "connectors/weaviate/objects.h"
#include "weaviate_pb/weaviate.pb.h"

/// What a server answers: a page of objects over gRPC (first byte even), a class's definition or a page with references as JSON. An object that is a record
/// is one that our own reader takes, or a reject.
namespace {

using namespace vecferry;
using namespace vecferry::weaviate;

const Shape& TheShape() {
  static const Shape shape = [] {
    Shape made;
    made.schema.has_document = made.schema.has_tenant = true;
    made.schema.vectors = {{.name = "", .dims = 2, .metric = Metric::dot}, {.name = "a", .dims = 3, .metric = Metric::cosine}, {.name = "m", .kind = VectorKind::multi, .dims = 2, .metric = Metric::dot}};
    return made;
  }();
  return shape;
}

void Objects(std::string_view bytes) {
  pb::SearchReply reply;
  if (!reply.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) return;
  Layout layout;
  layout.name = "default";
  for (const bool nulls : {false, true}) {
    BatchBuilder builder(TheShape().schema);
    ObjectDecoder decoder(TheShape(), layout, nulls);
    int64_t rows = 0;
    for (const auto& object : reply.results()) {
      ObjectFacts facts;
      const auto reject = decoder.Append(object, "", nullptr, builder, &facts);
      if (reject.ok() && !*reject) ++rows;
      if (builder.rows() != rows) __builtin_trap();
      pb::BatchObject image;
      ImageOf(object, ClassSchema(), {}, &image);
    }
    if (builder.Finish()->rows() != rows) __builtin_trap();
  }
}

void Definitions(const std::string& text) {
  const auto parsed = ParseClass(text);
  if (!parsed.ok()) return;
  const PropertyTable table(*parsed);
  pb::SearchRequest request;
  SetWanted(*parsed, TheShape(), Layout(), false, &request);
  const auto plan = PlanClass("New", TheShape().schema, parsed->multi_tenant, true, text);
  if (plan.ok() && !ParseClass(plan->create).ok()) __builtin_trap();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2 || size > 1 << 20) return 0;
  const std::string text(reinterpret_cast<const char*>(data + 1), size - 1);
  switch (data[0] % 3) {
    case 0: Objects(text); break;
    case 1: Definitions(text); break;
    default: (void)ParseReferences(text, {"seeAlso", "r"});
  }
  return 0;
}
