#include "record/json.h"

#include <algorithm>
#include <cstring>

#include <fmt/format.h>
#include <simdjson.h>

#include "base/text.h"
#include "record/json_foreign.h"
#include "record/json_special.h"

namespace vecferry {
namespace {

using simdjson::dom::element;
using simdjson::dom::element_type;

Status Bad(std::string message) { return MakeError(Category::bad_content, std::move(message)); }

struct Member {
  std::string_view key;
  element value;
};

/// The members of an object, refused where a key stands twice.
Result<std::vector<Member>> Members(const simdjson::dom::object& object) {
  std::vector<Member> members;
  for (const auto& field : object) {
    if (!IsValidUtf8(field.key)) return Bad("a key with a lone surrogate");
    members.push_back({field.key, field.value});
  }
  std::vector<std::string_view> keys;
  keys.reserve(members.size());
  for (const auto& member : members) keys.push_back(member.key);
  std::sort(keys.begin(), keys.end());
  const auto twice = std::adjacent_find(keys.begin(), keys.end());
  if (twice != keys.end()) return Bad(fmt::format("the key '{}' stands twice", Printable(*twice, 100)));
  return members;
}

Result<std::string_view> StringOf(const element& value) {
  const std::string_view text = value.get_string().value_unsafe();
  if (!IsValidUtf8(text)) return Bad("a string with a lone surrogate");
  return text;
}

/// The two parts of {"$vf": TYPE, "v": VALUE}.
struct Wrapper {
  std::string_view type;
  element value;
};

Result<std::optional<Wrapper>> WrapperOf(const std::vector<Member>& members) {
  const Member* tag = nullptr;
  const Member* value = nullptr;
  for (const auto& member : members) {
    if (member.key == kSpecialKey) tag = &member;
    if (member.key == "v") value = &member;
  }
  if (!tag) return std::optional<Wrapper>();
  if (members.size() != 2 || !value || !tag->value.is_string()) {
    return Bad("an object with the key \"$vf\" that is none of ours");
  }
  return std::optional<Wrapper>(Wrapper{tag->value.get_string().value_unsafe(), value->value});
}

class Walker {
 public:
  Walker(JsonVisitor& visitor, bool plain) : out_(visitor), plain_(plain) {}

  Status Walk(const element& value, int depth) {
    if (depth > kMaxJsonDepth) return Bad(fmt::format("nested deeper than {} levels", kMaxJsonDepth));
    switch (value.type()) {
      case element_type::ARRAY: return WalkArray(value.get_array().value_unsafe(), depth);
      case element_type::OBJECT: return WalkObject(value.get_object().value_unsafe(), depth);
      case element_type::INT64: return out_.Int(value.get_int64().value_unsafe());
      case element_type::UINT64: return out_.Uint(value.get_uint64().value_unsafe());
      case element_type::DOUBLE: return out_.Double(value.get_double().value_unsafe());
      case element_type::BOOL: return out_.Bool(value.get_bool().value_unsafe());
      case element_type::NULL_VALUE: return out_.Null();
      case element_type::STRING: {
        ARROW_ASSIGN_OR_RAISE(const std::string_view text, StringOf(value));
        return out_.String(text);
      }
    }
    return Bad("not a JSON value");
  }

 private:
  Status WalkArray(const simdjson::dom::array& array, int depth) {
    ARROW_RETURN_NOT_OK(out_.BeginArray());
    for (const element item : array) ARROW_RETURN_NOT_OK(Walk(item, depth + 1));
    return out_.EndArray();
  }

  Status WalkObject(const simdjson::dom::object& object, int depth) {
    ARROW_ASSIGN_OR_RAISE(const auto members, Members(object));
    if (!plain_) {
      ARROW_ASSIGN_OR_RAISE(const auto wrapper, WrapperOf(members));
      if (wrapper) return WalkWrapper(*wrapper, depth);
    }
    return WalkMembers(members, depth);
  }

  Status WalkWrapper(const Wrapper& wrapper, int depth) {
    if (wrapper.type == kWrappedObject) {
      if (!wrapper.value.is_object()) return Bad("a wrapped object that is no object");
      ARROW_ASSIGN_OR_RAISE(const auto members, Members(wrapper.value.get_object().value_unsafe()));
      return WalkMembers(members, depth + 1);
    }
    if (!wrapper.value.is_string()) return Bad("a special value whose \"v\" is no text");
    ARROW_ASSIGN_OR_RAISE(const std::string_view text, StringOf(wrapper.value));
    // As stores write it whose numbers have no negative zero.
    if (wrapper.type == "f64" && text == "-0.0") return out_.Double(-0.0);
    ARROW_RETURN_NOT_OK(CheckSpecial(wrapper.type, text));
    return out_.Special(wrapper.type, text);
  }

