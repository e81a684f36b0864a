#include "migration/search_kernel.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

#include "record/distance.h"

namespace vecferry {
namespace {

constexpr size_t kLanes = 8;
typedef float Lanes __attribute__((vector_size(kLanes * sizeof(float))));
/// A tile of so many queries and records shares what it loads.
constexpr size_t kTileQueries = 4, kTileRows = 2;

enum class Form { difference_squared, difference, product };

[[gnu::always_inline]] inline void Step(Form form, const Lanes& a, const Lanes& b, Lanes* sum) {
  if (form == Form::product) {
    *sum += a * b;
    return;
  }
  const Lanes d = a - b;
  if (form == Form::difference_squared) *sum += d * d;
  else *sum += d < 0 ? -d : d;
}

[[gnu::always_inline]] inline float Sum(const Lanes& lanes) {
  return ((lanes[0] + lanes[4]) + (lanes[1] + lanes[5])) + ((lanes[2] + lanes[6]) + (lanes[3] + lanes[7]));
}

struct Block {
  const float* queries;
  const float* rows;
  float* out;
  size_t count, n, stride;
};

/// One tile. Each pair is summed in the same order wherever it stands in a tile, so that equal vectors have equal distances.
template <Form kForm, size_t kQ, size_t kR>
[[gnu::always_inline]] inline void Tile(const Block& block, size_t q, size_t r) {
  Lanes sums[kQ][kR] = {};
  for (size_t i = 0; i < block.stride; i += kLanes) {
    Lanes a[kQ], b[kR];
    for (size_t x = 0; x < kQ; ++x) std::memcpy(&a[x], block.queries + (q + x) * block.stride + i, sizeof(Lanes));
    for (size_t y = 0; y < kR; ++y) std::memcpy(&b[y], block.rows + (r + y) * block.stride + i, sizeof(Lanes));
    for (size_t x = 0; x < kQ; ++x) {
      for (size_t y = 0; y < kR; ++y) Step(kForm, a[x], b[y], &sums[x][y]);
    }
  }
  for (size_t x = 0; x < kQ; ++x) {
    for (size_t y = 0; y < kR; ++y) block.out[(q + x) * DistanceBlock::kRows + r + y] = Sum(sums[x][y]);
  }
}

template <Form kForm>
[[gnu::always_inline]] inline void Whole(const Block& block) {
  const size_t rows = block.n / kTileRows * kTileRows;
  for (size_t r = 0; r < rows; r += kTileRows) {
    size_t q = 0;
    for (; q + kTileQueries <= block.count; q += kTileQueries) Tile<kForm, kTileQueries, kTileRows>(block, q, r);
    for (; q < block.count; ++q) Tile<kForm, 1, kTileRows>(block, q, r);
  }
  for (size_t r = rows; r < block.n; ++r) {
    for (size_t q = 0; q < block.count; ++q) Tile<kForm, 1, 1>(block, q, r);
  }
}

[[gnu::always_inline]] inline void AnyForm(Form form, const Block& block) {
  if (form == Form::product) Whole<Form::product>(block);
  else if (form == Form::difference) Whole<Form::difference>(block);
  else Whole<Form::difference_squared>(block);
}

void Portable(Form form, const Block& block) { AnyForm(form, block); }

#if defined(__x86_64__) && defined(__GNUC__)
[[gnu::target("avx2,fma")]] void Wide(Form form, const Block& block) { AnyForm(form, block); }
bool HasWide() {
  static const bool has = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  return has;
}
#else
void Wide(Form form, const Block& block) { Portable(form, block); }
bool HasWide() { return false; }
#endif

/// Where element i of a vector of bits stands in the words that its bytes make: the first is the highest bit of the first byte.
constexpr size_t Place(size_t i) { return i % 64 / 8 * 8 + (7 - i % 8); }

double Jaccard(int64_t both, int64_t either) { return both == 0 ? 1 : 1 - static_cast<double>(both) / static_cast<double>(either); }

float Bfloat(uint16_t bits) { return std::bit_cast<float>(static_cast<uint32_t>(bits) << 16); }

template <typename T, typename Convert>
void Each(std::string_view bytes, float* out, Convert convert) {
  for (size_t i = 0; i < bytes.size() / sizeof(T); ++i) {
    T value;
    std::memcpy(&value, bytes.data() + i * sizeof(T), sizeof(T));
    out[i] = convert(value);
  }
}

double SumOf(const float* v, size_t n, bool squared) {
  double sum = 0;
  for (size_t i = 0; i < n; ++i) sum += squared ? static_cast<double>(v[i]) * v[i] : std::fabs(static_cast<double>(v[i]));
  return sum;
}

}  // namespace

void ToFloats(const VectorSpec& spec, std::string_view bytes, float* out) {
  switch (spec.element) {
    case Element::f32: std::memcpy(out, bytes.data(), bytes.size()); return;
    case Element::f16: Each<uint16_t>(bytes, out, HalfToFloat); return;
    case Element::bf16: Each<uint16_t>(bytes, out, Bfloat); return;
    case Element::u8: Each<uint8_t>(bytes, out, [](uint8_t v) { return static_cast<float>(v); }); return;
    case Element::i8: Each<int8_t>(bytes, out, [](int8_t v) { return static_cast<float>(v); }); return;
    case Element::bit:
      for (int32_t i = 0; i < spec.dims; ++i) out[i] = static_cast<float>((static_cast<unsigned char>(bytes[static_cast<size_t>(i / 8)]) >> (7 - i % 8)) & 1);
  }
}

DistanceBlock::DistanceBlock(const VectorSpec& spec, Metric metric, const std::vector<std::vector<float>>& queries)
    : spec_(spec), metric_(metric), packed_(spec.element == Element::bit && (metric == Metric::hamming || metric == Metric::jaccard)), count_(queries.size()) {
  const auto dims = static_cast<size_t>(spec.dims);
  stride_ = packed_ ? (dims + 63) / 64 : (dims + kLanes - 1) / kLanes * kLanes;
  out_.resize(count_ * kRows);
  if (packed_) {
    query_words_.resize(count_ * stride_);
    row_words_.resize(static_cast<size_t>(kRows) * stride_);
  } else {
    queries_.resize(count_ * stride_);
    rows_.resize(static_cast<size_t>(kRows) * stride_);
  }
  for (size_t q = 0; q < count_; ++q) {
    const auto& query = queries[q];
    for (size_t i = 0; packed_ && i < dims; ++i) query_words_[q * stride_ + i / 64] |= static_cast<uint64_t>(query[i] != 0) << Place(i);
    scale_.push_back(metric == Metric::l2 ? SumOf(query.data(), dims, true) : metric == Metric::l1 ? SumOf(query.data(), dims, false) : 1);
    if (packed_) continue;
    std::copy(query.begin(), query.end(), queries_.begin() + static_cast<ptrdiff_t>(q * stride_));
    if (metric == Metric::cosine) Unit(&queries_[q * stride_]);
  }
}

void DistanceBlock::Unit(float* vector) const {
  const double norm = std::sqrt(SumOf(vector, static_cast<size_t>(spec_.dims), true));
  if (norm == 0) return;
  for (int32_t i = 0; i < spec_.dims; ++i) vector[i] = static_cast<float>(vector[i] / norm);
}

void DistanceBlock::Load(const uint8_t* data, int64_t rows) {
  const auto width = static_cast<size_t>(spec_.width());
  for (int64_t r = 0; r < rows; ++r) {
    float* const row = &rows_[static_cast<size_t>(r) * stride_];
    ToFloats(spec_, {reinterpret_cast<const char*>(data) + static_cast<size_t>(r) * width, width}, row);
    if (metric_ == Metric::cosine) Unit(row);
  }
}

std::span<const float> DistanceBlock::Compute(const uint8_t* data, int64_t rows) {
  if (packed_) {
    Bits(data, rows);
    return out_;
  }
  Load(data, rows);
  if (metric_ == Metric::hamming || metric_ == Metric::jaccard) {
    Odd(rows);
    return out_;
  }
  const Form form = metric_ == Metric::dot ? Form::product : metric_ == Metric::l1 ? Form::difference : Form::difference_squared;
  const Block block{queries_.data(), rows_.data(), out_.data(), count_, static_cast<size_t>(rows), stride_};
  if (HasWide()) Wide(form, block);
  else Portable(form, block);
  // The squared distance of two unit vectors is twice 1 - cosine, without the digits that a subtraction from 1 would lose.
  if (metric_ == Metric::cosine) {
    const auto zero = [&](const float* v) { return std::all_of(v, v + stride_, [](float x) { return x == 0; }); };
    for (float& d : out_) d *= 0.5f;
    for (int64_t r = 0; r < rows; ++r) {
      if (!zero(&rows_[static_cast<size_t>(r) * stride_])) continue;
      for (size_t q = 0; q < count_; ++q) out_[q * kRows + static_cast<size_t>(r)] = 1;
    }
    for (size_t q = 0; q < count_; ++q) {
      if (zero(&queries_[q * stride_])) std::fill_n(&out_[q * kRows], kRows, 1.0f);
    }
  }
  if (metric_ == Metric::dot) {
    for (float& d : out_) d = -d;
  }
  return out_;
}

void DistanceBlock::Bits(const uint8_t* data, int64_t rows) {
  const auto width = static_cast<size_t>(spec_.width());
  std::fill(row_words_.begin(), row_words_.end(), 0);
  for (int64_t r = 0; r < rows; ++r) std::memcpy(&row_words_[static_cast<size_t>(r) * stride_], data + static_cast<size_t>(r) * width, width);
  // Bits beyond the dimensions are no part of the vector.
  uint64_t last = 0;
  for (size_t i = (stride_ - 1) * 64; i < static_cast<size_t>(spec_.dims); ++i) last |= uint64_t{1} << Place(i);
  for (size_t r = 0; r < static_cast<size_t>(rows) && stride_ > 0; ++r) row_words_[(r + 1) * stride_ - 1] &= last;
  for (size_t q = 0; q < count_; ++q) {
    const uint64_t* const a = &query_words_[q * stride_];
    for (size_t r = 0; r < static_cast<size_t>(rows); ++r) {
      const uint64_t* const b = &row_words_[r * stride_];
      int64_t differ = 0, both = 0, either = 0;
      for (size_t i = 0; i < stride_; ++i) {
        differ += std::popcount(a[i] ^ b[i]);
        both += std::popcount(a[i] & b[i]);
        either += std::popcount(a[i] | b[i]);
      }
      out_[q * kRows + r] = static_cast<float>(metric_ == Metric::hamming ? static_cast<double>(differ) : Jaccard(both, either));
    }
  }
}

void DistanceBlock::Odd(int64_t rows) {
  const auto dims = static_cast<size_t>(spec_.dims);
  for (size_t q = 0; q < count_; ++q) {
    for (size_t r = 0; r < static_cast<size_t>(rows); ++r) {
      const float *a = &queries_[q * stride_], *b = &rows_[r * stride_];
      double differ = 0, least = 0, most = 0;
      for (size_t i = 0; i < dims; ++i) {
        differ += a[i] != b[i];
        least += std::min(a[i], b[i]);
        most += std::max(a[i], b[i]);
      }
      out_[q * kRows + r] = static_cast<float>(metric_ == Metric::hamming ? differ : most == 0 ? 1 : 1 - least / most);
    }
  }
}

double DistanceBlock::Tie(size_t query, double distance, double precision) const {
  if (metric_ == Metric::hamming) return precision < 1 ? 1 : 0;
  const double scale = metric_ == Metric::dot ? std::fabs(distance) : scale_[query];
  // The cosine's own direction is declared; of a distance the relative error of that is twice as large, being squared.
  return 1e-5 * std::fabs(distance) + (1e-6 + (1 - precision)) * scale;
}

}  // namespace vecferry
