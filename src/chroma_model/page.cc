#include "chroma_model/page.h"

#include <cstring>
#include <limits>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "record/json.h"
#include "record/number_list.h"

namespace vecferry::chroma_model {
namespace {

using Json = nlohmann::json;

Status Corrupt(std::string_view what) { return MakeError(Category::corrupt, fmt::format("the answer is not what get answers: {}", what)); }

/// Walks through JSON text. What is passed over is not checked beyond its brackets and quotes.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : at_(text.data()), end_(text.data() + text.size()) {}

  bool Take(char c) {
    Space();
    if (at_ == end_ || *at_ != c) return false;
    ++at_;
    return true;
  }
  bool TakeNull() {
    Space();
    if (end_ - at_ < 4 || std::memcmp(at_, "null", 4) != 0) return false;
    at_ += 4;
    return true;
  }
  bool AtEnd() {
    Space();
    return at_ == end_;
  }
  /// A string or null.
  bool Text(RawText* text) {
    *text = {};
    if (TakeNull()) return true;
    if (!Take('"')) return false;
    const char* begin = at_;
    while (true) {
      const auto* quote = static_cast<const char*>(std::memchr(at_, '"', static_cast<size_t>(end_ - at_)));
      if (!quote) return false;
      const auto* slash = static_cast<const char*>(std::memchr(at_, '\\', static_cast<size_t>(quote - at_)));
      if (!slash) {
        *text = {{begin, static_cast<size_t>(quote - begin)}, true, text->escaped};
        at_ = quote + 1;
        return true;
      }
      text->escaped = true;
      if (end_ - slash < 2) return false;
      at_ = slash + 2;
    }
  }
  /// An object as it stands, or null.
  bool Object(std::string_view* object) {
    *object = {};
    if (TakeNull()) return true;
    Space();
    if (at_ == end_ || *at_ != '{') return false;
    const char* begin = at_;
    if (!Skip()) return false;
    *object = {begin, static_cast<size_t>(at_ - begin)};
    return true;
  }
  /// Any value.
  bool Skip() {
    Space();
    if (at_ == end_) return false;
    RawText text;
    if (*at_ == '"') return Text(&text);
    if (*at_ != '{' && *at_ != '[') return SkipWord();
    int64_t depth = 0;  // brackets are counted, not called into: no depth is too deep for that
    do {
      if (at_ == end_) return false;
      const char c = *at_;
      if (c == '"') {
        if (!Text(&text)) return false;
        continue;
      }
      depth += c == '{' || c == '[' ? 1 : c == '}' || c == ']' ? -1 : 0;
      ++at_;
    } while (depth > 0);
    return true;
  }
  const char* at() const { return at_; }
  const char* end() const { return end_; }
  void MoveTo(const char* at) { at_ = at; }

