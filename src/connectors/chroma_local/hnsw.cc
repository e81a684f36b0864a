#include "connectors/chroma_local/hnsw.h"

#include <cmath>
#include <cstring>
#include <string>

#include <fmt/format.h>

#include "pickle/reader.h"

namespace vecferry::chroma_local {
namespace {

constexpr size_t kHeaderBytes = 100;
constexpr int64_t kMostElements = int64_t{1} << 31;
constexpr int64_t kMostDims = 1 << 20;
constexpr int64_t kScanBytes = 1 << 20;

template <class T>
T At(std::string_view bytes, size_t offset) {
  T value;
  std::memcpy(&value, bytes.data() + offset, sizeof value);
  return value;
}

/// A u64 of the file that is to be a count or an offset.
int64_t Count(std::string_view bytes, size_t offset) {
  const auto value = At<uint64_t>(bytes, offset);
  return value > INT64_MAX / 2 ? -1 : static_cast<int64_t>(value);
}

Status Damaged(std::string_view what) {
  return MakeError(Category::corrupt, fmt::format("{} of the HNSW segment is damaged: {}", kHeaderFile, what),
                   "restore the folder from a backup, or read what is left with ?damaged=missing");
}

Status BadLabels(std::string_view what) {
  return MakeError(Category::corrupt, fmt::format("{} of the HNSW segment is damaged: {}", kLabelsFile, what),
                   "restore the folder from a backup, or read what is left with ?damaged=missing");
}

bool IsCount(const pickle::PyValue& value) { return value.is(pickle::PyType::integer) && value.integer >= 0; }

}  // namespace

SegmentStamps StampsOf(const fs::path& segment) {
  SegmentStamps stamps;
  if (segment.empty()) return stamps;
  for (size_t i = 0; i < kSegmentFiles.size(); ++i) stamps[i] = StampOf(segment / kSegmentFiles[i]);
  return stamps;
}

Result<HnswHeader> ParseHnswHeader(std::string_view bytes) {
  if (bytes.size() != kHeaderBytes) return Damaged(fmt::format("it has {} bytes of {}", bytes.size(), kHeaderBytes));
  if (At<int32_t>(bytes, 0) != 1) return Damaged(fmt::format("its version is {}, and only 1 is known", At<int32_t>(bytes, 0)));
  HnswHeader header;
  header.max_elements = Count(bytes, 12);
  header.elements = Count(bytes, 20);
  header.element_bytes = Count(bytes, 28);
  header.label_offset = Count(bytes, 36);
  header.data_offset = Count(bytes, 44);
  header.max_neighbors = Count(bytes, 60);
  header.ef_construction = Count(bytes, 92);
  if (header.elements < 0 || header.elements > header.max_elements || header.elements >= kMostElements) {
    return Damaged("the number of its elements is impossible");
  }
  const int64_t vector = header.label_offset - header.data_offset;
  if (At<uint64_t>(bytes, 4) != 0 || header.data_offset < 4 || vector < 4 || vector % 4 != 0 || vector / 4 > kMostDims ||
      header.data_offset > (int64_t{1} << 24) || header.element_bytes != header.label_offset + 8) {
    return Damaged("its offsets contradict each other");
  }
  return header;
}

Result<LabelFacts> ReadLabels(std::string_view pickle, const std::function<void(std::string_view id, uint64_t label)>& on_label) {
  LabelFacts facts;
  bool bad = false, seen = false;
  pickle::PickleReader reader;
  reader.StreamPairs([&](std::string_view key, const pickle::PyValue* pairs, uint32_t count) {
    if (key == "label_to_id" || key == "id_to_seq_id") return true;
    if (key != "id_to_label") return false;
    seen = true;
    for (uint32_t i = 0; i + 1 < count; i += 2) {
      if (!pairs[i].is(pickle::PyType::text) || !IsCount(pairs[i + 1])) {
        bad = true;
        continue;
      }
      ++facts.labels;
      on_label(pairs[i].view(), static_cast<uint64_t>(pairs[i + 1].integer));
    }
    return true;
  });
  const Status parsed = reader.Parse(pickle);
  if (!parsed.ok()) return BadLabels(parsed.message());
  if (bad) return BadLabels("a label is no number");
  const pickle::PyValue* state = &reader.root();
  if (state->is(pickle::PyType::object)) state = state->cls == pickle::PyClass::persistent_data ? reader.State(*state) : nullptr;
  if (!state || !state->is(pickle::PyType::dict)) return BadLabels("it holds no labels");
  if (!seen && !reader.Find(*state, "id_to_label")) return BadLabels("it holds no id_to_label");
  if (const auto* added = reader.Find(*state, "total_elements_added"); added && IsCount(*added)) facts.added = added->integer;
  if (const auto* seq = reader.Find(*state, "max_seq_id"); seq && IsCount(*seq)) facts.max_seq_id = seq->integer;
  return facts;
}

Result<HnswFile> HnswFile::Open(const fs::path& segment, bool norms) {
  HnswFile file;
  ARROW_ASSIGN_OR_RAISE(const std::string header, ReadFile(segment / kHeaderFile, 1 << 16));
  ARROW_ASSIGN_OR_RAISE(file.header_, ParseHnswHeader(header));
  if (file.header_.elements == 0) return file;
  ARROW_ASSIGN_OR_RAISE(file.level0_, RandomFile::Open(segment / kLevel0File));
  const int64_t wanted = file.header_.elements * file.header_.element_bytes;
  if (file.level0_.size() < wanted) {
    return MakeError(Category::corrupt, fmt::format("{} is cut off: it has {} bytes of {}", (segment / kLevel0File).string(), file.level0_.size(), wanted),
                     "restore the folder from a backup, or read what is left with ?damaged=missing");
  }
  if (!norms) return file;
  ARROW_ASSIGN_OR_RAISE(const RandomFile lengths, RandomFile::Open(segment / kLengthFile));
  const int64_t bytes = file.header_.elements * 4;
  if (lengths.size() < bytes) {
    return MakeError(Category::corrupt, fmt::format("{} is cut off: it has {} bytes of {}", (segment / kLengthFile).string(), lengths.size(), bytes),
                     "restore the folder from a backup, or read what is left with ?damaged=missing");
  }
  file.norms_.resize(static_cast<size_t>(file.header_.elements));
  ARROW_RETURN_NOT_OK(lengths.Read(0, bytes, file.norms_.data()));
  return file;
}

Status HnswFile::EachElement(const CancelToken* cancel,
                             const std::function<void(uint32_t position, uint64_t label, bool deleted)>& on_element) const {
  const int64_t step = std::max<int64_t>(1, kScanBytes / header_.element_bytes);
  std::string buffer;
  for (int64_t first = 0; first < header_.elements; first += step) {
    if (cancel) ARROW_RETURN_NOT_OK(cancel->Check());
    const int64_t count = std::min(step, header_.elements - first);
    buffer.resize(static_cast<size_t>(count * header_.element_bytes));
    ARROW_RETURN_NOT_OK(level0_.Read(first * header_.element_bytes, static_cast<int64_t>(buffer.size()), buffer.data()));
    for (int64_t i = 0; i < count; ++i) {
      const auto element = static_cast<size_t>(i * header_.element_bytes);
      // Of the first word the lower half counts links; the lowest bit above it is the mark of deletion.
      on_element(static_cast<uint32_t>(first + i), At<uint64_t>(buffer, element + static_cast<size_t>(header_.label_offset)),
                 (buffer[element + 2] & 1) != 0);
    }
  }
  return Status::OK();
}

Status HnswFile::ReadVector(uint32_t position, uint8_t* out) const {
  const int64_t at = int64_t{position} * header_.element_bytes + header_.data_offset;
  ARROW_RETURN_NOT_OK(level0_.Read(at, header_.label_offset - header_.data_offset, out));
  if (norms_.empty()) return Status::OK();
  // The product in floats, as the library itself gives it.
  const float norm = norms_[position];
  for (int32_t i = 0; i < header_.dims(); ++i) {
    float value;
    std::memcpy(&value, out + size_t{4} * static_cast<size_t>(i), 4);
    value *= norm;
    std::memcpy(out + size_t{4} * static_cast<size_t>(i), &value, 4);
  }
  return Status::OK();
}

}  // namespace vecferry::chroma_local
