#pragma once
#include <map>
#include <string>
#include <vector>

#include "base/error.h"
#include "connectors/sqlite_vec/mark.h"
#include "record/schema.h"
#include "sqlite/vec0_parser.h"

namespace vecferry::sqlite_vec {

/// How a vec0 table becomes records and records its rows: its key is the id, vectors are vectors, every other column is a
/// metadata field in the order declared, but for those that hold the document, the tenant, and metadata as JSON.
struct Mapping {
  sqlite::Vec0Table table;
  RecordSchema schema;
  std::vector<sqlite::Vec0Column> fields;    ///< metadata, partitions and auxiliary columns
  std::vector<std::string> prefixes;         ///< of each field in the metadata text: `"name":`
  int document = -1;                         ///< the one of `fields` that is the document
  int tenant = -1;                           ///< that is the tenant
  int metadata = -1;                         ///< that holds, as the JSON text of an object, what has no column of its own
  /// NULL in a field's column says that the record lacks the field; else it is a null. So where we made the table.
  bool null_is_missing = false;
  bool plain_json = true;                    ///< the JSON is somebody else's: {"$vf": ...} in it is nothing of ours

  /// Whether fields[i] is a metadata field of that name.
  bool IsField(size_t i) const {
    const int at = static_cast<int>(i);
    return at != document && at != tenant && at != metadata;
  }
};

Element ElementOf(sqlite::Vec0Element element);
/// The value of an option, "" where it is not given.
std::string OptionOf(const std::map<std::string, std::string>& options, const std::string& name);

/// Options: document, tenant, metadata, vector-name; where they say nothing, the mark. Category::usage where they name what is
/// not there.
Result<Mapping> MakeMapping(const sqlite::Vec0Table& table, const std::map<std::string, std::string>& options, const std::optional<Mark>& mark);

}  // namespace vecferry::sqlite_vec
