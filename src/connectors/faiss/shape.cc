#include "connectors/faiss/shape.h"

#include "base/text.h"
#include "connectors/faiss/byte_walk.h"

namespace vecferry::faiss_files {
namespace {

constexpr int kMaxDepth = 8;
constexpr int32_t kMaxDims = 1 << 20;
/// What a product quantizer's tables may take, in floats: libfaiss makes some while it loads.
constexpr uint64_t kMaxTable = uint64_t{1} << 26;

std::string Spelled(uint32_t code) {
  std::string text(4, ' ');
  std::memcpy(text.data(), &code, 4);
  return Printable(text);
}

Status NotRead(uint32_t code) {
  struct Known {
    uint32_t code;
    const char* what;
  };
  static constexpr Known kKnown[] = {
      {Code("IxHE"), "IndexLSH keeps signs alone"}, {Code("IxHe"), "IndexLSH keeps signs alone"}, {Code("IPfs"), "IndexPQFastScan"}, {Code("IwPf"), "IndexIVFPQFastScan"},
      {Code("IxRQ"), "IndexResidualQuantizer"}, {Code("IxRq"), "IndexResidualQuantizer"}, {Code("IxLS"), "IndexLocalSearchQuantizer"}, {Code("IxPR"), "IndexProductResidualQuantizer"},
      {Code("IxPL"), "IndexProductLocalSearchQuantizer"}, {Code("IxLa"), "IndexLattice"}, {Code("Ix2L"), "Index2Layer"}, {Code("IwSh"), "IndexIVFSpectralHash"},
      {Code("IwQR"), "IndexIVFPQR"}, {Code("IBHh"), "IndexBinaryHash"}, {Code("IBHm"), "IndexBinaryMultiHash"}, {Code("IBFf"), "IndexBinaryFromFloat"}, {Code("null"), "no index"},
  };
  std::string name;
  for (const auto& known : kKnown) {
    if (known.code == code) name = fmt::format(" ({})", known.what);
  }
  return MakeError(Category::unsupported, fmt::format("an index of kind '{}'{} is not read", Spelled(code), name),
                   "read are Flat, IVFFlat, HNSWFlat, scalar and product quantizers, IDMap, PreTransform, Refine and binary indexes: with FAISS, reconstruct the vectors into one of those");
}

/// One index, nested ones included. What is of no use for reading vectors is stepped over.
class Walker {
 public:
  explicit Walker(ByteWalk& bytes) : bytes_(bytes) {}

  Result<Shape> Index(int depth) {
    if (depth > kMaxDepth) return bytes_.Corrupt("indexes are nested too deeply");
    ARROW_ASSIGN_OR_RAISE(const auto code, bytes_.Take<uint32_t>());
    switch (code) {
      case Code("IxF2"): case Code("IxFI"): case Code("IxFl"): return Flat();
      case Code("IBxF"): return BinaryFlat();
      case Code("IxMp"): case Code("IBMp"): return IdMap("IDMap", code == Code("IBMp"), depth);
      case Code("IxM2"): case Code("IBM2"): return IdMap("IDMap2", code == Code("IBM2"), depth);
      case Code("IHNf"): case Code("IHNs"): case Code("IHNp"): case Code("IBHf"): return Hnsw(code, depth);
      case Code("IwFl"): case Code("IwSq"): case Code("IwSQ"): case Code("IwPQ"): case Code("IBwF"): return Ivf(code, depth);
      case Code("IxSQ"): return Scalar();
      case Code("IxPq"): case Code("IxPo"): case Code("IxPQ"): return Product(code);
      case Code("IxPT"): return PreTransform(depth);
      case Code("IxRF"): return Refine(depth);
      default: return NotRead(code);
    }
  }

 private:
  /// A boolean: what is neither 0 nor 1 would be undefined inside libfaiss.
  Result<bool> Flag() {
    ARROW_ASSIGN_OR_RAISE(const auto value, bytes_.Take<uint8_t>());
    return value <= 1 ? Result<bool>(value == 1) : bytes_.Corrupt("a flag that is neither set nor clear");
  }

