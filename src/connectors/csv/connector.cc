#include <fmt/format.h>

#include "base/text.h"
#include "connectors/csv/csv.h"
#include "connectors/csv/dataset.h"
#include "files/exact_file.h"

namespace vecferry {
namespace csv {
namespace {

Connector::Info MakeInfo() {
  Connector::Info info;
  info.scheme = "csv";
  info.title = "A CSV file, as PostgreSQL's \\copy takes and gives it";
  info.example = "csv:docs.csv";
  info.options = Options();
  const auto s3 = files::S3OptionSpecs();
  info.options.insert(info.options.end(), s3.begin(), s3.end());
  info.notes =
      "RFC 4180 with a header; vectors are text as pgvector writes it, an empty field without quotes is NULL. What CSV cannot say (the kind of the ids, the metric,\n"
      "element types) stands in `FILE.schema.json` beside it, which the reading does without where options say the rest. Compressed input is recognised.\n"
      "Columns that no option types are text: nothing is guessed but what kind of vector a column holds. docs/formats/csv.md is the format.";
  info.capabilities = files::ExactFileCapabilities();
  info.capabilities.expansion = 4.0;
  return info;
}

class CsvConnector final : public Connector {
 public:
  const Info& info() const override { return info_; }

  Result<std::vector<DatasetSummary>> List(const Location& location, const OpenContext& context) override {
    ARROW_ASSIGN_OR_RAISE(const auto source, OpenSource(location, context));
    ARROW_ASSIGN_OR_RAISE(const DatasetInfo there, source->Describe());
    return std::vector<DatasetSummary>{{"", there.count, fmt::format("{} vectors", there.schema.vectors.size())}};
  }

  Result<std::unique_ptr<Source>> OpenSource(const Location& location, const OpenContext& context) override {
    ARROW_ASSIGN_OR_RAISE(const Dataset dataset, DatasetOf(location, context));
    ARROW_ASSIGN_OR_RAISE(const auto there, dataset.place.Stat());
    if (!there) return dataset.place.Missing();
    if (there->folder) return MakeError(Category::usage, fmt::format("{} is a folder", dataset.place.text()), "name a file in it");
    return csv::OpenSource(dataset);
  }

  Result<std::unique_ptr<Sink>> OpenSink(const Location& location, const OpenContext& context) override {
    ARROW_ASSIGN_OR_RAISE(const Dataset dataset, DatasetOf(location, context));
    return csv::OpenSink(dataset);
  }

  bool Recognises(const fs::path& path) const override { return LooksLikeCsv(path); }

 private:
  Result<Dataset> DatasetOf(const Location& location, const OpenContext& context) const {
    ARROW_ASSIGN_OR_RAISE(const auto options, CheckOptions(info_.options, location.options, "option of csv"));
    if (!location.dataset.empty()) return MakeError(Category::usage, "a CSV file is one dataset and has no names in it", "leave out what follows the '#'");
    if (location.path.empty()) return MakeError(Category::usage, "no file is named", "write it as csv:FILE");
    Dataset dataset;
    ARROW_ASSIGN_OR_RAISE(dataset.place, files::Place::Of(location));
    ARROW_ASSIGN_OR_RAISE(dataset.wishes, ParseWishes(options, context.layout));
    return dataset;
  }
  const Info info_ = MakeInfo();
};

}  // namespace
}  // namespace csv

std::unique_ptr<Connector> MakeCsvConnector() { return std::make_unique<csv::CsvConnector>(); }

}  // namespace vecferry
