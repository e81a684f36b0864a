#include "connectors/chroma_local/segment_copy.h"

#include <algorithm>
#include <cerrno>
#include <string>

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include "base/failpoint.h"
#include "base/fd.h"
#include "base/text.h"
#include "connectors/chroma_local/hnsw.h"

namespace vecferry::chroma_local {
namespace {

constexpr int64_t kStep = 16 << 20;

/// What of a file is read: the files stand preallocated for more elements than there are.
int64_t BytesUsed(const fs::path& file, int64_t size, const HnswHeader& header) {
  if (file.filename() == kLevel0File) return std::min(size, header.elements * header.element_bytes);
  if (file.filename() == kLengthFile) return std::min(size, header.elements * 4);
  return size;
}

Status CopyByReading(int from, int to, int64_t offset, int64_t bytes, const fs::path& file) {
  std::string buffer(static_cast<size_t>(std::min<int64_t>(bytes, 1 << 20)), '\0');
  while (bytes > 0) {
    const ssize_t n = ::pread(from, buffer.data(), static_cast<size_t>(std::min<int64_t>(bytes, static_cast<int64_t>(buffer.size()))), offset);
    if (n < 0) return ErrnoError(errno, "cannot read", file.string());
    if (n == 0) return Status::OK();  // cut off: the reader of the copy says so
    for (ssize_t done = 0; done < n;) {
      const ssize_t written = ::pwrite(to, buffer.data() + done, static_cast<size_t>(n - done), offset + done);
      if (written < 0) return ErrnoError(errno, "cannot write", file.string());
      done += written;
    }
    offset += n;
    bytes -= n;
  }
  return Status::OK();
}

/// Blocks are shared where the file system can.
Status CopyBytes(const fs::path& file, const fs::path& copy, int64_t bytes, const OpenContext& context) {
  const Fd from(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
  if (from.get() < 0) return ErrnoError(errno, "cannot read", file.string());
  const Fd to(::open(copy.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  if (to.get() < 0) return ErrnoError(errno, "cannot create", copy.string());
  for (int64_t offset = 0; offset < bytes;) {
    if (context.cancel) ARROW_RETURN_NOT_OK(context.cancel->Check());
    const int64_t step = std::min(kStep, bytes - offset);
    off_t in = offset, out = offset;
    const ssize_t n = ::copy_file_range(from.get(), &in, to.get(), &out, static_cast<size_t>(step), 0);
    if (n > 0) {
      offset += n;
    } else {
      ARROW_RETURN_NOT_OK(CopyByReading(from.get(), to.get(), offset, step, file));
      offset += step;
    }
    if (context.on_progress) context.on_progress("copying the vectors, bytes", offset, bytes);
  }
  return ::fsync(to.get()) == 0 ? Status::OK() : ErrnoError(errno, "cannot write", copy.string());
}

Status CheckSpace(const fs::path& destination, int64_t needed) {
  ARROW_ASSIGN_OR_RAISE(const uint64_t free, FreeSpace(destination));
  if (free >= static_cast<uint64_t>(needed)) return Status::OK();
  return MakeError(Category::no_space,
                   fmt::format("a copy of the vectors needs {}, {} are free in {}", FormatBytes(static_cast<double>(needed)),
                               FormatBytes(static_cast<double>(free)), destination.parent_path().string()),
                   "free some space, or read the folder in place with the option snapshot=live");
}

Status CopyFiles(const fs::path& segment, const fs::path& part, const OpenContext& context) {
  HnswHeader header;
  if (StampOf(segment / kHeaderFile).size >= 0) {
    ARROW_ASSIGN_OR_RAISE(const std::string bytes, ReadFile(segment / kHeaderFile, 1 << 16));
    // One that is damaged is copied as it is: who opens the copy says so.
    if (auto parsed = ParseHnswHeader(bytes); parsed.ok()) header = *parsed;
  }
  for (const char* name : kSegmentFiles) {
    const fs::path file = segment / name;
    const int64_t size = StampOf(file).size;
    if (size < 0) continue;
    const int64_t bytes = BytesUsed(file, size, header);
    ARROW_RETURN_NOT_OK(CheckSpace(part, bytes));
    ARROW_RETURN_NOT_OK(CopyBytes(file, part / name, bytes, context));
  }
  return SyncDir(part);
}

}  // namespace

Status CopySegment(const fs::path& segment, const fs::path& destination, const OpenContext& context, const std::function<bool()>& unchanged) {
  const fs::path part = destination.string() + ".part";
  std::error_code ec;
  fs::remove_all(part, ec);
  ARROW_RETURN_NOT_OK(MakePrivateDirs(part));
  if (!segment.empty() && fs::is_directory(segment, ec)) {
    const Status copied = CopyFiles(segment, part, context);
    if (!copied.ok() && unchanged()) return copied;
  }
  if (!unchanged()) return MakeError({.category = Category::locked, .retry = Retry::after_delay}, fmt::format("{} was written meanwhile", segment.string()));
  VF_FAILPOINT("chroma-local.segment.rename.before");
  fs::rename(part, destination, ec);
  if (ec) return ErrnoError(ec.value(), "cannot rename", part.string());
  VF_FAILPOINT("chroma-local.segment.rename.after");
  return SyncDir(destination.parent_path());
}

}  // namespace vecferry::chroma_local
