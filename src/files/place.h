#pragma once
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/files.h"
#include "connector/location.h"
#include "files/file.h"
#include "options/option.h"

namespace arrow::io {
class RandomAccessFile;
}

namespace vecferry::files {

class S3;

/// What stands at a place.
struct Entry {
  bool folder = false;
  int64_t size = 0;       ///< bytes, of a file
  int64_t mtime_ns = 0;
};

/// Where a file or folder is: on this machine, or in a bucket that is reached through S3's protocol. A folder of a bucket is
/// what the keys that begin with its name and '/' make of it. Copies share one connection.
class Place {
 public:
  /// Of `Location::path`, "s3://BUCKET/KEY" or a path with ~, and the s3-* options. Nothing is opened or asked. Category::usage
  /// where nothing is named or an S3 option stands at a local path.
  static Result<Place> Of(const Location& location);
  explicit Place(fs::path local) : path_(std::move(local)) {}
  Place() = default;

  bool is_local() const { return !s3_; }
  /// Of a local place.
  const fs::path& local() const { return path_; }
  /// As a user writes it; never holds a credential.
  std::string text() const;
  /// The same for the same place however it was spelled.
  std::string identity() const;
  /// The last part of its name.
  std::string name() const;
  Place operator/(std::string_view relative) const;
  /// The place beside it whose name is `name`.
  Place Sibling(std::string_view name) const;

  /// Nothing where there is nothing. Asks the file system.
  Result<std::optional<Entry>> Stat() const;
  struct Listed {
    std::string relative;  ///< with '/'
    Entry entry;
  };
  /// Every file below a folder, sorted by name. Category::too_large beyond `limit`. Names that begin with '.' or '_' and
  /// unfinished files of ours are left out unless `all`.
  Result<std::vector<Listed>> Files(size_t limit = 100000, bool all = false) const;
  /// For reading by position. Category::not_found where there is nothing.
  Result<std::shared_ptr<arrow::io::RandomAccessFile>> OpenArrow() const;
  /// Tells a file's content apart from what it was, as File::Stat does.
  Result<Stamp> Changed() const;
  /// Category::not_found, with the nearest names beside it.
  Status Missing() const;

  /// Of a bucket: puts a whole local file there, visible when all of it is; moves it within the bucket; removes it (OK if gone).
  Status Upload(const fs::path& from) const;
  Status MoveTo(const Place& to) const;
  Status Remove() const;
  /// A failure of Arrow at this place, with its facts: errno's of a local file, the server's code of a bucket.
  Status Classify(const arrow::Status& status, std::string_view what) const;

 private:
  std::shared_ptr<S3> s3_;
  fs::path path_;     ///< local
  std::string key_;   ///< "BUCKET/KEY" in a bucket
};

/// The options that every file store takes for s3:// places; none is needed where the environment or ~/.aws says it.
std::vector<OptionSpec> S3OptionSpecs();

}  // namespace vecferry::files
