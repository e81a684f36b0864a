#pragma once
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/files.h"

namespace vecferry {

/// SHA-256 (FIPS 180-4) of bytes that come in pieces.
class Sha256 {
 public:
  Sha256();
  ~Sha256();
  void Add(std::string_view bytes);
  /// 64 lower-case hexadecimal digits. Once.
  std::string Hex();
  static std::string Of(std::string_view bytes);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

struct FileSum {
  int64_t bytes = 0;
  std::string sha256;
};
/// Called now and then with the bytes read so far; a failure ends the reading with it.
using OnBytes = std::function<Status(int64_t done)>;
/// Reads a plain file to its end: Category::unsupported for a folder, device or pipe. A symbolic link is followed.
Result<FileSum> SumFile(const fs::path& file, const OnBytes& on_bytes = {});
/// Copies a plain file, mode 0600, to a name that is free: whole, synced and with this sum, or not at all. Category::refused where the name is
/// taken, corrupt where the bytes have another sum.
Status CopyFileChecked(const fs::path& from, const fs::path& to, const FileSum& sum, const OnBytes& on_bytes = {});

}  // namespace vecferry
