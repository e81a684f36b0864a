#pragma once
#include <map>
#include <optional>
#include <string>

#include "connector/connector.h"

namespace vecferry::parquet_store {

/// What a file says beyond its columns, by key of the footer: layout and settings of the dataset.
Result<std::map<std::string, std::string>> FooterFacts(const SinkSpec& spec);
/// As they were when the run began, also for a resumed one.
Result<std::map<std::string, std::string>> ChosenFacts(const SinkSpec& spec);
/// Texts by name; Category::corrupt for what is none or too large.
Result<std::map<std::string, std::string>> ParseTexts(const std::string& json);
/// `key=VALUE` of a folder: all but letters, digits and "-_.~ " are %XX; no value is Hive's own word for none.
std::string FolderOf(const std::string& key, const std::optional<std::string>& value);
/// Back; nothing for a name that is no partition.
std::optional<std::pair<std::string, std::optional<std::string>>> ParseFolder(std::string_view name);

}  // namespace vecferry::parquet_store
