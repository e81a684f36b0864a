#include "pickle/writer.h"

#include <cmath>
#include <cstring>
#include <limits>

#include <charconv>

#include <fmt/format.h>

#include "base/base64.h"
#include "base/text.h"

namespace vecferry::pickle {
namespace {

constexpr size_t kMaxDigits = 4000;

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

void AppendBytes(std::string_view bytes, std::string* out) {
  *out += bytes.size() < 256 ? 'C' : 'B';
  AppendLittleEndian(bytes.size(), bytes.size() < 256 ? 1 : 4, out);
  *out += bytes;
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

void ValueWriter::Begin() {
  field_.clear();
  depth_ = 0;
}
Status ValueWriter::Null() { return *out_ += 'N', Status::OK(); }
Status ValueWriter::Bool(bool value) { return *out_ += value ? '\x88' : '\x89', Status::OK(); }
Status ValueWriter::Int(int64_t value) { return AppendSigned(value, out_), Status::OK(); }
Status ValueWriter::Uint(uint64_t value) { return AppendUnsigned(value, out_), Status::OK(); }
Status ValueWriter::Double(double value) { return AppendReal(value, out_), Status::OK(); }
Status ValueWriter::String(std::string_view utf8) { return AppendText(utf8, out_), Status::OK(); }

Status ValueWriter::Special(std::string_view type, std::string_view text) {
  if (type == "f64") {
    const double infinity = std::numeric_limits<double>::infinity();
    AppendReal(text == "NaN" ? std::nan("") : text == "Infinity" ? infinity : -infinity, out_);
    return Status::OK();
  }
  if (type == "bigint" && AppendBigInteger(text, out_)) return Status::OK();
  if (specials_ == Specials::python && Python(type, text)) return Status::OK();
  return MakeError(Category::bad_content,
                   fmt::format("the field {} holds a value of type {}, which has no place in such a pickle",
                               Printable(field_, 200), Printable(type, 40)),
                   "convert the field, or leave it out");
}

/// Bytes as they are, the others as a call of their class.
bool ValueWriter::Python(std::string_view type, std::string_view text) {
  if (type == "bytes") {
    const auto bytes = ParseBase64(text);
    if (bytes) AppendBytes(*bytes, out_);
    return bytes.has_value();
  }
  const bool decimal = type == "decimal";
  if (!decimal && type != "date") return false;
  std::string argument;
  if (decimal) {
    AppendText(text, &argument);
  } else {
    unsigned year = 0, month = 0, day = 0;
    if (text.size() != 10) return false;
    std::from_chars(text.data(), text.data() + 4, year);
    std::from_chars(text.data() + 5, text.data() + 7, month);
    std::from_chars(text.data() + 8, text.data() + 10, day);
    const char state[4] = {static_cast<char>(year >> 8), static_cast<char>(year), static_cast<char>(month), static_cast<char>(day)};
    AppendBytes({state, 4}, &argument);
  }
  AppendText(decimal ? "decimal" : "datetime", out_);
  AppendText(decimal ? "Decimal" : "date", out_);
  *out_ += '\x93';
  *out_ += argument + "\x85R";
  return true;
}

Status ValueWriter::BeginObject() { return *out_ += "}(", ++depth_, Status::OK(); }
Status ValueWriter::Key(std::string_view utf8) {
  if (depth_ == 1) field_ = utf8;
  return AppendText(utf8, out_), Status::OK();
}
Status ValueWriter::EndObject() { return *out_ += 'u', --depth_, Status::OK(); }
Status ValueWriter::BeginArray() { return *out_ += "](", ++depth_, Status::OK(); }
Status ValueWriter::EndArray() { return *out_ += 'e', --depth_, Status::OK(); }

}  // namespace vecferry::pickle