  Result<Shape> Header(bool binary) {
    Shape shape;
    shape.binary = binary;
    ARROW_ASSIGN_OR_RAISE(shape.dims, bytes_.Take<int32_t>());
    if (binary) {
      ARROW_ASSIGN_OR_RAISE(const auto code_size, bytes_.Take<int32_t>());
      if (shape.dims % 8 != 0 || code_size != shape.dims / 8) return bytes_.Corrupt("a size of codes that does not fit its bits");
    }
    ARROW_ASSIGN_OR_RAISE(shape.count, bytes_.Take<int64_t>());
    if (!binary) ARROW_RETURN_NOT_OK(bytes_.Skip(16));
    ARROW_ASSIGN_OR_RAISE(shape.trained, Flag());
    ARROW_ASSIGN_OR_RAISE(shape.metric, bytes_.Take<int32_t>());
    if (!binary && shape.metric > 1) ARROW_RETURN_NOT_OK(bytes_.Skip(4));
    if (shape.dims <= 0 || shape.dims > kMaxDims) return bytes_.Corrupt(fmt::format("{} dimensions", shape.dims));
    if (shape.count < 0) return bytes_.Corrupt("a negative number of vectors");
    return shape;
  }

  Result<Shape> Flat() {
    ARROW_ASSIGN_OR_RAISE(Shape shape, Header(false));
    ARROW_ASSIGN_OR_RAISE(const int64_t floats, bytes_.Items(4, &shape.rows_at));
    if (floats % shape.dims != 0 || floats / shape.dims != shape.count) return bytes_.Corrupt("another number of floats than of vectors");
    shape.words = "Flat";
    return shape;
  }

  Result<Shape> BinaryFlat() {
    ARROW_ASSIGN_OR_RAISE(Shape shape, Header(true));
    ARROW_ASSIGN_OR_RAISE(const int64_t size, bytes_.Items(1, &shape.rows_at));
    if (size % shape.width() != 0 || size / shape.width() != shape.count) return bytes_.Corrupt("another number of bytes than of vectors");
    shape.words = "BFlat";
    return shape;
  }

  /// What an outer index says of the one in it.
  Result<Shape> Inner(const Shape& outer, std::string_view word, int depth) {
    ARROW_ASSIGN_OR_RAISE(Shape inner, Index(depth + 1));
    if (inner.binary != outer.binary || inner.dims != outer.dims || inner.count != outer.count) {
      return bytes_.Corrupt("an index that does not fit the one in it");
    }
    inner.metric = outer.metric;
    inner.words = fmt::format("{},{}", word, inner.words);
    return inner;
  }

  Result<Shape> IdMap(std::string_view word, bool binary, int depth) {
    ARROW_ASSIGN_OR_RAISE(const Shape outer, Header(binary));
    ARROW_ASSIGN_OR_RAISE(Shape shape, Inner(outer, word, depth));
    if (shape.ids_at) return bytes_.Corrupt("ids of ids");
    int64_t at = 0;
    ARROW_ASSIGN_OR_RAISE(const int64_t ids, bytes_.Items(8, &at));
    if (ids != shape.count) return bytes_.Corrupt("another number of ids than of vectors");
    shape.ids_at = at;
    return shape;
  }

  Result<Shape> Hnsw(uint32_t code, int depth) {
    ARROW_ASSIGN_OR_RAISE(const Shape outer, Header(code == Code("IBHf")));
    for (const int64_t size : {8, 4, 4, 8, 4}) ARROW_RETURN_NOT_OK(bytes_.Items(size).status());
    ARROW_RETURN_NOT_OK(bytes_.Skip(5 * 4));
    ARROW_ASSIGN_OR_RAISE(Shape shape, Inner(outer, "HNSW", depth));
    const bool flat = code == Code("IHNf") || code == Code("IBHf");
    if (flat ? shape.storage != Shape::Storage::rows : !shape.words.starts_with(code == Code("IHNs") ? "HNSW,SQ" : "HNSW,PQ")) {
      return bytes_.Corrupt("a graph over another kind of index than it says,");
    }
    return shape;
  }

