#pragma once
#include <memory>

#include "connectors/csv/table.h"
#include "files/place.h"

namespace vecferry::csv {

/// A file with its side-car and what the options say of both.
struct Dataset {
  files::Place place;
  Wishes wishes;
  files::Place side_car() const { return place.Sibling(place.name() + kSideCar); }
};

Result<std::unique_ptr<Source>> OpenSource(const Dataset& dataset);
/// A file that is being written: what its columns are is known, and whose part it is.
Result<std::unique_ptr<Source>> OpenSource(const Dataset& dataset, const Table& written, const std::string& identity);
/// Rows of a file whatever its columns are, a header left out.
Result<int64_t> CountRows(const Dataset& dataset);
Result<std::unique_ptr<Sink>> OpenSink(const Dataset& dataset);
/// Whether a local file begins as one that this can read without a word of help: a header with an id and a vector.
bool LooksLikeCsv(const fs::path& path);

}  // namespace vecferry::csv
