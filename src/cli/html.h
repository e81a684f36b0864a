#pragma once
#include <string>

#include "migration/engine.h"

namespace vecferry::cli {

/// One HTML page that needs no other file. All that comes from outside is escaped.
std::string CopyHtml(const CopyReport& report);
std::string VerifyHtml(const VerifyReport& report, const std::string& source, const std::string& target);
/// & < > " ' and control characters as entities or \xNN.
std::string EscapeHtml(std::string_view text);

}  // namespace vecferry::cli