  Result<Shape> Scalar() {
    ARROW_ASSIGN_OR_RAISE(Shape shape, Header(false));
    std::string word;
    ARROW_ASSIGN_OR_RAISE(const int64_t code_size, ScalarQuantizer(shape, &word));
    ARROW_ASSIGN_OR_RAISE(const int64_t bytes, bytes_.Items(1));
    if (bytes % code_size != 0 || bytes / code_size != shape.count) return bytes_.Corrupt("another number of codes than of vectors");
    return Quantised(shape, word);
  }

  Result<Shape> Product(uint32_t code) {
    ARROW_ASSIGN_OR_RAISE(Shape shape, Header(false));
    ARROW_ASSIGN_OR_RAISE(const int64_t code_size, ProductQuantizer(shape));
    ARROW_ASSIGN_OR_RAISE(const int64_t bytes, bytes_.Items(1));
    if (bytes % code_size != 0 || bytes / code_size != shape.count) return bytes_.Corrupt("another number of codes than of vectors");
    if (code != Code("IxPQ")) {
      ARROW_RETURN_NOT_OK(bytes_.Skip(4));
      ARROW_RETURN_NOT_OK(Flag().status());
      ARROW_RETURN_NOT_OK(bytes_.Skip(4));
    }
    return Quantised(shape, "PQ");
  }

  Result<Shape> Quantised(Shape shape, std::string_view word) {
    // FAISS adds to none that is not trained, and its search of one throws where nobody catches.
    if (!shape.trained && shape.count > 0) return bytes_.Corrupt("codes of a quantizer that is not trained,");
    shape.words = word;
    shape.lossy = true;
    shape.storage = Shape::Storage::library;
    return shape;
  }

  /// The bytes of a code, and how the type is called.
  Result<int64_t> ScalarQuantizer(const Shape& shape, std::string* word) {
    ARROW_ASSIGN_OR_RAISE(const auto type, bytes_.Take<int32_t>());
    ARROW_RETURN_NOT_OK(bytes_.Skip(8));
    ARROW_ASSIGN_OR_RAISE(const auto dims, bytes_.Take<uint64_t>());
    ARROW_ASSIGN_OR_RAISE(const auto code_size, bytes_.Take<uint64_t>());
    ARROW_ASSIGN_OR_RAISE(const int64_t trained, bytes_.Items(4));
    const int64_t d = shape.dims;
    // 8bit, 4bit, 8bit_uniform, 4bit_uniform, fp16, 8bit_direct, 6bit; what came later ends the process inside libfaiss 1.7.
    const int64_t sizes[] = {d, (d + 1) / 2, d, (d + 1) / 2, 2 * d, d, (6 * d + 7) / 8};
    static constexpr const char* kWords[] = {"SQ8", "SQ4", "SQ8_uniform", "SQ4_uniform", "SQfp16", "SQ8_direct", "SQ6"};
    const int64_t ranges[] = {2 * d, 2 * d, 2, 2, 0, 0, 2 * d};
    if (type < 0 || type > 6) {
      return MakeError(Category::unsupported, fmt::format("a scalar quantizer of type {}{} is not read", type, type == 7 ? " (bf16)" : ""),
                       "read are 8bit, 6bit, 4bit, fp16 and 8bit_direct: with FAISS, reconstruct the vectors into one of those or a Flat index");
    }
    if (dims != static_cast<uint64_t>(d) || code_size != static_cast<uint64_t>(sizes[type])) return bytes_.Corrupt("a scalar quantizer of other dimensions");
    if (trained != ranges[type] && shape.trained && shape.count > 0) return bytes_.Corrupt("a scalar quantizer without its ranges");
    *word = kWords[type];
    return sizes[type];
  }