 private:
  void Space() {
    while (at_ != end_ && (*at_ == ' ' || *at_ == '\n' || *at_ == '\r' || *at_ == '\t')) ++at_;
  }
  bool SkipWord() {
    const char* begin = at_;
    while (at_ != end_ && *at_ != ',' && *at_ != '}' && *at_ != ']' && *at_ != ' ' && *at_ != '\n' && *at_ != '\r' && *at_ != '\t') ++at_;
    return at_ != begin;
  }
  const char* at_;
  const char* end_;
};

/// An array or null; `item` reads one of its values and says whether it could.
template <class Item>
bool Array(Scanner& scan, bool* present, Item item) {
  *present = false;
  if (scan.TakeNull()) return true;
  if (!scan.Take('[')) return false;
  *present = true;
  if (scan.Take(']')) return true;
  do {
    if (!item()) return false;
  } while (scan.Take(','));
  return scan.Take(']');
}

bool TextColumn(Scanner& scan, std::vector<RawText>* column, bool* present) {
  column->clear();
  return Array(scan, present, [&] { return scan.Text(&column->emplace_back()); });
}

/// Numbers of one vector; null for one that is not finite.
bool VectorNumbers(Scanner& scan, std::vector<float>* floats) {
  if (!scan.Take('[')) return false;
  if (scan.Take(']')) return true;
  do {
    if (scan.TakeNull()) {
      floats->push_back(std::numeric_limits<float>::quiet_NaN());
      continue;
    }
    NumberList<NumberText::json> list(std::string_view(scan.at(), static_cast<size_t>(scan.end() - scan.at())));
    float value = 0;
    if (!list.Number(&value)) return false;
    floats->push_back(value);
    scan.MoveTo(list.at());
  } while (scan.Take(','));
  return scan.Take(']');
}

/// The usual row: as many finite numbers as the one before, read into place.
bool UsualVector(Scanner& scan, size_t dims, std::vector<float>* floats) {
  if (dims == 0 || dims > static_cast<size_t>(scan.end() - scan.at())) return false;
  const size_t before = floats->size();
  floats->resize(before + dims);
  NumberList<NumberText::json> list(std::string_view(scan.at(), static_cast<size_t>(scan.end() - scan.at())));
  const auto same = [](float number) { return number; };
  if (list.Elements<float>(static_cast<int32_t>(dims), reinterpret_cast<uint8_t*>(floats->data() + before), same)) {
    scan.MoveTo(list.at());
    return true;
  }
  floats->resize(before);
  return false;
}

bool VectorColumn(Scanner& scan, Page* page, bool* present) {
  page->floats.clear(), page->vector_ends.clear(), page->vector_missing.clear();
  size_t dims = 0;
  return Array(scan, present, [&] {
    const size_t before = page->floats.size();
    const bool missing = scan.TakeNull();
    if (!missing && !UsualVector(scan, dims, &page->floats) && !VectorNumbers(scan, &page->floats)) return false;
    if (!missing) dims = page->floats.size() - before;
    page->vector_ends.push_back(page->floats.size());
    // A vector of no elements is what some versions say of none.
    page->vector_missing.push_back(missing || page->floats.size() == before);
    return true;
  });
}

bool MetadataColumn(Scanner& scan, Page* page, bool* present) {
  page->metadatas.clear();
  return Array(scan, present, [&] { return scan.Object(&page->metadatas.emplace_back()); });
}

/// The number of four hexadecimal digits, or -1.
int32_t Hex4(std::string_view text) {
  if (text.size() < 4) return -1;
  int32_t value = 0;
  for (const char c : text.substr(0, 4)) {
    const int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
    if (digit < 0) return -1;
    value = value * 16 + digit;
  }
  return value;
}

void AppendUtf8(uint32_t c, std::string* out) {
  if (c < 0x80) return out->push_back(static_cast<char>(c));
  if (c >= 0x10000) {
    out->push_back(static_cast<char>(0xF0 | c >> 18));
    out->push_back(static_cast<char>(0x80 | (c >> 12 & 63)));
  } else if (c >= 0x800) {
    out->push_back(static_cast<char>(0xE0 | c >> 12));
  } else {
    out->push_back(static_cast<char>(0xC0 | c >> 6));
  }
  if (c >= 0x800) out->push_back(static_cast<char>(0x80 | (c >> 6 & 63)));
  out->push_back(static_cast<char>(0x80 | (c & 63)));
}

/// `text` behind "\\u": appends the character and moves `text` behind it. False for a lone surrogate and for no digits.
bool AppendCodePoint(std::string_view* text, std::string* out) {
  const int32_t first = Hex4(*text);
  if (first < 0 || (first >= 0xDC00 && first < 0xE000)) return false;
  text->remove_prefix(4);
  if (first < 0xD800 || first >= 0xE000) return AppendUtf8(static_cast<uint32_t>(first), out), true;
  if (!text->starts_with("\\u")) return false;
  const int32_t second = Hex4(text->substr(2));
  if (second < 0xDC00 || second >= 0xE000) return false;
  text->remove_prefix(6);
  return AppendUtf8(0x10000 + (static_cast<uint32_t>(first - 0xD800) << 10) + static_cast<uint32_t>(second - 0xDC00), out), true;
}

/// What an escaped text stands for, in place of what `out` held.
bool AppendUnescaped(std::string_view text, std::string* out) {
  out->clear();
  out->reserve(text.size());
  while (true) {
    const size_t slash = text.find('\\');
    out->append(text.substr(0, slash));
    if (slash == text.npos) return true;
    if (slash + 1 == text.size()) return false;
    const char c = text[slash + 1];
    text.remove_prefix(slash + 2);
    constexpr std::string_view kNames = "\"\\/bfnrt", kCharacters = "\"\\/\b\f\n\r\t";
    if (const size_t at = kNames.find(c); at != kNames.npos) out->push_back(kCharacters[at]);
    else if (c != 'u' || !AppendCodePoint(&text, out)) return false;
  }
}

struct Seen {
  bool ids = false, vectors = false, documents = false, uris = false, metadatas = false;
};

bool Column(Scanner& scan, std::string_view key, Page* page, Seen* seen) {
  if (key == "ids") return TextColumn(scan, &page->ids, &seen->ids);
  if (key == "embeddings") return VectorColumn(scan, page, &seen->vectors);
  if (key == "documents") return TextColumn(scan, &page->documents, &seen->documents);
  if (key == "uris") return TextColumn(scan, &page->uris, &seen->uris);
  if (key == "metadatas") return MetadataColumn(scan, page, &seen->metadatas);
  return scan.Skip();
}

Status CheckLengths(const Page& page, const Seen& seen) {
  if (!seen.ids) return Corrupt("it has no ids");
  for (const RawText& id : page.ids) {
    if (!id.present) return Corrupt("an id is null");
  }
  const size_t rows = page.rows();
  if ((seen.vectors && page.vector_ends.size() != rows) || (seen.documents && page.documents.size() != rows) || (seen.uris && page.uris.size() != rows) ||
      (seen.metadatas && page.metadatas.size() != rows)) {
    return Corrupt("its columns have different lengths");
  }
  return Status::OK();
}

}  // namespace

