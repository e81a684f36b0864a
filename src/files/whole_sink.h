#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "connector/connector.h"
#include "files/place.h"

namespace vecferry::files {

/// A sink that writes its files as a whole, so no record of it is ever there before and none is changed alone: what is left to a
/// format to undo is DropDataset.
class WholeSink : public Sink, public Undo {
 public:
  /// As an error names them: "a CSV file", and what undoing the run removes, "the file is".
  WholeSink(std::string_view what, std::string_view removed) : what_(what), removed_(removed) {}
  Undo* undo() override { return this; }
  Result<std::vector<std::optional<std::string>>> Capture(const std::vector<std::string_view>&, const std::vector<std::string_view>&) override { return NotByKey(); }
  Status Restore(const std::vector<std::string_view>&, const std::vector<std::string_view>&, const std::vector<std::string_view>&) override { return NotByKey(); }
  Status DeleteIds(const std::vector<std::string_view>&, const std::vector<std::string_view>&) override { return NotByKey(); }

 private:
  /// Category::unsupported.
  Status NotByKey() const;
  const std::string what_, removed_;
};

/// Of a dataset without a record: records of unfinished files are nobody's yet, so what is read back then is empty.
std::unique_ptr<Source> MakeEmptySource(std::string store, std::string identity, RecordSchema schema);

/// Category::refused where a file of the folder is not `ours`: a folder that holds anything else is not to be exchanged for another.
Status CheckOnlyOurs(const Place& place, const std::vector<Place::Listed>& files, const std::function<bool(const std::string& relative)>& ours);

}  // namespace vecferry::files
