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
/// A file of JSON lines as a dataset.
Location LinesAt(const fs::path& file);
/// One backup by its manifest and sizes. A manifest that cannot be read is a state, not a failure.
BackupEntry LookAt(const fs::path& file);

}  // namespace vecferry::internal
