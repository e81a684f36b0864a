#include "record/json_foreign.h"

#include <cctype>
#include <set>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/text.h"

namespace vecferry {
namespace {

// Non-finite words are handed through the parser as numbers of a spelling that is refused in the input.
constexpr std::string_view kMark = "0e-77700";
constexpr std::pair<std::string_view, char> kWords[] = {{"-Infinity", '3'}, {"Infinity", '2'}, {"NaN", '1'}};

/// Whether a character could be a part of the same number or word: "1NaN" and "Infinity4" are neither.
bool Adjoins(std::string_view text, size_t at) {
  return at < text.size() && (std::isalnum(static_cast<unsigned char>(text[at])) || std::string_view("+-._").find(text[at]) != std::string_view::npos);
}

/// The text with NaN, Infinity and -Infinity outside strings as marked numbers.
Result<std::string> MarkWords(std::string_view text) {
  if (text.find(kMark) != text.npos) return MakeError(Category::bad_content, "not valid JSON: a number out of range");
  std::string out;
  bool quoted = false;
  for (size_t i = 0; i < text.size();) {
    if (text[i] == '"') quoted = !quoted;
    if (quoted && text[i] == '\\' && i + 1 < text.size()) {
      out += text.substr(i, 2);
      i += 2;
      continue;
    }
    size_t taken = 0;
    for (const auto& [word, digit] : kWords) {
      if (quoted || taken || !text.substr(i).starts_with(word)) continue;
      if ((i > 0 && Adjoins(text, i - 1)) || Adjoins(text, i + word.size())) return MakeError(Category::bad_content, "not valid JSON: a number that is none");
      out += std::string(kMark) + digit;
      taken = word.size();
    }
    if (!taken) out += text[i];
    i += std::max<size_t>(taken, 1);
  }
  return out;
}

/// nlohmann's SAX interface on one side, ours on the other.
class Adapter : public nlohmann::json_sax<nlohmann::json> {
 public:
  Adapter(JsonVisitor& out, JsonReader::Options options) : out_(out), options_(options) {}

  bool null() override { return Give(out_.Null()); }
  bool boolean(bool value) override { return Give(out_.Bool(value)); }
  bool number_integer(number_integer_t value) override { return Give(out_.Int(value)); }
  bool number_unsigned(number_unsigned_t value) override {
    return Give(value <= INT64_MAX ? out_.Int(static_cast<int64_t>(value)) : out_.Uint(value));
  }
  bool number_float(number_float_t value, const string_t& raw) override {
    if (raw.starts_with(kMark)) return Give(NonFinite(raw.back()));
    if (raw.find_first_of(".eE") != raw.npos) return Give(out_.Double(value));
    if (!options_.big_integers) return Give(MakeError(Category::bad_content, "an integer beyond 64 bits"));
    return Give(out_.Special("bigint", raw));
  }
  bool string(string_t& value) override { return Give(out_.String(value)); }
  bool binary(binary_t&) override { return false; }
  bool start_object(std::size_t) override {
    keys_.emplace_back();
    return Give(Deep() ? MakeError(Category::bad_content, fmt::format("nested deeper than {} levels", kMaxJsonDepth)) : out_.BeginObject());
  }
  bool key(string_t& value) override {
    if (!keys_.back().insert(value).second) {
      return Give(MakeError(Category::bad_content, fmt::format("the key '{}' stands twice", Printable(value, 100))));
    }
    return Give(out_.Key(value));
  }
  bool end_object() override {
    keys_.pop_back();
    return Give(out_.EndObject());
  }
  bool start_array(std::size_t) override {
    keys_.emplace_back();
    return Give(Deep() ? MakeError(Category::bad_content, fmt::format("nested deeper than {} levels", kMaxJsonDepth)) : out_.BeginArray());
  }
  bool end_array() override {
    keys_.pop_back();
    return Give(out_.EndArray());
  }
  bool parse_error(std::size_t, const std::string&, const nlohmann::detail::exception&) override { return false; }

  Status status() const { return status_; }

 private:
  bool Deep() const { return keys_.size() > static_cast<size_t>(kMaxJsonDepth); }
  bool Give(Status status) {
    status_ = std::move(status);
    return status_.ok();
  }
  Status NonFinite(char digit) {
    if (!options_.python_floats) return MakeError(Category::bad_content, "not valid JSON: a number that is not finite");
    for (const auto& [word, of] : kWords) {
      if (of == digit) return out_.Special("f64", word);
    }
    return MakeError(Category::internal, "an unknown mark");
  }

  JsonVisitor& out_;
  JsonReader::Options options_;
  std::vector<std::set<std::string>> keys_;
  Status status_;
};

}  // namespace

Status VisitForeign(std::string_view text, JsonVisitor& visitor, JsonReader::Options options, const Status& first) {
  ARROW_ASSIGN_OR_RAISE(const std::string marked, MarkWords(text));
  Adapter adapter(visitor, options);
  try {
    if (nlohmann::json::sax_parse(marked, &adapter)) return Status::OK();
  } catch (const std::exception& e) {
    return MakeError(Category::bad_content, fmt::format("not valid JSON: {}", Printable(e.what(), 200)));
  }
  return adapter.status().ok() ? first : adapter.status();
}

}  // namespace vecferry
