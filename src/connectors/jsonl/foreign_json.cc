#include "connectors/jsonl/foreign_json.h"

#include <algorithm>
#include <cstring>

#include <fmt/format.h>
#include <simdjson.h>

#include "base/text.h"
#include "base/uuid.h"
#include "record/elements.h"
#include "record/number_list.h"

namespace vecferry::jsonl {
namespace {

namespace ondemand = simdjson::ondemand;
using NumberList = vecferry::NumberList<NumberText::json>;

Status Broken(std::string_view why) { return BadRecord("broken-record", fmt::format("it is no record: {}", why)); }

std::string_view Trimmed(std::string_view text) {
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t' || text.back() == '\n' || text.back() == '\r')) text.remove_suffix(1);
  return text;
}

simdjson::error_code RawOf(ondemand::value value, Member* member) {
  ondemand::json_type type;
  // A word that is none of JSON's, such as Python's NaN, is for the reader of the value to judge.
  if (value.type().get(type)) type = ondemand::json_type::null;
  switch (type) {
    case ondemand::json_type::object: {
      ondemand::object object;
      member->kind = '{';
      if (const auto error = value.get_object().get(object)) return error;
      return object.raw_json().get(member->raw);
    }
    case ondemand::json_type::array: {
      ondemand::array array;
      member->kind = '[';
      if (const auto error = value.get_array().get(array)) return error;
      return array.raw_json().get(member->raw);
    }
    case ondemand::json_type::string:
      member->kind = '"';
      member->raw = Trimmed(value.raw_json_token());
      return value.get_string().get(member->text);
    default:
      member->raw = Trimmed(value.raw_json_token());
      member->kind = member->raw.empty() ? ' ' : member->raw[0];
      return simdjson::SUCCESS;
  }
}

}  // namespace

struct ObjectReader::Impl {
  ondemand::parser parser;
  std::string padded;
};
ObjectReader::ObjectReader() : impl_(std::make_unique<Impl>()) {}
ObjectReader::~ObjectReader() = default;

Status ObjectReader::Read(std::string_view text, bool padded, std::vector<Member>* members) {
  members->clear();
  if (!padded) {
    impl_->padded.reserve(text.size() + simdjson::SIMDJSON_PADDING);
    impl_->padded.assign(text);
    text = {impl_->padded.data(), text.size()};
  }
  ondemand::document document;
  ondemand::object root;
  const simdjson::padded_string_view view(text.data(), text.size(), text.size() + simdjson::SIMDJSON_PADDING);
  if (const auto error = impl_->parser.iterate(view).get(document)) {
    return error == simdjson::UTF8_ERROR ? BadRecord("invalid-utf8", "it is not UTF-8") : Broken(simdjson::error_message(error));
  }
  if (const auto error = document.get_object().get(root)) return Broken(simdjson::error_message(error));
  for (auto each : root) {
    ondemand::field field;
    Member member;
    if (const auto error = std::move(each).get(field)) return Broken(simdjson::error_message(error));
    if (const auto error = field.unescaped_key().get(member.key)) return Broken(simdjson::error_message(error));
    if (const auto error = RawOf(field.value(), &member)) return Broken(simdjson::error_message(error));
    member.raw = Trimmed(member.raw);
    if (member.kind == 'n' && member.raw != "null") return Broken("a word that JSON does not have");
    if (std::any_of(members->begin(), members->end(), [&](const Member& other) { return other.key == member.key; })) return Broken("a name stands twice");
    if (member.kind == '"' && !IsValidUtf8(member.text)) return BadRecord("invalid-utf8", "a lone surrogate");
    members->push_back(member);
  }
  if (const char* rest = nullptr; !document.current_location().get(rest)) return Broken("something follows it");
  return Status::OK();
}

namespace {

/// Numbers of a list as packed floats; -1 where it is none.
int64_t ReadFloats(NumberList& list, std::string* floats) {
  int64_t count = 0;
  if (!list.Take('[')) return -1;
  if (list.Take(']')) return 0;
  do {
    float number = 0;
    if (!list.Number(&number)) return -1;
    floats->append(reinterpret_cast<const char*>(&number), sizeof(number));
    ++count;
  } while (list.Take(','));
  return list.Take(']') ? count : -1;
}

/// Straight into place, where the elements are floats and as many as there should be.
bool ReadInto(std::string_view raw, int32_t dims, uint8_t* out) {
  NumberList list(raw);
  return list.Elements<float>(dims, out, [](float number) { return number; }) && list.AtEnd();
}

Status Bad(const VectorSpec& spec, std::string_view wanted) {
  return BadRecord("bad-vector", fmt::format("{}: {} expected", Printable(spec.column(), 100), wanted));
}

}  // namespace

Status VectorParser::Sparse(std::string_view raw, const VectorSpec& spec, size_t column, BatchBuilder& builder) {
  if (!NumberList(raw).Sparse(&indices_, &values_)) return Bad(spec, "an object of as many indices as values is");
  builder.Sparse(column, indices_.data(), values_.data(), indices_.size());
  return Status::OK();
}

Status VectorParser::Parse(std::string_view raw, const VectorSpec& spec, size_t column, BatchBuilder& builder, bool* rounded) {
  if (spec.kind == VectorKind::sparse) return Sparse(raw, spec, column, builder);
  if (spec.kind == VectorKind::dense && spec.element == Element::f32 && ReadInto(raw, spec.dims, builder.VectorSpace(column))) return Status::OK();
  NumberList list(raw);
  if (spec.kind == VectorKind::dense) {
    floats_.clear();
    const int64_t count = ReadFloats(list, &floats_);
    if (count < 0 || !list.AtEnd()) return Bad(spec, "an array of numbers is");
    if (count != spec.dims) return BadRecord("wrong-dimensions", fmt::format("{} has {} elements, and others have {}", Printable(spec.column(), 100), count, spec.dims));
    if (!StoreFloats(floats_, spec.element, builder.VectorSpace(column))) *rounded = true;
    return Status::OK();
  }
  rows_.clear();
  size_t rows = 0;
  if (!list.Take('[')) return Bad(spec, "an array of arrays is");
  if (!list.Take(']')) {
    do {
      if (ReadFloats(list, &rows_) != spec.dims) return Bad(spec, fmt::format("rows of {} numbers are", spec.dims));
      ++rows;
    } while (list.Take(','));
    if (!list.Take(']')) return Bad(spec, "an array of arrays is");
  }
  if (!list.AtEnd()) return Bad(spec, "an array of arrays is");
  builder.Multi(column, rows_, rows);
  return Status::OK();
}

std::optional<VectorSpec> VectorParser::Guess(std::string_view raw) {
  VectorSpec spec;
  std::string floats;
  NumberList list(raw);
  if (raw.starts_with('{')) {
    std::vector<uint32_t> indices;
    std::vector<float> values;
    spec.kind = VectorKind::sparse;
    return NumberList(raw).Sparse(&indices, &values) ? std::optional(spec) : std::nullopt;
  }
  NumberList inner(raw);
  if (inner.Take('[') && inner.Take('[')) {
    spec.kind = VectorKind::multi;
    list.Take('[');
  }
  const int64_t count = ReadFloats(list, &floats);
  if (count <= 0 || count > INT32_MAX) return std::nullopt;
  spec.dims = static_cast<int32_t>(count);
  return spec;
}

void VectorParser::LookAt(std::string_view name, std::string_view raw, const Wishes& wishes, Facts* facts) {
  if (std::any_of(facts->vectors.begin(), facts->vectors.end(), [&](const VectorSpec& spec) { return spec.name == name; })) return;
  auto spec = Guess(raw);
  if (!spec || facts->vectors.size() >= 1000) return;
  spec->name = name;
  spec->metric = spec->kind == VectorKind::sparse ? Metric::dot : wishes.metric;
  facts->vectors.push_back(*spec);
}

bool ReadId(const Member& member, std::string* id) {
  if (member.kind == '"') return id->assign(member.text), true;
  const std::string_view digits = member.raw.starts_with('-') ? member.raw.substr(1) : member.raw;
  if (digits.empty() || digits.size() > 20 || !std::all_of(digits.begin(), digits.end(), [](char c) { return c >= '0' && c <= '9'; })) return false;
  id->assign(member.raw);
  return true;
}

void LookAtId(const Member& member, Facts* facts) {
  if (member.kind == '-') facts->negatives = true;
  if (member.kind != '"') return void(facts->numbers = true);
  const auto uuid = member.text.size() == 36 ? ParseUuid(member.text) : std::nullopt;
  (uuid && FormatUuid(*uuid) == member.text ? facts->uuids : facts->texts) = true;
}

IdKind Facts::kind() const {
  if (mapped || texts || (negatives && uuids)) return IdKind::string;
  if (negatives) return IdKind::i64;
  if (numbers && uuids) return IdKind::mixed;
  if (numbers) return IdKind::u64;
  return uuids ? IdKind::uuid : IdKind::string;
}

}  // namespace vecferry::jsonl