  Status WalkMembers(const std::vector<Member>& members, int depth) {
    ARROW_RETURN_NOT_OK(out_.BeginObject());
    for (const auto& member : members) {
      ARROW_RETURN_NOT_OK(out_.Key(member.key));
      ARROW_RETURN_NOT_OK(Walk(member.value, depth + 1));
    }
    return out_.EndObject();
  }

  JsonVisitor& out_;
  bool plain_;
};

class Canonical {
 public:
  Canonical(std::string* out, const CanonicalScope* scope) : out_(out), scope_(scope) {}

  Status Append(const element& value, int depth) {
    if (depth > kMaxJsonDepth) return Bad(fmt::format("nested deeper than {} levels", kMaxJsonDepth));
    switch (value.type()) {
      case element_type::ARRAY: return AppendArray(value.get_array().value_unsafe(), depth);
      case element_type::OBJECT: return AppendObject(value.get_object().value_unsafe(), depth);
      case element_type::INT64: fmt::format_to(std::back_inserter(*out_), "{}", value.get_int64().value_unsafe()); break;
      case element_type::UINT64: fmt::format_to(std::back_inserter(*out_), "{}", value.get_uint64().value_unsafe()); break;
      case element_type::DOUBLE: AppendJsonDouble(value.get_double().value_unsafe(), out_); break;
      case element_type::BOOL: *out_ += value.get_bool().value_unsafe() ? "true" : "false"; break;
      case element_type::NULL_VALUE: *out_ += "null"; break;
      case element_type::STRING: {
        ARROW_ASSIGN_OR_RAISE(const std::string_view text, StringOf(value));
        AppendJsonString(text, out_);
        break;
      }
    }
    return Status::OK();
  }

 private:
  Status AppendArray(const simdjson::dom::array& array, int depth) {
    char before = '[';
    for (const element item : array) {
      *out_ += before;
      before = ',';
      ARROW_RETURN_NOT_OK(Append(item, depth + 1));
    }
    if (before == '[') *out_ += '[';
    *out_ += ']';
    return Status::OK();
  }

  Status AppendObject(const simdjson::dom::object& object, int depth) {
    ARROW_ASSIGN_OR_RAISE(auto members, Members(object));
    std::sort(members.begin(), members.end(), [](const Member& a, const Member& b) { return a.key < b.key; });
    char before = '{';
    for (const auto& member : members) {
      if (depth == 0 && scope_ && scope_->ignored.contains(std::string(member.key))) continue;
      *out_ += before;
      before = ',';
      AppendJsonString(member.key, out_);
      *out_ += ':';
      const bool set = depth == 0 && scope_ && member.value.is_array() && scope_->sets.contains(std::string(member.key));
      ARROW_RETURN_NOT_OK(set ? AppendSet(member.value.get_array().value_unsafe(), depth + 1) : Append(member.value, depth + 1));
    }
    if (before == '{') *out_ += '{';
    *out_ += '}';
    return Status::OK();
  }

  Status AppendSet(const simdjson::dom::array& array, int depth) {
    std::vector<std::string> items;
    std::string* const out = out_;
    for (const element item : array) {
      items.emplace_back();
      out_ = &items.back();
      const Status status = Append(item, depth + 1);
      out_ = out;
      ARROW_RETURN_NOT_OK(status);
    }
    std::sort(items.begin(), items.end());
    items.erase(std::unique(items.begin(), items.end()), items.end());
    *out_ += fmt::format("[{}]", fmt::join(items, ","));
    return Status::OK();
  }

  std::string* out_;
  const CanonicalScope* scope_;
};

}  // namespace

struct JsonReader::Impl {
  simdjson::dom::parser parser;
  std::string padded;

  Result<element> Parse(std::string_view text) {
    padded.reserve(text.size() + simdjson::SIMDJSON_PADDING);
    padded.assign(text);
    element root;
    const auto error = parser.parse(padded.data(), text.size(), false).get(root);
    if (error) return Bad(fmt::format("not valid JSON: {}", simdjson::error_message(error)));
    return root;
  }
};

JsonReader::JsonReader() : impl_(std::make_unique<Impl>()) {}
JsonReader::~JsonReader() = default;
JsonReader::JsonReader(JsonReader&&) noexcept = default;
JsonReader& JsonReader::operator=(JsonReader&&) noexcept = default;

Status JsonReader::Visit(std::string_view text, JsonVisitor& visitor, Options options) {
  auto root = impl_->Parse(text);
  if (!root.ok()) {
    if (options.big_integers || options.python_floats) return VisitForeign(text, visitor, options, root.status());
    return root.status();
  }
  return Walker(visitor, options.plain).Walk(*root, 0);
}

Status JsonReader::AppendCanonical(std::string_view text, std::string* out, const CanonicalScope* scope) {
  ARROW_ASSIGN_OR_RAISE(const element root, impl_->Parse(text));
  return Canonical(out, scope).Append(root, 0);
}

}  // namespace vecferry
