#include "connectors/npy/header.h"

#include <charconv>

#include <fmt/format.h>

#include "base/text.h"

namespace vecferry::npy {
namespace {

using sidecar::Stored;

Status Corrupt(std::string_view what) {
  return MakeError(Category::corrupt, fmt::format("no sound .npy file: {}", what), "write it again with numpy.save");
}

/// Python's literal of a header: {'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }
class Literal {
 public:
  explicit Literal(std::string_view text) : text_(text) {}
  bool Take(char c) {
    Space();
    if (at_ == text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  bool Word(std::string_view word) {
    Space();
    if (!text_.substr(at_).starts_with(word)) return false;
    at_ += word.size();
    return true;
  }
  bool Text(std::string_view* out) {
    Space();
    if (at_ == text_.size() || (text_[at_] != '\'' && text_[at_] != '"')) return false;
    const size_t end = text_.find(text_[at_], at_ + 1);
    if (end == text_.npos) return false;
    *out = text_.substr(at_ + 1, end - at_ - 1);
    at_ = end + 1;
    return out->find('\\') == out->npos;
  }
  bool Number(int64_t* out) {
    Space();
    const auto [end, error] = std::from_chars(text_.data() + at_, text_.data() + text_.size(), *out);
    if (error != std::errc() || *out < 0) return false;
    at_ = static_cast<size_t>(end - text_.data());
    (void)Take('L');  // Python 2
    return true;
  }
  bool AtEnd() {
    Space();
    return at_ == text_.size();
  }

 private:
  void Space() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\n' || text_[at_] == '\t')) ++at_;
  }
  std::string_view text_;
  size_t at_ = 0;
};

struct Fields {
  std::string_view descr;
  bool fortran = false, has_fortran = false, has_shape = false;
  int64_t shape[2] = {0, 0};
  int dimensions = 0;
};

bool TakeShape(Literal& in, Fields* fields) {
  if (!in.Take('(')) return false;
  while (!in.Take(')')) {
    int64_t size = 0;
    if (!in.Number(&size)) return false;
    if (fields->dimensions < 2) fields->shape[fields->dimensions] = size;
    ++fields->dimensions;
    if (!in.Take(',')) return in.Take(')');
  }
  return true;
}

bool TakeField(Literal& in, Fields* fields) {
  std::string_view key;
  if (!in.Text(&key) || !in.Take(':')) return false;
  if (key == "descr") return fields->descr.empty() && in.Text(&fields->descr) && !fields->descr.empty();
  if (key == "fortran_order" && !fields->has_fortran) {
    fields->has_fortran = true;
    fields->fortran = in.Word("True");
    return fields->fortran || in.Word("False");
  }
  if (key == "shape" && !fields->has_shape) {
    fields->has_shape = true;
    return TakeShape(in, fields);
  }
  return false;
}

Result<Fields> ParseFields(std::string_view text) {
  Literal in(text);
  Fields fields;
  bool good = in.Take('{');
  while (good && !in.Take('}')) {
    good = TakeField(in, &fields);
    if (good && !in.Take(',')) {
      good = in.Take('}');
      break;
    }
  }
  if (!good || !in.AtEnd() || fields.descr.empty() || !fields.has_fortran || !fields.has_shape) return Corrupt("its header is not that of a plain array");
  return fields;
}

Result<Stored> StoredOf(std::string_view descr) {
  if (descr == "<f8") return Stored::f64;
  if (descr == "<f4") return Stored::f32;
  if (descr == "<f2") return Stored::f16;
  if (descr == "|u1") return Stored::u8;
  if (descr == "|i1") return Stored::i8;
  return MakeError(Category::unsupported, fmt::format("an array of type '{}' is not read", Printable(descr, 100)), "save it as float64, float32, float16, uint8 or int8 in little-endian order");
}

std::string_view DescrOf(Stored stored) {
  switch (stored) {
    case Stored::f64: return "<f8";
    case Stored::f32: return "<f4";
    case Stored::f16: return "<f2";
    case Stored::i8: return "|i1";
    default: return "|u1";
  }
}

}  // namespace

Result<Header> ParseHeader(std::string_view start) {
  if (!start.starts_with(kMagic) || start.size() < 10) return Corrupt("it does not begin as one");
  const int version = static_cast<unsigned char>(start[6]);
  if (version < 1 || version > 3 || start[7] != 0) return MakeError(Category::unsupported, fmt::format("a .npy file of version {} is not read", version), "save it with numpy.save");
  const size_t width = version == 1 ? 2 : 4, begin = 8 + width;
  if (start.size() < begin) return Corrupt("it is cut off");
  size_t length = 0;
  for (size_t i = width; i-- > 0;) length = length << 8 | static_cast<unsigned char>(start[8 + i]);
  if (length > kMaxHeader - begin || start.size() < begin + length) return Corrupt("its header is cut off, or longer than that of a plain array");
  ARROW_ASSIGN_OR_RAISE(const Fields fields, ParseFields(start.substr(begin, length)));
  Header header;
  ARROW_ASSIGN_OR_RAISE(header.stored, StoredOf(fields.descr));
  if (fields.dimensions != 2) return MakeError(Category::unsupported, fmt::format("an array of {} dimensions is not read", fields.dimensions), "save one row for each vector");
  header.rows = fields.shape[0];
  header.columns = fields.shape[1];
  if (fields.fortran && header.rows > 1 && header.columns > 1) {
    return MakeError(Category::unsupported, "an array in Fortran order is not read", "save numpy.ascontiguousarray(...) of it");
  }
  if (header.columns < 1 || header.columns > (1 << 20)) return MakeError(Category::unsupported, fmt::format("vectors of {} dimensions are not read", header.columns), "save one row for each vector");
  header.data_at = static_cast<int64_t>(begin + length);
  return header;
}

std::string MakeHeader(Stored stored, int64_t rows, int64_t columns) {
  std::string text = fmt::format("{{'descr': '{}', 'fortran_order': False, 'shape': ({}, {}), }}", DescrOf(stored), rows, columns);
  const size_t length = static_cast<size_t>(kHeadSize) - 10;
  text.resize(length - 1, ' ');
  return std::string(kMagic) + '\x01' + '\0' + static_cast<char>(length) + '\0' + text + '\n';
}

}  // namespace vecferry::npy
