#pragma once
#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>
#include <vector>

#include "base/cancel.h"
#include "base/error.h"
#include "base/files.h"
#include "connectors/chroma_local/random_file.h"

/// The files of one HNSW segment. Facts: Chroma's fork of hnswlib (hnswalg.h: saveIndex, persistDirty) as observed in files of
/// chromadb 0.4.24, 0.5.23 and 1.5.9; docs/formats/chroma-local.md.
namespace vecferry::chroma_local {

inline constexpr const char* kHeaderFile = "header.bin";
inline constexpr const char* kLevel0File = "data_level0.bin";
inline constexpr const char* kLengthFile = "length.bin";
inline constexpr const char* kLabelsFile = "index_metadata.pickle";
/// The files that are read.
inline constexpr std::array<const char*, 4> kSegmentFiles{kHeaderFile, kLevel0File, kLengthFile, kLabelsFile};
using SegmentStamps = std::array<FileStamp, kSegmentFiles.size()>;
SegmentStamps StampsOf(const fs::path& segment);

/// header.bin.
struct HnswHeader {
  int64_t max_elements = 0;
  int64_t elements = 0;       ///< deleted ones included
  int64_t element_bytes = 0;
  int64_t label_offset = 0;   ///< of an element: its label, u64
  int64_t data_offset = 0;    ///< of an element: its vector, f32
  int64_t max_neighbors = 0;
  int64_t ef_construction = 0;
  int32_t dims() const { return static_cast<int32_t>((label_offset - data_offset) / 4); }
};

/// Category::corrupt where the bytes are no such header, or its offsets contradict each other.
Result<HnswHeader> ParseHnswHeader(std::string_view bytes);

/// What index_metadata.pickle says beside the labels.
struct LabelFacts {
  std::optional<int64_t> max_seq_id;   ///< written by 0.4 alone: up to where the queue is in these files
  int64_t added = -1;                  ///< total_elements_added, -1 if it is not said
  int64_t labels = 0;
};

/// Reads the pickle and calls `on_label` for each id. The views live for the call alone. Category::corrupt.
Result<LabelFacts> ReadLabels(std::string_view pickle, const std::function<void(std::string_view id, uint64_t label)>& on_label);

/// Elements of data_level0.bin by position, and the norms of length.bin. Thread-safe.
class HnswFile {
 public:
  /// `norms`: the vectors are of unit length and their norms stand in length.bin (cosine).
  static Result<HnswFile> Open(const fs::path& segment, bool norms);
  const HnswHeader& header() const { return header_; }
  /// Calls `on_element` for each element in order of position; a deleted one is told as such. One pass over the file.
  Status EachElement(const CancelToken* cancel, const std::function<void(uint32_t position, uint64_t label, bool deleted)>& on_element) const;
  /// dims() floats, with their norm where there is one.
  Status ReadVector(uint32_t position, uint8_t* out) const;

 private:
  HnswHeader header_;
  RandomFile level0_;
  std::vector<float> norms_;
};

}  // namespace vecferry::chroma_local
