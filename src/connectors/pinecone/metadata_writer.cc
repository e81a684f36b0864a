#include <cmath>

#include <fmt/format.h>

#include "base/text.h"
#include "connector/flat_object.h"
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

struct MetadataWriter::Impl final : FlatObject {
  explicit Impl(const MetadataPolicy& of) : FlatObject(of.encode), policy(of) {}

  Status NotHeld(std::string_view code) const {
    return BadRecord(code, fmt::format("the field '{}' has a value that Pinecone does not hold: strings, numbers, booleans and lists of strings alone", Printable(key(), 200)));
  }
  Status NotHeld(JsonFeature feature) const { return NotHeld(fmt::format("metadata-{}", Name(feature))); }

  Status Holds(const Value& value) override {
    if (value.depth == 1) real = value.kind == Kind::real && IsWhole(value.real);
    switch (value.kind) {
      case Kind::null: return NotHeld(JsonFeature::null);
      case Kind::unsigned_integer: return NotHeld(JsonFeature::uint64);
      case Kind::special: return NotHeld(OfSpecial(value.special));
      case Kind::object: return NotHeld(JsonFeature::nested_object);
      case Kind::array: return value.depth > 1 ? NotHeld(JsonFeature::nested_array) : Status::OK();
      case Kind::integer:
        if (value.integer > kExact || value.integer < -kExact) return NotHeld(JsonFeature::int64);
        break;
      case Kind::real:
        if (IsWhole(value.real) && !policy.mark_reals) return NotHeld(JsonFeature::real);
        break;
      default: break;
    }
    return value.depth > 1 && value.kind != Kind::string ? NotHeld("metadata-list") : Status::OK();
  }

  static bool IsWhole(double value) { return value == std::floor(value) && std::fabs(value) <= static_cast<double>(kExact); }

  Result<std::string> NameOf(std::string_view field) override {
    std::string name = EscapedKey(field, policy.encode);
    if (name.starts_with('$')) return BadRecord("metadata-key", fmt::format("the field '{}' begins with '$', which Pinecone keeps for itself", Printable(field, 200)));
    return name;
  }

  void Added(const std::string& name, bool as_text) override {
    if (as_text) encoded.push_back(name);
    else if (real) reals.push_back(name);
  }

  void BeforeEnd() override {
    if (!reals.empty()) AddMember(kRealsField, JsonList(reals));
    if (!encoded.empty()) AddMember(kJsonField, JsonList(encoded));
  }

  bool empty() const { return !has_members(); }

  const MetadataPolicy policy;
  std::string* out = nullptr;
  size_t begin = 0;
  bool real = false;  ///< the member at hand is a float64 that is whole
  std::vector<std::string> reals, encoded;
};

MetadataWriter::MetadataWriter(const MetadataPolicy& policy) : impl_(std::make_unique<Impl>(policy)) {}
MetadataWriter::~MetadataWriter() = default;

JsonVisitor& MetadataWriter::Begin(std::string* out) {
  impl_->out = out;
  impl_->begin = out->size();
  impl_->reals.clear();
  impl_->encoded.clear();
  impl_->Begin(out);
  return *impl_;
}

Result<bool> MetadataWriter::End() {
  const size_t size = impl_->out->size() - impl_->begin;
  if (size > kMostMetadata) {
    return BadRecord("metadata-too-large", fmt::format("metadata and document are {} bytes, and Pinecone holds {} of a record", FormatCount(static_cast<int64_t>(size)), FormatCount(kMostMetadata)));
  }
  return !impl_->empty();
}

}  // namespace vecferry::pinecone
