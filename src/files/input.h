#pragma once
#include <memory>
#include <string>
#include <string_view>

#include "files/place.h"

namespace vecferry::files {

enum class Compression { none, gzip, zstd, bz2, lz4 };
std::string_view Name(Compression compression);
/// By the first bytes of a file, at least six where it has so many.
Compression Recognise(std::string_view start);

/// The bytes of a file by position, from wherever it is, decompressed where it is compressed.
/// Plain input is read by several threads at once; compressed input is read forwards by one thread, and a step back begins at its start.
class Input {
 public:
  virtual ~Input() = default;
  /// Up to `size` bytes; fewer only at the end. Category::corrupt for compressed bytes that are none.
  virtual Result<size_t> ReadAt(int64_t offset, char* out, size_t size) const = 0;
  /// Of the file as it is stored.
  virtual Result<Stamp> Stat() const = 0;
  /// Bytes that ReadAt gives in all; -1 where only reading to the end would tell.
  virtual int64_t size() const = 0;
  virtual Compression compression() const { return Compression::none; }
  /// As a user writes it.
  virtual const std::string& name() const = 0;
};

/// A plain file of this machine, a bucket's object, or either of them compressed with gzip, zstd, bzip2 or LZ4 frames.
Result<std::shared_ptr<Input>> OpenInput(const Place& place);

}  // namespace vecferry::files
