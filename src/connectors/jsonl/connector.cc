#include <fmt/format.h>

#include "connectors/jsonl/jsonl.h"
#include "connectors/jsonl/scroll_output.h"
#include "connectors/jsonl/shapes.h"
#include "files/exact_file.h"

namespace vecferry::jsonl {
namespace {

Connector::Info MakeInfo() {
  Connector::Info info;
  info.scheme = "jsonl";
  info.title = "JSON: lines of our own, and the shapes that others export";
  info.example = "jsonl:docs.jsonl";
  info.backup_ending = ".jsonl";
  info.notes = "Every type of the record comes back as it was; docs/formats/jsonl.md is the format. The file appears when it is whole.\n"
      "`shape=qdrant-scroll` reads and writes the answers of Qdrant's scroll (`batch_*.json`), one file or a folder; `columns` reads one object of arrays as Chroma's\n"
      "get() gives it, `lines` objects a line whose fields are named by options (docs/formats/json_shapes.md). Compressed input is recognised.";
  info.capabilities = files::ExactFileCapabilities();
  info.capabilities.expansion = 4.0;
  info.options = ShapeOptions();
  const auto s3 = files::S3OptionSpecs();
  info.options.insert(info.options.end(), s3.begin(), s3.end());
  return info;
}

/// What a location names, and how it is to be read or written.
struct Named {
  files::Place place;
  Wishes wishes;
  bool shape_said = false;
};
Result<Named> NamedBy(const Connector::Info& info, const Location& location, const Layout* layout) {
  ARROW_ASSIGN_OR_RAISE(const auto options, CheckOptions(info.options, location.options, "option of jsonl"));
  if (!location.dataset.empty()) return MakeError(Category::usage, "a jsonl file is one dataset and has no names in it", "leave out what follows the '#'");
  Named named;
  ARROW_ASSIGN_OR_RAISE(named.place, files::Place::Of(location));
  ARROW_ASSIGN_OR_RAISE(named.wishes, ParseWishes(options, layout));
  named.shape_said = location.options.contains("shape");
  return named;
}

class JsonlConnector final : public Connector {
 public:
  const Info& info() const override { return info_; }

  Result<std::vector<DatasetSummary>> List(const Location& location, const OpenContext& context) override {
    ARROW_ASSIGN_OR_RAISE(const auto source, OpenSource(location, context));
    ARROW_ASSIGN_OR_RAISE(const DatasetInfo there, source->Describe());
    return std::vector<DatasetSummary>{{"", there.count, fmt::format("{} vectors", there.schema.vectors.size())}};
  }

  Result<Capabilities> CapabilitiesOf(const Location& location) const override {
    const auto shape = location.options.find("shape");
    if (shape == location.options.end() || shape->second == "records") return info_.capabilities;
    Capabilities can = ScrollCapabilities();
    can.sink = can.undo = shape->second == "qdrant-scroll";
    return can;
  }

  Result<std::unique_ptr<Source>> OpenSource(const Location& location, const OpenContext& context) override {
    ARROW_ASSIGN_OR_RAISE(Named named, NamedBy(info_, location, context.layout));
    if (!named.shape_said && named.place.is_local()) named.wishes.shape = RecogniseShape(named.place.local()).value_or(Shape::ours);
    if (named.wishes.shape != Shape::ours) return OpenForeign(named.place, named.wishes);
    ARROW_ASSIGN_OR_RAISE(const auto there, named.place.Stat());
    return there ? jsonl::OpenSource(named.place) : named.place.Missing();
  }

  Result<std::unique_ptr<Sink>> OpenSink(const Location& location, const OpenContext& context) override {
    ARROW_ASSIGN_OR_RAISE(const Named named, NamedBy(info_, location, context.layout));
    if (named.wishes.shape == Shape::ours) return jsonl::OpenSink(named.place);
    if (named.wishes.shape == Shape::scroll) return OpenScrollSink(named.place, named.wishes);
    return MakeError(Category::unsupported, "files of this shape are read and not written", "write jsonl: without a shape, or with shape=qdrant-scroll");
  }

  bool Recognises(const fs::path& path) const override { return RecogniseShape(path).has_value(); }

 private:
  const Info info_ = MakeInfo();
};

}  // namespace

std::unique_ptr<Connector> MakeJsonlConnector() { return std::make_unique<JsonlConnector>(); }

}  // namespace vecferry::jsonl
