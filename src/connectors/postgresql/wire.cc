#include "connectors/postgresql/wire.h"

#include <fmt/format.h>

namespace vecferry::postgresql {
namespace {

/// A row may be as long as the server can send: a message of 1 GiB.
constexpr size_t kLongestRow = 1u << 30;

Status Corrupt(std::string_view why) {
  return MakeError(Category::corrupt, fmt::format("the server's binary copy cannot be read: {}", why), "see what stands between here and the server");
}

}  // namespace

// Loops that the compiler makes vector shuffles of.
void Swap32(const void* in, void* out, size_t n) {
  const char* from = static_cast<const char*>(in);
  char* to = static_cast<char*>(out);
  for (size_t i = 0; i < n; ++i) {
    uint32_t value;
    std::memcpy(&value, from + 4 * i, 4);
    value = __builtin_bswap32(value);
    std::memcpy(to + 4 * i, &value, 4);
  }
}

void Swap16(const void* in, void* out, size_t n) {
  const char* from = static_cast<const char*>(in);
  char* to = static_cast<char*>(out);
  for (size_t i = 0; i < n; ++i) {
    uint16_t value;
    std::memcpy(&value, from + 2 * i, 2);
    value = __builtin_bswap16(value);
    std::memcpy(to + 2 * i, &value, 2);
  }
}

void CopyParser::Feed(std::string_view message) {
  if (rest_.empty()) {
    carry_.clear();
    rest_ = message;
    return;
  }
  // `rest_` may lie in `carry_` itself.
  std::string joined;
  joined.reserve(rest_.size() + message.size());
  joined.append(rest_).append(message);
  carry_ = std::move(joined);
  rest_ = carry_;
}

Result<const std::vector<Field>*> CopyParser::Next() {
  if (header_) {
    if (rest_.size() < 19) {
      if (!kCopySignature.starts_with(rest_.substr(0, kCopySignature.size()))) return Corrupt("it does not begin as one");
      return nullptr;
    }
    if (!rest_.starts_with(kCopySignature)) return Corrupt("it does not begin as one");
    if (FromBig<uint32_t>(rest_.data() + 11) & 0xFFFF0000u) return Corrupt("it has a critical flag that is not known");
    const uint32_t extension = FromBig<uint32_t>(rest_.data() + 15);
    if (extension > 1u << 20) return Corrupt("its header is too long");
    if (rest_.size() < 19 + size_t{extension}) return nullptr;
    rest_.remove_prefix(19 + size_t{extension});
    header_ = false;
  }
  if (ended_) return rest_.empty() ? Result<const std::vector<Field>*>(nullptr) : Corrupt("something follows its end");
  if (rest_.size() < 2) return nullptr;
  const int16_t count = FromBig<int16_t>(rest_.data());
  if (count == -1) {
    ended_ = true;
    rest_.remove_prefix(2);
    return Next();
  }
  if (count < 0 || static_cast<size_t>(count) != fields_) return Corrupt(fmt::format("a row has {} fields where {} were asked for", count, fields_));
  size_t at = 2;
  row_.clear();
  for (int16_t i = 0; i < count; ++i) {
    if (rest_.size() - at < 4) return nullptr;
    const int32_t size = FromBig<int32_t>(rest_.data() + at);
    at += 4;
    if (size < -1) return Corrupt("a field has a negative length");
    if (size > 0 && (static_cast<size_t>(size) > kLongestRow || at + static_cast<size_t>(size) > kLongestRow)) return Corrupt("a row is too long");
    if (size > 0 && rest_.size() - at < static_cast<size_t>(size)) return nullptr;
    row_.push_back({rest_.data() + at, size});
    if (size > 0) at += static_cast<size_t>(size);
  }
  rest_.remove_prefix(at);
  return &row_;
}

void AppendCopyHeader(std::string* out) {
  out->append(kCopySignature);
  AppendBig<uint32_t>(0, out);
  AppendBig<uint32_t>(0, out);
}

void AppendCopyTrailer(std::string* out) { AppendBig<int16_t>(-1, out); }

}  // namespace vecferry::postgresql
