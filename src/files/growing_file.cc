#include "files/growing_file.h"

namespace vecferry::files {

Result<GrowingFile> GrowingFile::Create(const fs::path& path) {
  GrowingFile growing;
  // The lock comes before anything is cut: the file may be another process's.
  auto there = File::Open(path, File::Mode::write);
  if (there.ok()) ARROW_RETURN_NOT_OK(there->Lock());
  ARROW_ASSIGN_OR_RAISE(growing.file_, there.ok() ? std::move(there) : File::Open(path, File::Mode::create));
  ARROW_RETURN_NOT_OK(growing.file_.Lock());
  ARROW_RETURN_NOT_OK(growing.CutTo(0));
  return growing;
}

Result<GrowingFile> GrowingFile::Reopen(const fs::path& path) {
  GrowingFile growing;
  ARROW_ASSIGN_OR_RAISE(growing.file_, File::Open(path, File::Mode::write));
  ARROW_RETURN_NOT_OK(growing.file_.Lock());
  ARROW_ASSIGN_OR_RAISE(const Stamp stamp, growing.file_.Stat());
  growing.size_ = stamp.size;
  return growing;
}

Status GrowingFile::Append(std::string_view bytes) {
  ARROW_RETURN_NOT_OK(file_.WriteAt(size_, bytes));
  size_ += static_cast<int64_t>(bytes.size());
  return Status::OK();
}

Status GrowingFile::CutTo(int64_t size) {
  ARROW_RETURN_NOT_OK(file_.Truncate(size));
  size_ = size;
  return Status::OK();
}

}  // namespace vecferry::files