  Result<int64_t> ProductQuantizer(const Shape& shape) {
    ARROW_ASSIGN_OR_RAISE(const auto dims, bytes_.Take<uint64_t>());
    ARROW_ASSIGN_OR_RAISE(const auto parts, bytes_.Take<uint64_t>());
    ARROW_ASSIGN_OR_RAISE(const auto bits, bytes_.Take<uint64_t>());
    ARROW_ASSIGN_OR_RAISE(const int64_t centroids, bytes_.Items(4));
    if (dims != static_cast<uint64_t>(shape.dims) || parts == 0 || parts > dims || dims % parts != 0 || bits == 0 || bits > 16) {
      return bytes_.Corrupt("a product quantizer of other dimensions");
    }
    if (centroids != static_cast<int64_t>(dims) << bits && (shape.count > 0 || centroids != 0)) return bytes_.Corrupt("a product quantizer without its centroids");
    if (!IsReadProduct(parts, bits)) {
      return MakeError(Category::unsupported, fmt::format("a product quantizer of {} x {} bits is not read", parts, bits), "with FAISS, reconstruct the vectors into a Flat index");
    }
    return static_cast<int64_t>((parts * bits + 7) / 8);
  }

  Result<Shape> Ivf(uint32_t code, int depth) {
    const bool binary = code == Code("IBwF");
    ARROW_ASSIGN_OR_RAISE(Shape shape, Header(binary));
    ARROW_ASSIGN_OR_RAISE(const auto lists, bytes_.Take<uint64_t>());
    ARROW_RETURN_NOT_OK(bytes_.Skip(8));
    ARROW_ASSIGN_OR_RAISE(const Shape quantizer, Index(depth + 1));
    if (quantizer.dims != shape.dims || quantizer.binary != binary) return bytes_.Corrupt("a coarse quantizer of other dimensions");
    // Each list costs memory: there are as many as the quantizer has vectors.
    if (lists > INT64_MAX || (static_cast<int64_t>(lists) != quantizer.count && shape.count > 0)) return bytes_.Corrupt("another number of lists than its quantizer has");
    ARROW_ASSIGN_OR_RAISE(const auto map, bytes_.Take<uint8_t>());
    ARROW_RETURN_NOT_OK(bytes_.Items(8).status());
    if (map > 2) return bytes_.Corrupt("an unknown kind of direct map");
    if (map == 2) ARROW_RETURN_NOT_OK(bytes_.Items(16).status());
    int64_t width = shape.width();
    std::string word = binary ? "BFlat" : "Flat";
    if (code == Code("IwPQ")) {
      ARROW_RETURN_NOT_OK(Flag().status());
      ARROW_ASSIGN_OR_RAISE(const auto size, bytes_.Take<uint64_t>());
      ARROW_ASSIGN_OR_RAISE(width, ProductQuantizer(shape));
      if (size != static_cast<uint64_t>(width)) return bytes_.Corrupt("a size of codes that does not fit");
      word = "PQ";
    } else if (code == Code("IwSq") || code == Code("IwSQ")) {
      ARROW_ASSIGN_OR_RAISE(width, ScalarQuantizer(shape, &word));
      ARROW_ASSIGN_OR_RAISE(const auto size, bytes_.Take<uint64_t>());
      if (size != static_cast<uint64_t>(width)) return bytes_.Corrupt("a size of codes that does not fit");
      if (code == Code("IwSq")) ARROW_RETURN_NOT_OK(Flag().status());
    }
    ARROW_RETURN_NOT_OK(InvertedLists(static_cast<int64_t>(lists), width, &shape));
    shape.words = fmt::format("{}{},{}", binary ? "BIVF" : "IVF", lists, word);
    shape.lossy = word == "PQ" || word.starts_with("SQ");
    shape.storage = shape.lossy ? Shape::Storage::library : Shape::Storage::lists;
    return shape;
  }

