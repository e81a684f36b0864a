#pragma once
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "connector/location.h"
#include "connectors/postgresql/client.h"
#include "connectors/postgresql/names.h"
#include "options/option.h"
#include "record/schema.h"

namespace vecferry::postgresql {

/// What the options of a location say, libpq's own among them. Every name that libpq knows is libpq's, every other one ours.
struct Options {
  std::map<std::string, std::string> connection;   ///< libpq parameters: those of the authority and those after '?'
  double statement_timeout = 0;                    ///< seconds, 0: none
  double lock_timeout = 0;
  bool row_security = false;

  std::string query;                               ///< a SELECT to be read, "" for a table
  std::optional<RelationName> table;               ///< nothing where the dataset is a query or is not named
  // Which column is what; empty where the layout, the primary key and the types decide.
  std::vector<std::string> id;                     ///< several make a composite id
  std::vector<std::string> key;                    ///< what splits and cursors run over
  std::vector<std::string> vectors;
  std::vector<std::string> columns;                ///< the fields to carry, all where empty
  std::optional<std::string> document, metadata, tenant;  ///< "" says that there is none
  std::string collection;                          ///< of layouts that keep several in one table
  std::string vector_name;
  int32_t dims = 0;                                ///< of columns without a declared dimension
  std::optional<Metric> metric;                    ///< where no index tells it
};

/// Every option, libpq's (marked as reaching) and ours, of source and sink.
std::vector<OptionSpec> OptionSpecs();

/// Category::usage for what is unknown or does not parse. `path` of the location is "//USER:PASSWORD@HOST:PORT,.../DATABASE".
Result<Options> ParseOptions(const Location& location);
/// The session that those options ask for.
ConnectSpec ConnectSpecOf(const Options& options, const CancelToken* cancel);

}  // namespace vecferry::postgresql
