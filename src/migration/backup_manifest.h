#pragma once
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/files.h"
#include "record/schema.h"

namespace vecferry {

/// What stands beside a backup and says what it is: FILE.manifest.json (docs/formats/backup.md). It is written last, so a
/// file without one is no backup yet.
struct BackupManifest {
  enum class Kind {
    records,  ///< in the form that the file's ending names, written by a copy
    sqlite,   ///< a database file as a whole
  };
  struct File {
    std::string name;                   ///< beside the manifest
    int64_t bytes = 0;
    std::string sha256;
  };

  Kind kind = Kind::records;
  double created = 0;                   ///< seconds since the epoch
  std::string program;                  ///< version that made it
  std::string source;                   ///< URI, secrets masked
  std::string identity;                 ///< the same for backups of the same dataset
  std::string store, dataset;
  std::string consistency;              ///< of the source while it was read
  std::string layout;
  std::optional<RecordSchema> schema;   ///< of records
  std::map<std::string, std::string> settings, facts;
  int64_t records = -1;                 ///< -1 if they were not counted
  int64_t rejected = 0;                 ///< records of the source that are not in it
  std::string digest;                   ///< of the records; "" where there is none
  File file;                            ///< the data

  std::string ToText() const;
  /// Takes only what ToText gave, byte for byte: a check sum in it covers the rest. `beside` is the data's file name; a manifest that
  /// names another file is refused, so that none leads to a file of somebody else's. Category::corrupt, unsupported for a later version.
  static Result<BackupManifest> Parse(std::string_view text, std::string_view beside);
};

std::string_view Name(BackupManifest::Kind kind);

inline constexpr std::string_view kManifestSuffix = ".manifest.json";
/// FILE to FILE.manifest.json.
fs::path ManifestOf(const fs::path& file);
/// FILE.manifest.json to FILE; another path is a FILE itself.
fs::path DataOf(const fs::path& path);
/// Category::not_found where there is none.
Result<BackupManifest> ReadManifest(const fs::path& file);

}  // namespace vecferry
