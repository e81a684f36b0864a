#include <cmath>
#include <optional>

#include <fmt/format.h>

#include "base/text.h"
#include "connectors/pinecone/metadata.h"
#include "connectors/pinecone/reserved.h"

namespace vecferry::pinecone {
namespace {

constexpr int64_t kExact = int64_t{1} << 53;

JsonFeature OfSpecial(std::string_view type) {
  using Feature = JsonFeature;
  if (type == "f64") return Feature::non_finite;
  for (const Feature feature : {Feature::bigint, Feature::decimal, Feature::bytes, Feature::date, Feature::datetime, Feature::time}) {
    if (type == Name(feature)) return feature;
  }
  return Feature::geo;
}

}  // namespace

/// The value at hand is written as JSON text of ours first: only at its end is it known whether the service holds it.
struct MetadataWriter::Impl {
  explicit Impl(const MetadataPolicy& of) : policy(of) {}

  const MetadataPolicy policy;
  std::string* out = nullptr;
  size_t begin = 0;
  int depth = 0;
  bool fields = false;
  std::string key, value;
  std::optional<JsonWriter> writer;
  std::optional<std::string> misfit;  ///< code of why the service does not hold the value
  bool real = false;
  std::vector<std::string> reals, encoded;

  void Misfit(std::string code) {
    if (!misfit) misfit = std::move(code);
  }
  void Misfit(JsonFeature feature) { Misfit(fmt::format("metadata-{}", Name(feature))); }

  /// One event of the value. In a list only strings are held.
  template <class Event>
  Status Scalar(bool string, Event event) {
    if (depth == 0) return BadRecord("metadata-not-an-object", "the metadata is not a JSON object");
    if (depth > 1 && !string) Misfit("metadata-list");
    ARROW_RETURN_NOT_OK(event(*writer));
    return depth == 1 ? EndValue() : Status::OK();
  }

  Status EndValue() {
    if (misfit && !policy.encode) {
      return BadRecord(*misfit, fmt::format("the field '{}' has a value that Pinecone does not hold: strings, numbers, booleans and lists of strings alone", Printable(key, 200)));
    }
    *out += fields ? "," : "";
    fields = true;
    AppendJsonString(key, out);
    *out += ':';
    if (misfit) {
      AppendJsonString(value, out);
      encoded.push_back(key);
    } else {
      *out += value;
      if (real) reals.push_back(key);
    }
    return Status::OK();
  }

  Status BeginKey(std::string_view name) {
    key = EscapedKey(name, policy.encode);
    if (key.starts_with('$')) return BadRecord("metadata-key", fmt::format("the field '{}' begins with '$', which Pinecone keeps for itself", Printable(name, 200)));
    value.clear();
    writer.emplace(&value);
    misfit.reset();
    real = false;
    return Status::OK();
  }

  void AppendNames(std::string_view field, const std::vector<std::string>& names) {
    if (names.empty()) return;
    *out += fields ? "," : "";
    fields = true;
    AppendJsonString(field, out);
    char before = ':';
    *out += before;
    before = '[';
    for (const auto& name : names) {
      *out += before;
      before = ',';
      AppendJsonString(name, out);
    }
    *out += ']';
  }
};

MetadataWriter::MetadataWriter(const MetadataPolicy& policy) : impl_(std::make_unique<Impl>(policy)) {}
MetadataWriter::~MetadataWriter() = default;

void MetadataWriter::Begin(std::string* out) {
  impl_->out = out;
  impl_->begin = out->size();
  impl_->depth = 0;
  impl_->fields = false;
  impl_->reals.clear();
  impl_->encoded.clear();
}

Result<bool> MetadataWriter::End() {
  const size_t size = impl_->out->size() - impl_->begin;
  if (size > kMostMetadata) {
    return BadRecord("metadata-too-large", fmt::format("metadata and document are {} bytes, and Pinecone holds {} of a record", FormatCount(static_cast<int64_t>(size)), FormatCount(kMostMetadata)));
  }
  return impl_->fields;
}

Status MetadataWriter::Null() {
  impl_->Misfit(JsonFeature::null);
  return impl_->Scalar(false, [](JsonWriter& to) { return to.Null(); });
}
Status MetadataWriter::Bool(bool value) {
  return impl_->Scalar(false, [=](JsonWriter& to) { return to.Bool(value); });
}
Status MetadataWriter::Int(int64_t value) {
  if (value > kExact || value < -kExact) impl_->Misfit(JsonFeature::int64);
  return impl_->Scalar(false, [=](JsonWriter& to) { return to.Int(value); });
}
Status MetadataWriter::Uint(uint64_t value) {
  impl_->Misfit(JsonFeature::uint64);
  return impl_->Scalar(false, [=](JsonWriter& to) { return to.Uint(value); });
}
Status MetadataWriter::Double(double value) {
  const bool whole = value == std::floor(value) && std::fabs(value) <= static_cast<double>(kExact);
  if (impl_->depth == 1) impl_->real = whole;
  if (whole && !impl_->policy.mark_reals) impl_->Misfit(JsonFeature::real);
  return impl_->Scalar(false, [=](JsonWriter& to) { return to.Double(value); });
}
Status MetadataWriter::String(std::string_view utf8) {
  return impl_->Scalar(true, [=](JsonWriter& to) { return to.String(utf8); });
}
Status MetadataWriter::Special(std::string_view type, std::string_view text) {
  impl_->Misfit(OfSpecial(type));
  return impl_->Scalar(false, [=](JsonWriter& to) { return to.Special(type, text); });
}
Status MetadataWriter::BeginObject() {
  if (impl_->depth++ == 0) return *impl_->out += '{', Status::OK();
  impl_->Misfit(JsonFeature::nested_object);
  return impl_->writer->BeginObject();
}
Status MetadataWriter::EndObject() {
  if (--impl_->depth > 0) {
    ARROW_RETURN_NOT_OK(impl_->writer->EndObject());
    return impl_->depth == 1 ? impl_->EndValue() : Status::OK();
  }
  impl_->AppendNames(kRealsField, impl_->reals);
  impl_->AppendNames(kJsonField, impl_->encoded);
  *impl_->out += '}';
  return Status::OK();
}
Status MetadataWriter::BeginArray() {
  if (impl_->depth++ == 0) return BadRecord("metadata-not-an-object", "the metadata is not a JSON object");
  if (impl_->depth > 2) impl_->Misfit(JsonFeature::nested_array);
  return impl_->writer->BeginArray();
}
Status MetadataWriter::EndArray() {
  --impl_->depth;
  ARROW_RETURN_NOT_OK(impl_->writer->EndArray());
  return impl_->depth == 1 ? impl_->EndValue() : Status::OK();
}
Status MetadataWriter::Key(std::string_view utf8) { return impl_->depth == 1 ? impl_->BeginKey(utf8) : impl_->writer->Key(utf8); }

}  // namespace vecferry::pinecone
