#pragma once
#include <map>
#include <string>
#include <vector>

#include "base/error.h"
#include "record/schema.h"
#include "sqlite/vec0_parser.h"

namespace vecferry::sqlite_vec {

/// How a vec0 table becomes records: its key is the id, vectors are vectors, every other column is a metadata field
/// in the order declared, but for the one that was named as the document.
struct Mapping {
  sqlite::Vec0Table table;
  RecordSchema schema;
  std::vector<sqlite::Vec0Column> fields;    ///< metadata, partitions and auxiliary columns
  std::vector<std::string> prefixes;         ///< of each field in the metadata text: `"name":`
  int document = -1;                         ///< the one of `fields` that is the document
};

/// Options: document, vector-name. Category::usage where they name what is not there.
Result<Mapping> MakeMapping(const sqlite::Vec0Table& table, const std::map<std::string, std::string>& options);

}  // namespace vecferry::sqlite_vec
