#pragma once
#include <cstdint>
#include <memory>
#include <string>

#include "files/file.h"
#include "record/schema.h"

namespace vecferry::sidecar {

using files::File;

/// The vectors of a file, row by row, with the ids that the file itself gives them. Thread-safe.
class Vectors {
 public:
  virtual ~Vectors() = default;
  virtual int64_t count() const = 0;
  /// Rows first..first+n-1 as packed elements of the dataset's schema. `rounded`: one flag a row, set where the values were
  /// not exactly those.
  virtual Status Read(int64_t first, int64_t n, uint8_t* out, bool* rounded) const = 0;
  /// Whether rows have ids of their own; else a row's number is its id.
  virtual bool has_ids() const { return false; }
  virtual Status Ids(int64_t first, int64_t n, int64_t* out) const;
};

/// How elements stand in a file of plain rows.
enum class Stored { f64, f32, f16, u8, i8, bits };
int64_t BytesOf(Stored stored);  ///< of one element; of bits, of eight

/// Rows that stand one after the other in a file.
class RowVectors final : public Vectors {
 public:
  struct Place {
    int64_t at = 0;     ///< of the first row
    int64_t count = 0;
    int64_t elements = 0;  ///< of a row; of bits, bytes
    Stored stored = Stored::f32;
    Element element = Element::f32;  ///< of the schema
  };
  RowVectors(std::shared_ptr<const File> file, const Place& place) : file_(std::move(file)), place_(place) {}
  int64_t count() const override { return place_.count; }
  Status Read(int64_t first, int64_t n, uint8_t* out, bool* rounded) const override;

 private:
  std::shared_ptr<const File> file_;
  Place place_;
};

/// Packed elements as they stand in a file, as those of a schema; false where some was not exact. `elements` of them.
bool ConvertElements(Stored stored, Element element, const uint8_t* in, int64_t elements, uint8_t* out);

/// The bytes asked for, or Category::corrupt: the file became shorter.
Status ReadExactly(const File& file, int64_t offset, void* out, int64_t size);

}  // namespace vecferry::sidecar
