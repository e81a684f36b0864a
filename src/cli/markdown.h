#pragma once
#include <string>

#include "connector/connector.h"

/// The generated parts of the documentation, as Markdown.
namespace vecferry::cli {

std::string CommandsMarkdown();
std::string StoresTable(const Registry& registry);
/// Table of the kinds of store and what copies between them keep, for README.md.
std::string StoresSummary(const Registry& registry);
/// docs/reference/stores.md: the matrix, then each kind with its options.
std::string StoresMarkdown(const Registry& registry);
std::string ExitCodesMarkdown();
/// The matrix's "yes", "no" and further columns of one kind: name of the column and value.
std::vector<std::pair<std::string, std::string>> CapabilityRow(const Connector::Info& info);
/// Options of a kind or flags of a group as a table.
std::string OptionsTable(const std::vector<OptionSpec>& options);

}  // namespace vecferry::cli
