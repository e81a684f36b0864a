#include "base/sha256.h"

#include <cerrno>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <fmt/format.h>
#include <openssl/evp.h>
#include <sys/stat.h>

#include "base/failpoint.h"
#include "base/fd.h"
#include "base/text.h"

namespace vecferry {
namespace {

constexpr size_t kChunk = size_t{1} << 20;
constexpr int64_t kTellEvery = int64_t{16} << 20;

/// Gives the bytes of a plain file, piece by piece, and their sum.
Result<FileSum> EachChunk(const fs::path& file, const OnBytes& on_bytes, const std::function<Status(std::string_view)>& take) {
  // Without O_NONBLOCK a pipe in the file's place would be waited for.
  const Fd fd(::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (fd.get() < 0) return ErrnoError(errno, "cannot open", file.string());
  struct stat facts{};
  if (::fstat(fd.get(), &facts) != 0) return ErrnoError(errno, "cannot read", file.string());
  if (!S_ISREG(facts.st_mode)) return MakeError(Category::unsupported, fmt::format("{} is not a plain file", Printable(file.string())), "name a file");
  FileSum sum;
  Sha256 hash;
  std::vector<char> chunk(kChunk);
  int64_t told = 0;
  while (true) {
    const ssize_t n = ::read(fd.get(), chunk.data(), chunk.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return ErrnoError(errno, "cannot read", file.string());
    const std::string_view bytes(chunk.data(), static_cast<size_t>(n));
    hash.Add(bytes);
    if (n > 0 && take) ARROW_RETURN_NOT_OK(take(bytes));
    sum.bytes += n;
    if (on_bytes && (n == 0 || sum.bytes - told >= kTellEvery)) {
      told = sum.bytes;
      ARROW_RETURN_NOT_OK(on_bytes(told));
    }
    if (n == 0) break;
  }
  sum.sha256 = hash.Hex();
  return sum;
}

Status WriteAll(int fd, std::string_view bytes, const fs::path& file) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(fd, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return ErrnoError(errno, "cannot write", file.string());
    bytes.remove_prefix(static_cast<size_t>(n));
  }
  return Status::OK();
}

Status WritePart(const fs::path& from, const fs::path& part, const FileSum& sum, const OnBytes& on_bytes) {
  const Fd fd(::open(part.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  if (fd.get() < 0) return ErrnoError(errno, "cannot create", part.string());
  ARROW_ASSIGN_OR_RAISE(const FileSum copied, EachChunk(from, on_bytes, [&](std::string_view bytes) { return WriteAll(fd.get(), bytes, part); }));
  if (copied.bytes != sum.bytes || copied.sha256 != sum.sha256) {
    return MakeError(Category::corrupt, fmt::format("{} changed while it was copied", Printable(from.string())), "see that nobody writes it, and try again");
  }
  VF_FAILPOINT("file.fsync.before");
  return ::fsync(fd.get()) == 0 ? Status::OK() : ErrnoError(errno, "cannot sync", part.string());
}

}  // namespace

struct Sha256::Impl {
  std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context{EVP_MD_CTX_new(), &EVP_MD_CTX_free};
};

Sha256::Sha256() : impl_(std::make_unique<Impl>()) { EVP_DigestInit_ex(impl_->context.get(), EVP_sha256(), nullptr); }
Sha256::~Sha256() = default;

void Sha256::Add(std::string_view bytes) { EVP_DigestUpdate(impl_->context.get(), bytes.data(), bytes.size()); }

std::string Sha256::Hex() {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  EVP_DigestFinal_ex(impl_->context.get(), digest, &size);
  return ToHex({reinterpret_cast<const char*>(digest), size});
}

std::string Sha256::Of(std::string_view bytes) {
  Sha256 hash;
  hash.Add(bytes);
  return hash.Hex();
}

Result<FileSum> SumFile(const fs::path& file, const OnBytes& on_bytes) { return EachChunk(file, on_bytes, {}); }

Status CopyFileChecked(const fs::path& from, const fs::path& to, const FileSum& sum, const OnBytes& on_bytes) {
  fs::path part = to;
  part += ".vecferry-part";
  Status status = WritePart(from, part, sum, on_bytes);
  if (status.ok()) status = failpoint::Hit("file.rename.before");
  // link fails where the name is taken; rename would replace what stands there.
  if (status.ok() && ::link(part.c_str(), to.c_str()) != 0) {
    status = errno == EEXIST ? MakeError(Category::refused, fmt::format("{} exists", Printable(to.string())), "move it away, or name another")
                             : ErrnoError(errno, "cannot create", to.string());
  }
  ::unlink(part.c_str());
  ARROW_RETURN_NOT_OK(status);
  VF_FAILPOINT("file.rename.after");
  return SyncDir(to.parent_path());
}

}  // namespace vecferry