  Status InvertedLists(int64_t lists, int64_t width, Shape* shape) {
    ARROW_ASSIGN_OR_RAISE(const auto code, bytes_.Take<uint32_t>());
    if (code == Code("il00")) return shape->count == 0 ? Status::OK() : bytes_.Corrupt("inverted lists that are kept elsewhere,");
    if (code != Code("ilar")) {
      return MakeError(Category::unsupported, fmt::format("inverted lists of kind '{}' are not read", Spelled(code)), "with FAISS, write the index with its lists in the file");
    }
    ARROW_ASSIGN_OR_RAISE(const auto nlist, bytes_.Take<uint64_t>());
    ARROW_ASSIGN_OR_RAISE(const auto code_size, bytes_.Take<uint64_t>());
    if (nlist != static_cast<uint64_t>(lists) || code_size != static_cast<uint64_t>(width)) return bytes_.Corrupt("inverted lists of another shape");
    ARROW_ASSIGN_OR_RAISE(std::vector<int64_t> sizes, ListSizes(lists));
    int64_t total = 0;
    for (const int64_t size : sizes) {
      const int64_t codes_at = bytes_.at();
      if (size > bytes_.left() / (width + 8)) return bytes_.Short();
      ARROW_RETURN_NOT_OK(bytes_.Skip(size * (width + 8)));
      shape->lists.push_back({codes_at, codes_at + size * width, size});
      total += size;
    }
    return total == shape->count ? Status::OK() : bytes_.Corrupt("another number of vectors in the lists than it says");
  }

  /// Sizes of the lists that are not empty, in the order in which they stand.
  Result<std::vector<int64_t>> ListSizes(int64_t lists) {
    ARROW_ASSIGN_OR_RAISE(const auto code, bytes_.Take<uint32_t>());
    if (code != Code("full") && code != Code("sprs")) return bytes_.Corrupt("unknown sizes of lists");
    const bool sparse = code == Code("sprs");
    ARROW_ASSIGN_OR_RAISE(const auto n, bytes_.Take<uint64_t>());
    if (n > static_cast<uint64_t>(bytes_.left()) / 8 || (sparse ? n % 2 != 0 : n != static_cast<uint64_t>(lists))) return bytes_.Corrupt("sizes of other lists");
    std::vector<int64_t> sizes;
    int64_t last = -1;
    for (uint64_t i = 0; i < n; i += sparse ? 2 : 1) {
      if (sparse) {
        ARROW_ASSIGN_OR_RAISE(const auto list, bytes_.Take<uint64_t>());
        if (list >= static_cast<uint64_t>(lists) || static_cast<int64_t>(list) <= last) return bytes_.Corrupt("lists out of order");
        last = static_cast<int64_t>(list);
      }
      ARROW_ASSIGN_OR_RAISE(const auto size, bytes_.Take<uint64_t>());
      if (size > INT64_MAX / 2) return bytes_.Short();
      if (size > 0) sizes.push_back(static_cast<int64_t>(size));
    }
    return sizes;
  }

  Result<Shape> PreTransform(int depth) {
    ARROW_ASSIGN_OR_RAISE(const Shape outer, Header(false));
    ARROW_ASSIGN_OR_RAISE(const auto transforms, bytes_.Take<int32_t>());
    if (transforms < 0 || transforms > 8) return bytes_.Corrupt("an unlikely number of transforms");
    int32_t dims = outer.dims;
    for (int32_t i = 0; i < transforms; ++i) ARROW_RETURN_NOT_OK(Transform(&dims));
    ARROW_ASSIGN_OR_RAISE(Shape shape, Index(depth + 1));
    if (shape.binary || shape.dims != dims || shape.count != outer.count) return bytes_.Corrupt("an index that does not fit the transforms before it");
    if (shape.ids_at) return NotRead(Code("IxPT"));
    shape.dims = outer.dims;
    shape.metric = outer.metric;
    shape.words = "PreTransform," + shape.words;
    shape.lossy = shape.lossy || transforms > 0;
    shape.storage = transforms > 0 ? Shape::Storage::library : shape.storage;
    return shape;
  }

