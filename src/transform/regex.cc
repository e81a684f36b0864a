#include "transform/regex.h"

#include <fmt/format.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "base/text.h"

namespace vecferry {
namespace {

constexpr size_t kMostPatterns = 64, kMostPatternBytes = 4096;
constexpr uint32_t kMatchLimit = 200'000, kHeapKiB = 16 << 10;

std::string Words(int code) {
  unsigned char text[200] = {};
  pcre2_get_error_message(code, text, sizeof text);
  return reinterpret_cast<const char*>(text);
}

}  // namespace

struct RegexCache::Pattern {
  pcre2_code* code = nullptr;
  pcre2_match_data* match = nullptr;
  pcre2_match_context* limits = nullptr;
  ~Pattern() {
    pcre2_match_context_free(limits);
    pcre2_match_data_free(match);
    pcre2_code_free(code);
  }

  Status Compile(std::string_view text) {
    int error = 0;
    PCRE2_SIZE at = 0;
    if (text.size() > kMostPatternBytes) return MakeError(Category::usage, fmt::format("a pattern has {} bytes at most", kMostPatternBytes));
    code = pcre2_compile(reinterpret_cast<PCRE2_SPTR>(text.data()), text.size(), PCRE2_UTF | PCRE2_NEVER_BACKSLASH_C, &error, &at, nullptr);
    if (!code) return MakeError(Category::usage, fmt::format("'{}' is no regular expression: {}, at character {}", Printable(text, 200), Words(error), at + 1));
    match = pcre2_match_data_create(1, nullptr);
    limits = pcre2_match_context_create(nullptr);
    if (!match || !limits) return MakeError(Category::internal, "out of memory");
    pcre2_set_match_limit(limits, kMatchLimit);
    pcre2_set_heap_limit(limits, kHeapKiB);
    return Status::OK();
  }
};

RegexCache::RegexCache() = default;
RegexCache::~RegexCache() = default;

Result<bool> RegexCache::Matches(std::string_view pattern, std::string_view text) {
  auto known = patterns_.find(pattern);
  if (known == patterns_.end()) {
    auto made = std::make_unique<Pattern>();
    ARROW_RETURN_NOT_OK(made->Compile(pattern));
    if (patterns_.size() >= kMostPatterns) patterns_.clear();
    known = patterns_.emplace(std::string(pattern), std::move(made)).first;
  }
  const Pattern& of = *known->second;
  const int found = pcre2_match(of.code, reinterpret_cast<PCRE2_SPTR>(text.data()), text.size(), 0, 0, of.match, of.limits);
  if (found >= 0) return true;
  if (found == PCRE2_ERROR_NOMATCH) return false;
  return BadRecord("filter-failed", fmt::format("the regular expression gave up on this text: {}", Words(found)));
}

}  // namespace vecferry
