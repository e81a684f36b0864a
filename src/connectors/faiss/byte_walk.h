#pragma once
#include <bit>
#include <cstring>
#include <memory>

#include <fmt/format.h>

#include "connectors/faiss/shape.h"

namespace vecferry::faiss_files {

/// Four characters as they stand in the file.
constexpr uint32_t Code(const char (&text)[5]) {
  return static_cast<uint32_t>(static_cast<unsigned char>(text[0])) | static_cast<uint32_t>(static_cast<unsigned char>(text[1])) << 8 |
         static_cast<uint32_t>(static_cast<unsigned char>(text[2])) << 16 | static_cast<uint32_t>(static_cast<unsigned char>(text[3])) << 24;
}

/// Goes over a file from its beginning; every length is checked against what is left.
class ByteWalk {
 public:
  explicit ByteWalk(const files::File& file, int64_t size) : file_(file), size_(size), window_(std::make_unique<char[]>(kWindow)) {}

  int64_t at() const { return at_; }
  int64_t left() const { return size_ - at_; }

  template <class T>
  Result<T> Take() {
    static_assert(std::endian::native == std::endian::little);
    T value{};
    ARROW_RETURN_NOT_OK(Fetch(&value, sizeof(T)));
    return value;
  }
  Status Skip(int64_t bytes) {
    if (bytes < 0 || bytes > left()) return Short();
    at_ += bytes;
    return Status::OK();
  }
  /// A count and as many items: the count, with the walk behind them. `begin` becomes where the first stands.
  Result<int64_t> Items(int64_t size, int64_t* begin = nullptr) {
    ARROW_ASSIGN_OR_RAISE(const auto count, Take<uint64_t>());
    if (count > static_cast<uint64_t>(left()) / static_cast<uint64_t>(size)) return Short();
    if (begin) *begin = at_;
    at_ += static_cast<int64_t>(count) * size;
    return static_cast<int64_t>(count);
  }
  Status Corrupt(std::string_view what) const {
    return MakeError(Category::corrupt, fmt::format("{} is no sound index of FAISS: {} at byte {}", file_.path().string(), what, at_), "check the file, or write it again with FAISS");
  }
  Status Short() const { return Corrupt("it says more than it holds,"); }

 private:
  static constexpr int64_t kWindow = 64 << 10;
  Status Fetch(void* out, int64_t n) {
    if (n > left()) return Short();
    if (at_ < window_at_ || at_ + n > window_at_ + window_size_) {
      ARROW_ASSIGN_OR_RAISE(const size_t got, file_.ReadAt(at_, window_.get(), static_cast<size_t>(std::min(kWindow, left()))));
      window_at_ = at_;
      window_size_ = static_cast<int64_t>(got);
      if (window_size_ < n) return Short();
    }
    std::memcpy(out, window_.get() + (at_ - window_at_), static_cast<size_t>(n));
    at_ += n;
    return Status::OK();
  }

  const files::File& file_;
  int64_t size_, at_ = 0;
  std::unique_ptr<char[]> window_;
  int64_t window_at_ = 0, window_size_ = 0;
};

}  // namespace vecferry::faiss_files
