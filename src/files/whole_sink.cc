#include "files/whole_sink.h"

#include <fmt/format.h>

#include "base/text.h"

namespace vecferry::files {
namespace {

class EmptySource final : public Source {
 public:
  EmptySource(std::string store, std::string identity, RecordSchema schema) : store_(std::move(store)), identity_(std::move(identity)), schema_(std::move(schema)) {}
  Result<DatasetInfo> Describe() override {
    DatasetInfo info;
    info.store = store_;
    info.identity = identity_;
    info.schema = schema_;
    info.count = 0;
    info.count_exact = true;
    info.consistency = Consistency::frozen;
    return info;
  }
  Result<std::vector<Split>> Splits(int) override { return std::vector<Split>(); }
  Result<std::unique_ptr<SplitReader>> Read(const Split&, const Cursor&, const ReadOptions&) override { return MakeError(Category::usage, "nothing is written yet"); }

 private:
  const std::string store_, identity_;
  const RecordSchema schema_;
};

}  // namespace

Status WholeSink::NotByKey() const {
  return MakeError(Category::unsupported, fmt::format("records of {} cannot be changed one by one", what_), fmt::format("undo the run as a whole: {} removed", removed_));
}

std::unique_ptr<Source> MakeEmptySource(std::string store, std::string identity, RecordSchema schema) {
  return std::make_unique<EmptySource>(std::move(store), std::move(identity), std::move(schema));
}

Status CheckOnlyOurs(const Place& place, const std::vector<Place::Listed>& files, const std::function<bool(const std::string& relative)>& ours) {
  for (const auto& file : files) {
    if (ours(file.relative)) continue;
    return MakeError(Category::refused, fmt::format("{} holds other files, such as {}", place.text(), Printable(file.relative, 100)), "name a folder of its own");
  }
  return Status::OK();
}

}  // namespace vecferry::files