Status ParsePage(std::string_view answer, Page* page) {
  page->ids.clear(), page->floats.clear(), page->vector_ends.clear(), page->vector_missing.clear();
  page->documents.clear(), page->uris.clear(), page->metadatas.clear();
  Scanner scan(answer);
  Seen seen;
  if (!scan.Take('{')) return Corrupt("it is no object");
  if (!scan.Take('}')) {
    do {
      RawText key;
      if (!scan.Text(&key) || !key.present || !scan.Take(':')) return Corrupt("it is cut, or no JSON");
      if (!Column(scan, key.text, page, &seen)) return Corrupt(fmt::format("'{}' is cut, or has another shape", Printable(key.text, 50)));
    } while (scan.Take(','));
    if (!scan.Take('}')) return Corrupt("it is cut, or no JSON");
  }
  if (!scan.AtEnd()) return Corrupt("something stands behind it");
  return CheckLengths(*page, seen);
}

Result<std::string_view> Unescape(const RawText& raw, std::string* buffer) {
  std::string_view text = raw.text;
  if (raw.escaped) {
    if (!AppendUnescaped(text, buffer)) return BadRecord("invalid-utf8", "a text has an escape that stands for no character");
    text = *buffer;
  }
  if (!IsValidUtf8(text)) return BadRecord("invalid-utf8", "a text is not UTF-8");
  return text;
}

bool IsShallow(std::string_view json) {
  int depth = 0;
  bool text = false;
  for (size_t i = 0; i < json.size(); ++i) {
    const char c = json[i];
    if (c == '"') text = !text;
    if (text && c == '\\') ++i;
    if (text) continue;
    if (c == '[' || c == '{') ++depth;
    if (c == ']' || c == '}') --depth;
    if (depth > kMaxJsonDepth) return false;
  }
  return true;
}

Result<Neighbours> ParseNeighbours(std::string_view answer) {
  const Json json = Json::parse(answer, nullptr, false);
  const auto list = [&](const char* key) -> const Json* {
    if (!json.is_object() || !json.contains(key)) return nullptr;
    const Json& lists = json[key];
    return lists.is_array() && lists.size() == 1 && lists[0].is_array() ? &lists[0] : nullptr;
  };
  const Json *ids = list("ids"), *distances = list("distances");
  if (!ids || !distances || ids->size() != distances->size()) return MakeError(Category::corrupt, "the answer is not what query answers");
  Neighbours out;
  for (size_t i = 0; i < ids->size(); ++i) {
    const Json &id = (*ids)[i], &distance = (*distances)[i];
    if (!id.is_string()) return MakeError(Category::corrupt, "the answer is not what query answers");
    out.ids.push_back(id.get<std::string>());
    out.distances.push_back(distance.is_number() ? distance.get<double>() : std::numeric_limits<double>::quiet_NaN());
  }
  return out;
}

ServerError ParseServerError(std::string_view body) {
  ServerError error;
  if (body.size() > (1 << 20)) return error;
  const Json json = Json::parse(body, nullptr, false);
  if (!json.is_object()) return error;
  const auto text = [&](const char* key) { return json.contains(key) && json[key].is_string() ? json[key].get<std::string>() : std::string(); };
  error.name = text("error");
  error.message = text("message");
  if (error.message.empty()) error.message = text("detail");
  return error;
}

}  // namespace vecferry::chroma_model
