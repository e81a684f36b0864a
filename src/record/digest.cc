#include "record/digest.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <numeric>

#include <fmt/format.h>
#include <xxhash.h>

#include "record/unit.h"

namespace vecferry {
namespace {

static_assert(std::endian::native == std::endian::little, "the digest's encoding is little-endian");

Hash128 Xxh(std::string_view bytes) {
  const XXH128_hash_t hash = XXH3_128bits(bytes.data(), bytes.size());
  return {hash.low64, hash.high64};
}

template <typename Number>
void Put(std::string* out, Number value) {
  out->append(reinterpret_cast<const char*>(&value), sizeof value);
}

void PutText(std::string* out, std::string_view text) {
  Put(out, static_cast<uint64_t>(text.size()));
  out->append(text);
}

void PutOptional(std::string* out, const std::optional<std::string_view>& text) {
  out->push_back(text ? 1 : 0);
  if (text) PutText(out, *text);
}

/// -0.0 as 0.0 and every NaN as one, in place.
void NormaliseF32(char* bytes, size_t n) {
  for (size_t i = 0; i < n; ++i) {
    uint32_t x;
    std::memcpy(&x, bytes + 4 * i, 4);
    const uint32_t magnitude = x & 0x7FFFFFFFu;
    x = magnitude == 0 ? 0 : x;
    x = magnitude > 0x7F800000u ? 0x7FC00000u : x;
    std::memcpy(bytes + 4 * i, &x, 4);
  }
}

/// The same for 16-bit floats; `infinity` is the largest magnitude that is no NaN.
void Normalise16(char* bytes, size_t n, uint16_t infinity, uint16_t nan) {
  for (size_t i = 0; i < n; ++i) {
    uint16_t x;
    std::memcpy(&x, bytes + 2 * i, 2);
    const auto magnitude = static_cast<uint16_t>(x & 0x7FFFu);
    x = magnitude == 0 ? uint16_t{0} : magnitude > infinity ? nan : x;
    std::memcpy(bytes + 2 * i, &x, 2);
  }
}

void PutElements(std::string* out, Element element, std::string_view bytes) {
  const size_t at = out->size();
  out->append(bytes);
  char* const copy = out->data() + at;
  if (element == Element::f32) NormaliseF32(copy, bytes.size() / 4);
  if (element == Element::f16) Normalise16(copy, bytes.size() / 2, 0x7C00, 0x7E00);
  if (element == Element::bf16) Normalise16(copy, bytes.size() / 2, 0x7F80, 0x7FC0);
}

void PutSparse(std::string* out, const VectorColumn& column, int64_t row) {
  const int32_t begin = column.offsets[row], end = column.offsets[row + 1];
  std::vector<int32_t> order(static_cast<size_t>(end - begin));
  std::iota(order.begin(), order.end(), begin);
  std::stable_sort(order.begin(), order.end(), [&](int32_t a, int32_t b) { return column.indices[a] < column.indices[b]; });
  Put(out, static_cast<uint64_t>(order.size()));
  for (const int32_t i : order) {
    Put(out, column.indices[i]);
    PutElements(out, Element::f32, {reinterpret_cast<const char*>(column.values + i), 4});
  }
}

/// Rows of f32 elements, each at length 1.
std::string_view Normalised(std::string_view bytes, int32_t dims, std::vector<float>* unit) {
  unit->resize(bytes.size() / sizeof(float));
  std::memcpy(unit->data(), bytes.data(), unit->size() * sizeof(float));
  const auto width = static_cast<size_t>(std::max(dims, 1));
  for (size_t at = 0; at + width <= unit->size(); at += width) UnitVector(unit->data() + at, width, unit->data() + at);
  return {reinterpret_cast<const char*>(unit->data()), unit->size() * sizeof(float)};
}

/// `unit`: scratch space where the elements are to be normalised, else null.
void PutVector(std::string* out, const VectorColumn& column, int64_t row, std::vector<float>* unit) {
  out->push_back(static_cast<char>(column.spec.kind));
  out->push_back(static_cast<char>(column.spec.element));
  Put(out, column.spec.dims);
  PutText(out, column.spec.name);
  const auto elements = [&](std::string_view bytes) {
    PutElements(out, column.spec.element, unit ? Normalised(bytes, column.spec.dims, unit) : bytes);
  };
  if (column.spec.kind == VectorKind::dense) return elements(column.Dense(row));
  if (column.spec.kind == VectorKind::sparse) return PutSparse(out, column, row);
  const int64_t begin = column.offsets[row], end = column.offsets[row + 1];
  Put(out, static_cast<uint64_t>(end - begin));
  elements({reinterpret_cast<const char*>(column.data) + begin * column.width, static_cast<size_t>((end - begin) * column.width)});
}

void Start(std::string* out, char lane, const Hash128& key) {
  out->assign(1, lane);
  Put(out, key.low);
  Put(out, key.high);
}

}  // namespace

Hash128& Hash128::operator+=(const Hash128& other) {
  const uint64_t before = low;
  low += other.low;
  high += other.high + (low < before ? 1 : 0);
  return *this;
}

Hash128& Hash128::operator-=(const Hash128& other) {
  const uint64_t before = low;
  low -= other.low;
  high -= other.high + (low > before ? 1 : 0);
  return *this;
}

RecordHash& RecordHash::operator+=(const RecordHash& other) {
  key += other.key;
  content += other.content;
  vectors += other.vectors;
  return *this;
}

RecordHash& RecordHash::operator-=(const RecordHash& other) {
  key -= other.key;
  content -= other.content;
  vectors -= other.vectors;
  return *this;
}

RecordHasher::RecordHasher(DigestScope scope) : scope_(std::move(scope)) {}

Hash128 RecordHasher::Key(std::optional<std::string_view> tenant, std::string_view id) {
  std::string bytes("K");
  PutOptional(&bytes, tenant);
  PutText(&bytes, id);
  return Xxh(bytes);
}

Result<RecordHash> RecordHasher::Hash(const RecordView& view, int64_t row) {
  RecordHash hash;
  buffer_.assign(1, 'K');
  PutOptional(&buffer_, view.tenant(row));
  PutText(&buffer_, view.id(row));
  hash.key = Xxh(buffer_);

  Start(&buffer_, 'C', hash.key);
  PutOptional(&buffer_, scope_.document ? view.document(row) : std::nullopt);
  const auto metadata = scope_.metadata ? view.metadata(row) : std::nullopt;
  ARROW_RETURN_NOT_OK(json_.AppendCanonical(metadata.value_or("{}"), &buffer_, scope_.plain() ? nullptr : &scope_.fields));
  for (const size_t i : view.extra_order()) {
    const auto bytes = view.extra(i, row);
    if (!bytes) continue;
    PutText(&buffer_, view.schema().extras[i]);
    PutText(&buffer_, *bytes);
  }
  hash.content = Xxh(buffer_);

  hash.vectors = Vectors(view, row, hash.key, scope_.as_stored);
  return hash;
}

Hash128 RecordHasher::Vectors(const RecordView& view, int64_t row, const Hash128& key, bool as_stored) {
  Start(&buffer_, 'V', key);
  for (const size_t i : view.vector_order()) {
    const VectorColumn& column = view.vectors()[i];
    if (!scope_.vectors || column.IsNull(row)) continue;
    const bool changed = as_stored && IsNormalised(column.spec);
    if (changed && column.spec.element != Element::f32) continue;
    PutVector(&buffer_, column, row, changed ? &unit_ : nullptr);
  }
  return Xxh(buffer_);
}

bool IsNormalised(const VectorSpec& spec) {
  const bool real = spec.element == Element::f32 || spec.element == Element::f16 || spec.element == Element::bf16;
  return spec.kind != VectorKind::sparse && spec.metric == Metric::cosine && real;
}

bool IsNormalised(const RecordSchema& schema) {
  return std::any_of(schema.vectors.begin(), schema.vectors.end(), [](const VectorSpec& spec) { return IsNormalised(spec); });
}

bool CanPredict(const RecordSchema& schema) {
  return std::none_of(schema.vectors.begin(), schema.vectors.end(),
                      [](const VectorSpec& spec) { return IsNormalised(spec) && spec.element != Element::f32; });
}

Digest::Digest() : buckets_(kBuckets) {}

void Digest::Add(const RecordHash& hash) {
  buckets_[static_cast<size_t>(BucketOf(hash.key))] += hash;
  ++count_;
}

void Digest::Remove(const RecordHash& hash) {
  buckets_[static_cast<size_t>(BucketOf(hash.key))] -= hash;
  --count_;
}

void Digest::Merge(const Digest& other) {
  for (size_t i = 0; i < buckets_.size(); ++i) buckets_[i] += other.buckets_[i];
  count_ += other.count_;
}

std::vector<int> Digest::Differences(const Digest& other) const {
  std::vector<int> differing;
  for (int i = 0; i < kBuckets; ++i) {
    if (bucket(i) != other.bucket(i)) differing.push_back(i);
  }
  return differing;
}

std::string Digest::Serialize() const {
  std::string bytes("VFD1");
  Put(&bytes, count_);
  for (size_t i = 0; i < buckets_.size(); ++i) {
    if (buckets_[i] == RecordHash{}) continue;
    Put(&bytes, static_cast<uint16_t>(i));
    bytes.append(reinterpret_cast<const char*>(&buckets_[i]), sizeof(RecordHash));
  }
  return bytes;
}

Result<Digest> Digest::Parse(std::string_view bytes) {
  constexpr size_t kHead = 12, kEntry = 2 + sizeof(RecordHash);
  static_assert(sizeof(RecordHash) == 48);
  if (bytes.size() < kHead || bytes.substr(0, 4) != "VFD1" || (bytes.size() - kHead) % kEntry != 0) {
    return MakeError(Category::corrupt, "not a digest");
  }
  Digest digest;
  std::memcpy(&digest.count_, bytes.data() + 4, 8);
  for (size_t at = kHead; at < bytes.size(); at += kEntry) {
    uint16_t index;
    std::memcpy(&index, bytes.data() + at, 2);
    if (index >= kBuckets) return MakeError(Category::corrupt, "a digest with a bucket out of range");
    std::memcpy(&digest.buckets_[index], bytes.data() + at + 2, sizeof(RecordHash));
  }
  return digest;
}

std::string Digest::Fingerprint() const {
  RecordHash total;
  for (const auto& bucket : buckets_) total += bucket;
  const auto hex = [](const Hash128& h) { return fmt::format("{:016x}{:016x}", h.high, h.low); };
  return fmt::format("vf{}:{}:{}:{}:{}", kVersion, count_, hex(total.key), hex(total.content), hex(total.vectors));
}

void Digest::Clear() {
  count_ = 0;
  std::fill(buckets_.begin(), buckets_.end(), RecordHash{});
}

}  // namespace vecferry
