#include "files/input.h"

#include <algorithm>
#include <cstring>
#include <mutex>

#include <arrow/io/interfaces.h>
#include <arrow/util/compression.h>
#include <fmt/format.h>

namespace vecferry::files {
namespace {

constexpr size_t kChunk = size_t{1} << 18;

class LocalInput final : public Input {
 public:
  LocalInput(File file, int64_t size) : file_(std::move(file)), size_(size), name_(file_.path().string()) {}
  Result<size_t> ReadAt(int64_t offset, char* out, size_t size) const override { return file_.ReadAt(offset, out, size); }
  Result<Stamp> Stat() const override { return file_.Stat(); }
  int64_t size() const override { return size_; }
  const std::string& name() const override { return name_; }

 private:
  File file_;
  const int64_t size_;
  const std::string name_;
};

class RemoteInput final : public Input {
 public:
  RemoteInput(Place place, std::shared_ptr<arrow::io::RandomAccessFile> file, int64_t size)
      : place_(std::move(place)), file_(std::move(file)), size_(size), name_(place_.text()) {}
  Result<size_t> ReadAt(int64_t offset, char* out, size_t size) const override {
    if (offset >= size_) return size_t{0};
    const auto want = std::min<int64_t>(static_cast<int64_t>(size), size_ - offset);
    int64_t done = 0;
    while (done < want) {
      const auto got = file_->ReadAt(offset + done, want - done, out + done);
      if (!got.ok()) return place_.Classify(got.status(), "cannot read");
      if (*got == 0) break;
      done += *got;
    }
    return static_cast<size_t>(done);
  }
  Result<Stamp> Stat() const override { return place_.Changed(); }
  int64_t size() const override { return size_; }
  const std::string& name() const override { return name_; }

 private:
  const Place place_;
  const std::shared_ptr<arrow::io::RandomAccessFile> file_;
  const int64_t size_;
  const std::string name_;
};

Result<std::unique_ptr<arrow::util::Codec>> CodecOf(Compression compression) {
  switch (compression) {
    case Compression::gzip: return arrow::util::Codec::Create(arrow::Compression::GZIP);
    case Compression::zstd: return arrow::util::Codec::Create(arrow::Compression::ZSTD);
    case Compression::bz2: return arrow::util::Codec::Create(arrow::Compression::BZ2);
    case Compression::lz4: return arrow::util::Codec::Create(arrow::Compression::LZ4_FRAME);
    case Compression::none: break;
  }
  return MakeError(Category::internal, "no codec");
}

/// Holds one chunk of compressed bytes and one of plain ones, whatever the file claims to be.
class DecompressedInput final : public Input {
 public:
  DecompressedInput(std::shared_ptr<Input> inner, Compression compression) : inner_(std::move(inner)), compression_(compression) {}

  Result<size_t> ReadAt(int64_t offset, char* out, size_t size) const override {
    const std::lock_guard lock(mutex_);
    if (!decompressor_ || offset < plain_begin_) ARROW_RETURN_NOT_OK(Restart());
    size_t done = 0;
    while (done < size) {
      const int64_t at = offset + static_cast<int64_t>(done);
      if (at < plain_begin_ + static_cast<int64_t>(plain_size_)) {
        const auto skip = static_cast<size_t>(at - plain_begin_);
        const size_t n = std::min(plain_size_ - skip, size - done);
        std::memcpy(out + done, plain_.data() + skip, n);
        done += n;
        continue;
      }
      ARROW_ASSIGN_OR_RAISE(const bool more, Step());
      if (!more) break;
    }
    return done;
  }
  Result<Stamp> Stat() const override { return inner_->Stat(); }
  int64_t size() const override { return -1; }
  Compression compression() const override { return compression_; }
  const std::string& name() const override { return inner_->name(); }

 private:
  Status Restart() const {
    ARROW_ASSIGN_OR_RAISE(codec_, CodecOf(compression_));
    ARROW_ASSIGN_OR_RAISE(decompressor_, codec_->MakeDecompressor());
    stored_.resize(kChunk);
    plain_.resize(kChunk);
    stored_at_ = stored_size_ = plain_size_ = 0;
    offset_ = plain_begin_ = 0;
    begun_ = false;
    return Status::OK();
  }

