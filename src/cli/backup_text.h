#pragma once
#include <iosfwd>

#include "migration/backup.h"

/// What the commands about backups found, as people read it. Everything that comes from outside is made printable.
namespace vecferry::cli {

void PrintBackup(std::ostream& out, const BackupReport& report);
void PrintRestore(std::ostream& out, const RestoreReport& report);
void PrintBackupCheck(std::ostream& out, const BackupVerifyReport& report);
void PrintBackups(std::ostream& out, const BackupList& list);
void PrintPrune(std::ostream& out, const PruneReport& report);

}  // namespace vecferry::cli
