#pragma once
#include <map>
#include <string>

#include "connector/connector.h"
#include "connectors/sqlite_vec/mark.h"

namespace vecferry::sqlite_vec {

/// The setting with which a vec0 table tells another one what columns to have: its CREATE VIRTUAL TABLE text.
inline constexpr const char* kDeclarationSetting = "sqlite-vec.declaration";

/// A table that is to be made.
struct NewTable {
  std::string columns;  ///< what stands between the parentheses of USING vec0(...): written here, whatever it was asked with
  Mark mark;            ///< without the run
};

/// The columns for records of that schema. Options: columns (of metadata fields), chunk-size. A table of the same kind hands its own on by
/// kDeclarationSetting. Category::unsupported for what vec0 cannot declare, usage for options that it does not understand.
Result<NewTable> DesignTable(const SinkSpec& spec, const std::map<std::string, std::string>& options);
/// The CREATE VIRTUAL TABLE text.
std::string CreateSql(const std::string& table, const std::string& columns);

}  // namespace vecferry::sqlite_vec
