#include <fmt/format.h>

#include "base/text.h"
#include "connectors/jsonl/jsonl.h"

namespace vecferry::jsonl {
namespace {

Connector::Info MakeInfo() {
  Connector::Info info;
  info.scheme = "jsonl";
  info.title = "A file of JSON lines, one record each";
  info.example = "jsonl:docs.jsonl";
  info.backup_ending = ".jsonl";
  info.notes = "Every type of the record comes back as it was; docs/formats/jsonl.md is the format. The file appears when it is whole.";
  Capabilities& can = info.capabilities;
  can.source = can.sink = can.undo = true;
  can.consistency = Consistency::frozen;
  can.unique_ids = false;
  can.ids = {IdKind::string, IdKind::u64, IdKind::i64, IdKind::uuid, IdKind::mixed};
  can.dense = {Element::f32, Element::f16, Element::bf16, Element::u8, Element::i8, Element::bit};
  can.sparse = can.multi = can.named_vectors = can.missing_vectors = can.no_vectors = can.unknown_metric = can.extras = true;
  can.max_vectors = 1000;
  can.metrics = {Metric::cosine, Metric::dot, Metric::l2, Metric::l1, Metric::hamming, Metric::jaccard};
  can.json = AllJsonFeatures();
  can.replay = Replay::truncate_and_replay;
  can.replace = ReplaceMode::atomic;
  can.appends = false;
  can.expansion = 4.0;
  return info;
}

Result<fs::path> FileOf(const Connector::Info& info, const Location& location) {
  ARROW_RETURN_NOT_OK(CheckOptions(info.options, location.options, "option of jsonl").status());
  if (!location.dataset.empty()) return MakeError(Category::usage, "a jsonl file is one dataset and has no names in it", "leave out what follows the '#'");
  if (location.path.empty()) return MakeError(Category::usage, "no file is named", "write it as jsonl:FILE");
  return ExpandHome(location.path);
}

class JsonlConnector final : public Connector {
 public:
  const Info& info() const override { return info_; }

  Result<std::vector<DatasetSummary>> List(const Location& location, const OpenContext& context) override {
    ARROW_ASSIGN_OR_RAISE(const auto source, OpenSource(location, context));
    ARROW_ASSIGN_OR_RAISE(const DatasetInfo there, source->Describe());
    return std::vector<DatasetSummary>{{"", there.count, fmt::format("{} vectors", there.schema.vectors.size())}};
  }

  Result<std::unique_ptr<Source>> OpenSource(const Location& location, const OpenContext&) override {
    ARROW_ASSIGN_OR_RAISE(const fs::path file, FileOf(info_, location));
    std::error_code ec;
    if (!fs::exists(file, ec)) return Missing(file);
    return jsonl::OpenSource(file);
  }

  Result<std::unique_ptr<Sink>> OpenSink(const Location& location, const OpenContext&) override {
    ARROW_ASSIGN_OR_RAISE(const fs::path file, FileOf(info_, location));
    return jsonl::OpenSink(file);
  }

  bool Recognises(const fs::path& path) const override { return HasHeader(path); }

 private:
  static Status Missing(const fs::path& file) {
    std::vector<std::string> names;
    std::error_code ec;
    for (fs::directory_iterator it(file.has_parent_path() ? file.parent_path() : ".", ec), end; !ec && it != end && names.size() < 1000; it.increment(ec)) {
      names.push_back(it->path().filename().string());
    }
    return MakeError(Category::not_found, fmt::format("{} does not exist{}", Printable(file.string()), Suggestion(file.filename().string(), names)),
                     "check the path");
  }
  const Info info_ = MakeInfo();
};

}  // namespace

std::unique_ptr<Connector> MakeJsonlConnector() { return std::make_unique<JsonlConnector>(); }

}  // namespace vecferry::jsonl