  Status Transform(int32_t* dims) {
    ARROW_ASSIGN_OR_RAISE(const auto code, bytes_.Take<uint32_t>());
    int64_t matrix = -1, bias = 0, mean = -1;
    bool biased = false;
    switch (code) {
      case Code("PcAm"): case Code("Pcam"): case Code("PCAm"):
        ARROW_RETURN_NOT_OK(bytes_.Skip(code == Code("Pcam") ? 8 : 4));
        ARROW_RETURN_NOT_OK(Flag().status());
        ARROW_RETURN_NOT_OK(bytes_.Skip(code == Code("PCAm") ? 0 : 4));
        for (int i = 0; i < 3; ++i) ARROW_RETURN_NOT_OK(bytes_.Items(4).status());
        [[fallthrough]];
      case Code("rrot"): case Code("LTra"): {
        ARROW_ASSIGN_OR_RAISE(biased, Flag());
        ARROW_ASSIGN_OR_RAISE(matrix, bytes_.Items(4));
        ARROW_ASSIGN_OR_RAISE(bias, bytes_.Items(4));
        break;
      }
      case Code("VNrm"): ARROW_RETURN_NOT_OK(bytes_.Skip(4)); break;
      case Code("VCnt"): {
        ARROW_ASSIGN_OR_RAISE(mean, bytes_.Items(4));
        break;
      }
      default: return NotRead(code);
    }
    ARROW_ASSIGN_OR_RAISE(const auto in, bytes_.Take<int32_t>());
    ARROW_ASSIGN_OR_RAISE(const auto out, bytes_.Take<int32_t>());
    ARROW_RETURN_NOT_OK(Flag().status());
    if (in != *dims || out <= 0 || out > kMaxDims) return bytes_.Corrupt("a transform of other dimensions");
    if (matrix >= 0 && (matrix != int64_t{in} * out || (bias != out && (biased || bias != 0)))) return bytes_.Corrupt("a transform without its matrix");
    if (matrix < 0 && (in != out || (mean >= 0 && mean != in))) return bytes_.Corrupt("a transform of other dimensions");
    *dims = out;
    return Status::OK();
  }

  /// The vectors of the second index, which are the finer ones.
  Result<Shape> Refine(int depth) {
    ARROW_ASSIGN_OR_RAISE(const Shape outer, Header(false));
    ARROW_ASSIGN_OR_RAISE(const Shape base, Index(depth + 1));
    ARROW_ASSIGN_OR_RAISE(Shape fine, Index(depth + 1));
    ARROW_RETURN_NOT_OK(bytes_.Skip(4));
    if (fine.dims != outer.dims || fine.count != outer.count || base.count != outer.count) return bytes_.Corrupt("an index that does not fit the ones in it");
    if (fine.storage != Shape::Storage::rows || fine.ids_at || base.ids_at) return NotRead(Code("IxRF"));
    fine.metric = outer.metric;
    fine.words = fmt::format("Refine({},{})", base.words, fine.words);
    return fine;
  }

  ByteWalk& bytes_;
};

}  // namespace

Result<Shape> Walk(const files::File& file) {
  ARROW_ASSIGN_OR_RAISE(const files::Stamp stamp, file.Stat());
  ByteWalk bytes(file, stamp.size);
  ARROW_ASSIGN_OR_RAISE(Shape shape, Walker(bytes).Index(0));
  if (bytes.left() != 0) return bytes.Corrupt("bytes behind its end,");
  // Where the only rows of a library's index are none, there is nothing to decode.
  if (shape.count == 0) {
    shape.storage = Shape::Storage::rows;
    shape.rows_at = bytes.at();
  }
  return shape;
}

bool IsReadProduct(uint64_t parts, uint64_t bits) { return bits <= 8 || parts <= kMaxTable >> (2 * std::min<uint64_t>(bits, 13)); }

bool LooksLikeIndex(std::string_view start) {
  if (start.size() < 4) return false;
  const std::string_view code = start.substr(0, 4);
  for (const std::string_view known : {"IxF2", "IxFI", "IxFl", "IxMp", "IxM2", "IHNf", "IHNs", "IHNp", "IwFl", "IwSq", "IwSQ", "IwPQ", "IxSQ", "IxPq", "IxPT", "IxRF", "IBxF", "IBwF", "IBHf", "IBMp", "IBM2"}) {
    if (code == known) return true;
  }
  return false;
}

}  // namespace vecferry::faiss_files
