#include "connectors/qdrant_local/pickle_writer.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <numeric>

#include <fmt/format.h>

#include "base/text.h"

namespace vecferry::qdrant_local {
namespace {

constexpr size_t kMaxDigits = 4000;

/// SHORT_BINUNICODE of a constant.
std::string ShortText(std::string_view text) {
  std::string out;
  AppendText(text, &out);
  return out;
}

/// STACK_GLOBAL, EMPTY_TUPLE, NEWOBJ, EMPTY_DICT, MARK, '__dict__', EMPTY_DICT, MARK.
std::string ClassHead(std::string_view name) {
  return ShortText("qdrant_client.http.models.models") + ShortText(name) + "\x93)\x81}(" + ShortText("__dict__") + "}(";
}

/// SETITEMS of the fields, the state of both pydantic generations, SETITEMS, BUILD.
std::string ClassTail(const std::vector<std::string_view>& fields) {
  std::string set = "\x8f(";
  for (const auto field : fields) set += ShortText(field);
  set += '\x90';
  return "u" + ShortText("__fields_set__") + set + ShortText("__private_attribute_values__") + "}" +
         ShortText("__pydantic_extra__") + "N" + ShortText("__pydantic_fields_set__") + set +
         ShortText("__pydantic_private__") + "N" + "ub";
}

void AppendLittleEndian(uint64_t value, int n, std::string* out) {
  for (int i = 0; i < n; ++i) *out += static_cast<char>(value >> (8 * i));
}

/// LONG1 or LONG4 of a magnitude given in little-endian words.
void AppendLong(std::vector<uint8_t> bytes, bool negative, std::string* out) {
  while (!bytes.empty() && bytes.back() == 0) bytes.pop_back();
  bytes.push_back(0);
  if (negative) {
    int carry = 1;
    for (auto& byte : bytes) {
      const int sum = static_cast<uint8_t>(~byte) + carry;
      byte = static_cast<uint8_t>(sum);
      carry = sum >> 8;
    }
  }
  // The fewest bytes that keep the sign. (CPython trims 0xff only of a negative number.)
  while (negative && bytes.size() > 1 && bytes.back() == 0xFF && (bytes[bytes.size() - 2] & 0x80)) bytes.pop_back();
  while (!negative && bytes.size() > 1 && bytes.back() == 0 && !(bytes[bytes.size() - 2] & 0x80)) bytes.pop_back();
  if (bytes.size() < 256) {
    *out += '\x8a';
    *out += static_cast<char>(bytes.size());
  } else {
    *out += '\x8b';
    AppendLittleEndian(bytes.size(), 4, out);
  }
  out->append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
}

void AppendMagnitude(uint64_t magnitude, bool negative, std::string* out) {
  std::vector<uint8_t> bytes(8);
  for (int i = 0; i < 8; ++i) bytes[static_cast<size_t>(i)] = static_cast<uint8_t>(magnitude >> (8 * i));
  AppendLong(std::move(bytes), negative, out);
}

}  // namespace

void AppendText(std::string_view utf8, std::string* out) {
  if (utf8.size() < 256) {
    *out += '\x8c';
    *out += static_cast<char>(utf8.size());
  } else {
    *out += 'X';
    AppendLittleEndian(utf8.size(), 4, out);
  }
  *out += utf8;
}

void AppendUnsigned(uint64_t value, std::string* out) {
  if (value < 256) {
    *out += 'K';
    AppendLittleEndian(value, 1, out);
  } else if (value < 65536) {
    *out += 'M';
    AppendLittleEndian(value, 2, out);
  } else if (value < (uint64_t{1} << 31)) {
    *out += 'J';
    AppendLittleEndian(value, 4, out);
  } else {
    AppendMagnitude(value, false, out);
  }
}

void AppendSigned(int64_t value, std::string* out) {
  if (value >= 0) return AppendUnsigned(static_cast<uint64_t>(value), out);
  if (value >= std::numeric_limits<int32_t>::min()) {
    *out += 'J';
    return AppendLittleEndian(static_cast<uint64_t>(value), 4, out);
  }
  AppendMagnitude(~static_cast<uint64_t>(value) + 1, true, out);
}

bool AppendBigInteger(std::string_view digits, std::string* out) {
  const bool negative = digits.starts_with('-');
  if (negative) digits.remove_prefix(1);
  if (digits.empty() || digits.size() > kMaxDigits) return false;
  std::vector<uint8_t> bytes;
  for (const char c : digits) {
    if (c < '0' || c > '9') return false;
    uint32_t carry = static_cast<uint32_t>(c - '0');
    for (auto& byte : bytes) {
      carry += byte * 10u;
      byte = static_cast<uint8_t>(carry);
      carry >>= 8;
    }
    if (carry) bytes.push_back(static_cast<uint8_t>(carry));
  }
  if (bytes.size() > 8) {
    AppendLong(std::move(bytes), negative, out);
    return true;
  }
  uint64_t magnitude = 0;
  for (size_t i = bytes.size(); i-- > 0;) magnitude = magnitude << 8 | bytes[i];
  if (!negative) AppendUnsigned(magnitude, out);
  else if (magnitude <= uint64_t{1} << 63) AppendSigned(static_cast<int64_t>(~magnitude + 1), out);
  else AppendMagnitude(magnitude, true, out);
  return true;
}

void AppendReal(double value, std::string* out) {
  uint64_t bits;
  std::memcpy(&bits, &value, 8);
  bits = __builtin_bswap64(bits);
  *out += 'G';
  out->append(reinterpret_cast<const char*>(&bits), 8);
}

void AppendFloats(const float* values, size_t n, std::string* out) {
  *out += "](";
  const size_t begin = out->size();
  out->resize(begin + 9 * n);
  char* at = out->data() + begin;
  for (size_t i = 0; i < n; ++i, at += 9) {
    const double wide = static_cast<double>(values[i]);
    uint64_t bits;
    std::memcpy(&bits, &wide, 8);
    bits = __builtin_bswap64(bits);
    at[0] = 'G';
    std::memcpy(at + 1, &bits, 8);
  }
  *out += 'e';
}

void BeginPoint(std::string* out) {
  static const std::string kHead = "\x80\x04" + ClassHead("PointStruct") + ShortText("id");
  *out += kHead;
}
void BeforeVector(std::string* out) {
  static const std::string kKey = ShortText("vector");
  *out += kKey;
}
void BeforePayload(std::string* out) {
  static const std::string kKey = ShortText("payload");
  *out += kKey;
}
void EndPoint(std::string* out) {
  static const std::string kTail = ClassTail({"id", "vector", "payload"}) + ".";
  *out += kTail;
}

void AppendSparse(const uint32_t* indices, const float* values, size_t n, std::string* out) {
  static const std::string kHead = ClassHead("SparseVector") + ShortText("indices") + "](";
  static const std::string kValues = "e" + ShortText("values");
  static const std::string kTail = ClassTail({"indices", "values"});
  *out += kHead;
  if (std::is_sorted(indices, indices + n)) {
    for (size_t i = 0; i < n; ++i) AppendUnsigned(indices[i], out);
    *out += kValues;
    AppendFloats(values, n, out);
  } else {
    std::vector<size_t> order(n);
    std::iota(order.begin(), order.end(), size_t{0});
    std::sort(order.begin(), order.end(), [&](size_t a, size_t b) { return indices[a] < indices[b]; });
    std::vector<float> sorted;
    for (const size_t i : order) {
      AppendUnsigned(indices[i], out);
      sorted.push_back(values[i]);
    }
    *out += kValues;
    AppendFloats(sorted.data(), n, out);
  }
  *out += kTail;
}

void PayloadPickler::Begin() {
  field_.clear();
  depth_ = 0;
}
Status PayloadPickler::Null() { return *out_ += 'N', Status::OK(); }
Status PayloadPickler::Bool(bool value) { return *out_ += value ? '\x88' : '\x89', Status::OK(); }
Status PayloadPickler::Int(int64_t value) { return AppendSigned(value, out_), Status::OK(); }
Status PayloadPickler::Uint(uint64_t value) { return AppendUnsigned(value, out_), Status::OK(); }
Status PayloadPickler::Double(double value) { return AppendReal(value, out_), Status::OK(); }
Status PayloadPickler::String(std::string_view utf8) { return AppendText(utf8, out_), Status::OK(); }

Status PayloadPickler::Special(std::string_view type, std::string_view text) {
  if (type == "f64") {
    const double infinity = std::numeric_limits<double>::infinity();
    AppendReal(text == "NaN" ? std::nan("") : text == "Infinity" ? infinity : -infinity, out_);
    return Status::OK();
  }
  if (type == "bigint" && AppendBigInteger(text, out_)) return Status::OK();
  return MakeError(Category::bad_content,
                   fmt::format("the field {} holds a value of type {}, which a payload of Qdrant cannot hold",
                               Printable(field_, 200), Printable(type, 40)),
                   "convert the field, or leave it out");
}

Status PayloadPickler::BeginObject() { return *out_ += "}(", ++depth_, Status::OK(); }
Status PayloadPickler::Key(std::string_view utf8) {
  if (depth_ == 1) field_ = utf8;
  return AppendText(utf8, out_), Status::OK();
}
Status PayloadPickler::EndObject() { return *out_ += 'u', --depth_, Status::OK(); }
Status PayloadPickler::BeginArray() { return *out_ += "](", ++depth_, Status::OK(); }
Status PayloadPickler::EndArray() { return *out_ += 'e', --depth_, Status::OK(); }

}  // namespace vecferry::qdrant_local
