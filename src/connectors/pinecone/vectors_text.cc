#include <simdjson.h>

#include <fmt/format.h>

#include "base/text.h"
#include "connectors/pinecone/answers.h"
#include "net/buffers.h"

namespace vecferry::pinecone {
namespace {

namespace ondemand = simdjson::ondemand;

Status Odd(std::string_view why) { return MakeError(Category::corrupt, std::string(why)); }
Status Broken(simdjson::error_code error) { return Odd(fmt::format("the answer cannot be read: {}", simdjson::error_message(error))); }

std::string_view Trimmed(std::string_view text) {
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t' || text.back() == '\n' || text.back() == '\r')) text.remove_suffix(1);
  return text;
}

/// The text of an object or array; empty for null.
Status RawOf(ondemand::value value, char bracket, std::string_view* raw) {
  ondemand::json_type type;
  if (const auto error = value.type().get(type)) return Broken(error);
  if (type == ondemand::json_type::null) {
    bool null = false;
    if (const auto error = value.is_null().get(null)) return Broken(error);
    return null ? Status::OK() : Odd("a word that JSON does not have");
  }
  simdjson::error_code error;
  if (bracket == '{' && type == ondemand::json_type::object) {
    ondemand::object object;
    if ((error = value.get_object().get(object)) || (error = object.raw_json().get(*raw))) return Broken(error);
  } else if (bracket == '[' && type == ondemand::json_type::array) {
    ondemand::array array;
    if ((error = value.get_array().get(array)) || (error = array.raw_json().get(*raw))) return Broken(error);
  } else {
    return Odd("a vector has a part of another kind than it should be");
  }
  *raw = Trimmed(*raw);
  return Status::OK();
}

Status TakeMember(std::string_view key, ondemand::value value, VectorText* vector) {
  if (key == "values") return RawOf(value, '[', &vector->values);
  if (key == "sparseValues" || key == "sparse_values") return RawOf(value, '{', &vector->sparse);
  if (key == "metadata") return RawOf(value, '{', &vector->metadata);
  if (key == "score") {
    const auto error = value.get_double().get(vector->score);
    return error ? Broken(error) : Status::OK();
  }
  if (key != "id") return Status::OK();
  std::string_view id;
  if (const auto error = value.get_string().get(id)) return Broken(error);
  if (!IsValidUtf8(id)) return Odd("an id is not UTF-8");
  vector->id = id;
  return Status::OK();
}

Status TakeVector(ondemand::value value, VectorText* vector) {
  ondemand::object object;
  if (const auto error = value.get_object().get(object)) return Broken(error);
  if (const auto error = object.raw_json().get(vector->whole)) return Broken(error);
  vector->whole = Trimmed(vector->whole);
  if (const auto error = object.reset().error()) return Broken(error);
  for (auto each : object) {
    ondemand::field field;
    std::string_view key;
    simdjson::error_code error;
    if ((error = std::move(each).get(field)) || (error = field.unescaped_key().get(key))) return Broken(error);
    ARROW_RETURN_NOT_OK(TakeMember(key, field.value(), vector));
  }
  return vector->id.empty() ? Odd("a vector has no id") : Status::OK();
}

}  // namespace

struct VectorsText::Impl {
  ondemand::parser parser;
  std::string text;
  std::vector<VectorText> vectors;

  /// Calls `take` with the value of the one member of the answer.
  template <class Take>
  Status Parse(std::string json, std::string_view wanted, Take take) {
    GiveBuffer(std::exchange(text, std::move(json)));
    vectors.clear();
    text.reserve(text.size() + simdjson::SIMDJSON_PADDING);
    ondemand::document document;
    ondemand::object root;
    simdjson::error_code error;
    if ((error = parser.iterate(simdjson::padded_string_view(text.data(), text.size(), text.capacity())).get(document)) || (error = document.get_object().get(root))) return Broken(error);
    bool found = false;
    for (auto each : root) {
      ondemand::field field;
      std::string_view key;
      if ((error = std::move(each).get(field)) || (error = field.unescaped_key().get(key))) return Broken(error);
      if (key != wanted) continue;
      if (found) return Odd("the answer has its vectors twice");
      found = true;
      ARROW_RETURN_NOT_OK(take(field.value()));
    }
    if (const char* rest = nullptr; !document.current_location().get(rest)) return Odd("something follows the answer");
    return found ? Status::OK() : Odd(fmt::format("the answer has no '{}'", wanted));
  }
};

VectorsText::VectorsText() : impl_(std::make_unique<Impl>()) {}
VectorsText::~VectorsText() = default;
VectorsText::VectorsText(VectorsText&&) noexcept = default;
VectorsText& VectorsText::operator=(VectorsText&&) noexcept = default;
const std::vector<VectorText>& VectorsText::vectors() const { return impl_->vectors; }

Status VectorsText::ParseFetch(std::string json) {
  return impl_->Parse(std::move(json), "vectors", [this](ondemand::value value) -> Status {
    ondemand::object by_id;
    if (const auto error = value.get_object().get(by_id)) return Broken(error);
    for (auto each : by_id) {
      ondemand::field field;
      std::string_view key;
      simdjson::error_code error;
      if ((error = std::move(each).get(field)) || (error = field.unescaped_key().get(key))) return Broken(error);
      VectorText& vector = impl_->vectors.emplace_back();
      const std::string name(key);
      ARROW_RETURN_NOT_OK(TakeVector(field.value(), &vector));
      if (vector.id != name) return Odd("a vector stands under another id than its own");
    }
    return Status::OK();
  });
}

Status VectorsText::ParseMatches(std::string json) {
  return impl_->Parse(std::move(json), "matches", [this](ondemand::value value) -> Status {
    ondemand::array list;
    if (const auto error = value.get_array().get(list)) return Broken(error);
    for (auto each : list) {
      ondemand::value item;
      if (const auto error = std::move(each).get(item)) return Broken(error);
      ARROW_RETURN_NOT_OK(TakeVector(item, &impl_->vectors.emplace_back()));
    }
    return Status::OK();
  });
}

}  // namespace vecferry::pinecone
