#pragma once
#include <charconv>
#include <cstdint>
#include <cstring>
#include <string>

namespace vecferry {

/// Appends numbers as a JSON list, each as the shortest text that reads back as the same. Floats are finite: JSON has no word for others.
/// `numbers` need not be aligned. Space for the longest is made at once: growing per number would cost more than printing it.
template <class T>
void AppendNumbers(const void* numbers, int64_t n, std::string* out) {
  constexpr size_t kLongest = 16;  // "-1.17549435e-38", "4294967295"
  static_assert(sizeof(T) == 4);
  const size_t before = out->size();
  out->resize(before + 2 + static_cast<size_t>(n) * (kLongest + 1));
  char* at = out->data() + before;
  *at++ = '[';
  for (int64_t i = 0; i < n; ++i) {
    if (i > 0) *at++ = ',';
    T value;
    std::memcpy(&value, static_cast<const char*>(numbers) + i * static_cast<int64_t>(sizeof(T)), sizeof(T));
    at = std::to_chars(at, at + kLongest, value).ptr;
  }
  *at++ = ']';
  out->resize(static_cast<size_t>(at - out->data()));
}

}  // namespace vecferry