  /// The next chunk of plain bytes; false at the end.
  Result<bool> Step() const {
    plain_begin_ += static_cast<int64_t>(plain_size_);
    plain_size_ = 0;
    while (plain_size_ == 0) {
      if (stored_at_ == stored_size_) {
        ARROW_ASSIGN_OR_RAISE(stored_size_, inner_->ReadAt(offset_, stored_.data(), stored_.size()));
        stored_at_ = 0;
        offset_ += static_cast<int64_t>(stored_size_);
        if (stored_size_ == 0) return AtEnd();
      }
      // Several streams one after another are one file, as gzip and zstd write them.
      if (decompressor_->IsFinished()) {
        ARROW_RETURN_NOT_OK(decompressor_->Reset());
        begun_ = false;
      }
      const auto result = decompressor_->Decompress(static_cast<int64_t>(stored_size_ - stored_at_), reinterpret_cast<const uint8_t*>(stored_.data()) + stored_at_,
                                                    static_cast<int64_t>(plain_.size()), reinterpret_cast<uint8_t*>(plain_.data()));
      if (!result.ok()) return Broken();
      if (result->bytes_read == 0 && result->bytes_written == 0) {
        if (!result->need_more_output || plain_.size() > (size_t{64} << 20)) return Broken();
        plain_.resize(2 * plain_.size());
      }
      begun_ = true;
      stored_at_ += static_cast<size_t>(result->bytes_read);
      plain_size_ = static_cast<size_t>(result->bytes_written);
    }
    return true;
  }

  Result<bool> AtEnd() const {
    if (begun_ && !decompressor_->IsFinished()) {
      return MakeError(Category::corrupt, fmt::format("{} ends in the middle of its {} data", name(), Name(compression_)), "fetch or compress the file again");
    }
    return false;
  }
  Status Broken() const {
    return MakeError(Category::corrupt, fmt::format("{} begins as {} and holds bytes that are none", name(), Name(compression_)), "fetch or compress the file again");
  }

  const std::shared_ptr<Input> inner_;
  const Compression compression_;
  mutable std::mutex mutex_;
  mutable std::unique_ptr<arrow::util::Codec> codec_;
  mutable std::shared_ptr<arrow::util::Decompressor> decompressor_;
  mutable std::string stored_, plain_;
  mutable size_t stored_at_ = 0, stored_size_ = 0, plain_size_ = 0;
  mutable int64_t offset_ = 0;       ///< of the stored bytes that come next
  mutable int64_t plain_begin_ = 0;  ///< of what `plain_` holds
  mutable bool begun_ = false;
};

Result<std::shared_ptr<Input>> OpenStored(const Place& place) {
  if (place.is_local()) {
    ARROW_ASSIGN_OR_RAISE(File file, File::Open(place.local(), File::Mode::read));
    ARROW_ASSIGN_OR_RAISE(const Stamp stamp, file.Stat());
    return std::make_shared<LocalInput>(std::move(file), stamp.size);
  }
  ARROW_ASSIGN_OR_RAISE(auto file, place.OpenArrow());
  const auto size = file->GetSize();
  if (!size.ok()) return place.Classify(size.status(), "cannot read");
  return std::make_shared<RemoteInput>(place, std::move(file), *size);
}

}  // namespace

std::string_view Name(Compression compression) {
  switch (compression) {
    case Compression::none: return "none";
    case Compression::gzip: return "gzip";
    case Compression::zstd: return "zstd";
    case Compression::bz2: return "bzip2";
    case Compression::lz4: return "lz4";
  }
  return "?";
}

Compression Recognise(std::string_view start) {
  if (start.starts_with("\x1f\x8b\x08")) return Compression::gzip;
  if (start.starts_with("\x28\xb5\x2f\xfd")) return Compression::zstd;
  if (start.starts_with("\x04\x22\x4d\x18")) return Compression::lz4;
  if (start.size() >= 5 && start.starts_with("BZh") && start[3] >= '1' && start[3] <= '9' && (start[4] == '1' || start[4] == '\x17')) return Compression::bz2;
  return Compression::none;
}

Result<std::shared_ptr<Input>> OpenInput(const Place& place) {
  ARROW_ASSIGN_OR_RAISE(auto stored, OpenStored(place));
  char start[6];
  ARROW_ASSIGN_OR_RAISE(const size_t got, stored->ReadAt(0, start, sizeof(start)));
  const Compression compression = Recognise({start, got});
  if (compression == Compression::none) return stored;
  return std::make_shared<DecompressedInput>(std::move(stored), compression);
}

}  // namespace vecferry::files
