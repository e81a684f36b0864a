#include <algorithm>
#include <charconv>
#include <cmath>
#include <set>

#include <fmt/format.h>

#include "base/text.h"
#include "connectors/pinecone/metadata.h"
#include "connectors/pinecone/reserved.h"
#include "record/quiet_visitor.h"

namespace vecferry::pinecone {
namespace {

constexpr double kExact = 9007199254740992.0;  // 2^53
using Names = std::set<std::string, std::less<>>;

Status Odd(std::string_view field) {
  return BadRecord("metadata-marks", fmt::format("the field '{}' is not the list of names that Vecferry writes there", field));
}

/// Collects what the fields of our own list, and no more.
class Marks final : public QuietVisitor {
 public:
  Names reals, encoded;
  Status BeginObject() override { return ++depth_ > 1 ? Value() : Status::OK(); }
  Status BeginArray() override { return ++depth_ > 2 ? Value() : Status::OK(); }
  Status Key(std::string_view key) override {
    if (depth_ == 1) names_ = key == kRealsField ? &reals : key == kJsonField ? &encoded : nullptr;
    return Status::OK();
  }
  Status String(std::string_view utf8) override {
    if (names_ && depth_ == 1) return Value();
    if (names_) names_->emplace(utf8);
    return Status::OK();
  }

 private:
  Status Value() override { return names_ ? Odd(names_ == &reals ? kRealsField : kJsonField) : Status::OK(); }
  Names* names_ = nullptr;
};

/// The events of the service's object as those of the record's payload.
class Restorer final : public JsonVisitor {
 public:
  Restorer(const MetadataPolicy& policy, const Marks& marks, JsonReader& json, JsonVisitor& out) : policy_(policy), marks_(marks), json_(json), out_(out) {}

  Status Null() override { return skip_ ? Status::OK() : out_.Null(); }
  Status Bool(bool value) override { return skip_ ? Status::OK() : out_.Bool(value); }
  Status Int(int64_t value) override { return Double(static_cast<double>(value)); }
  Status Uint(uint64_t value) override { return Double(static_cast<double>(value)); }
  /// All numbers are float64, however they are written.
  Status Double(double value) override {
    if (skip_) return Status::OK();
    const bool whole = value == std::floor(value) && std::fabs(value) <= kExact;
    if (!whole || policy_.as_floats || real_ || (value == 0 && std::signbit(value))) return out_.Double(value);
    return out_.Int(static_cast<int64_t>(value));
  }
  /// An integer of so many digits that it is none of 64 bits.
  Status Special(std::string_view type, std::string_view text) override {
    if (skip_) return Status::OK();
    double value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (type != "bigint" || error != std::errc() || end != text.data() + text.size()) return BadRecord("metadata-number", "the metadata has a number that no float64 is");
    return out_.Double(value);
  }
  Status String(std::string_view utf8) override {
    if (skip_) return Status::OK();
    return encoded_ && depth_ == 1 ? Decoded(utf8) : out_.String(utf8);
  }
  Status BeginObject() override { return ++depth_, skip_ ? Status::OK() : out_.BeginObject(); }
  Status EndObject() override {
    if (--depth_ == 0) skip_ = false;
    return skip_ ? Status::OK() : out_.EndObject();
  }
  Status BeginArray() override { return ++depth_, skip_ ? Status::OK() : out_.BeginArray(); }
  Status EndArray() override { return --depth_, skip_ ? Status::OK() : out_.EndArray(); }
  Status Key(std::string_view key) override {
    if (depth_ > 1) return skip_ ? Status::OK() : out_.Key(key);
    skip_ = key == kRealsField || key == kJsonField;
    if (skip_) return Status::OK();
    real_ = marks_.reals.contains(key);
    encoded_ = marks_.encoded.contains(key);
    return out_.Key(UnescapedKey(key));
  }

 private:
  Status Decoded(std::string_view text) {
    const Status read = json_.Visit(text, out_);
    if (read.ok()) return read;
    return BadRecord("metadata-marks", "a field that the metadata says is JSON text is none");
  }

  const MetadataPolicy& policy_;
  const Marks& marks_;
  JsonReader& json_;
  JsonVisitor& out_;
  int depth_ = 0;
  bool skip_ = false, real_ = false, encoded_ = false;
};

}  // namespace

struct MetadataReader::Impl {
  MetadataPolicy policy;
  JsonReader outer, inner;
};

MetadataReader::MetadataReader(const MetadataPolicy& policy) : impl_(new Impl{policy, {}, {}}) {}
MetadataReader::~MetadataReader() = default;

Status MetadataReader::Read(std::string_view json, JsonVisitor& out) {
  const JsonReader::Options options{.big_integers = true, .plain = true};
  Marks marks;
  // Names stand before or behind what they are about.
  if (json.find("_reals") != json.npos || json.find("_json") != json.npos) ARROW_RETURN_NOT_OK(impl_->outer.Visit(json, marks, options));
  Restorer restorer(impl_->policy, marks, impl_->inner, out);
  return impl_->outer.Visit(json, restorer, options);
}

}  // namespace vecferry::pinecone
