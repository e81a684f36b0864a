#pragma once
#include <string>
#include <vector>

#include "base/sha256.h"
#include "migration/backup.h"
#include "migration/open.h"

/// What the verbs of backups share.
namespace vecferry::internal {

void SendProgress(const Engine& engine, const std::string& phase, const std::string& unit, int64_t done, int64_t total);
/// SumFile that tells how far it is and can be interrupted. `total` is -1 where it is not known.
Result<FileSum> SumWithProgress(const Engine& engine, const fs::path& file, int64_t total);
/// The data of a backup against its manifest: what is wrong with size and sum.
Result<std::vector<std::string>> CheckFiles(const Engine& engine, const fs::path& file, const BackupManifest& manifest);
/// The form of backups whose ending the file has; nothing where it has none's.
const Connector* FormOf(const Engine& engine, const fs::path& file);
/// A backup of records as a dataset. Category::usage where the file's ending is that of no form.
Result<Location> RecordsAt(const Engine& engine, const fs::path& file);
/// "FILE.jsonl or FILE.parquet": what a backup of records can be named.
std::string NamesOfForms(const Engine& engine, std::string_view file);
/// One backup by its manifest and sizes. A manifest that cannot be read is a state, not a failure.
BackupEntry LookAt(const fs::path& file);

}  // namespace vecferry::internal
