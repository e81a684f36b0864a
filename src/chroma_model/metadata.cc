#include "chroma_model/metadata.h"

#include <cmath>

#include <fmt/format.h>

#include "base/text.h"
#include "chroma_model/doubles.h"
#include "connector/capabilities.h"
#include "connector/payload_record.h"

namespace vecferry::chroma_model {
namespace {

/// The layout's names, with the document where Chroma has it and no place for ids: those are Chroma's own.
Layout FamilyLayout(const Layout& layout) {
  Layout own;
  own.name = layout.name;
  own.id_field.clear();
  own.document_field = kDocumentKey;
  own.tenant_field = layout.tenant_field.empty() ? "tenant" : layout.tenant_field;
  return own;
}

bool IsReserved(std::string_view key) { return key.empty() || key.front() == '#' || key.front() == '$' || key.starts_with("chroma:"); }

/// The key without its backslashes, where it is one that this file escapes: the encoder of payloads sees to the layout's own.
std::optional<std::string_view> ReservedPart(const Layout& own, std::string_view key) {
  const std::string_view name = key.substr(std::min(key.find_first_not_of('\\'), key.size()));
  if (!IsReserved(name) || name == own.document_field || name == own.tenant_field) return std::nullopt;
  return name;
}

Status Refuse(std::string_view code, std::string_view field, std::string_view what) {
  return BadRecord(code, fmt::format("the metadata field '{}' {}", Printable(field, 200), what));
}

/// Takes the events of one payload: the document is left out, the URI taken aside, the rest written as JSON.
class Writer final : public JsonVisitor {
 public:
  explicit Writer(const Layout& own) : own_(own) {}

  void Begin(OutgoingRecord* out) {
    out_ = out;
    out->metadata.clear();
    out->uri.reset();
    json_.emplace(&out->metadata);
    depth_ = 0;
    place_ = Place::metadata;
  }

  Status Null() override { return NotHeld(JsonFeature::null); }
  Status Bool(bool value) override {
    ARROW_RETURN_NOT_OK(Before(Kind::boolean));
    return json_->Bool(value);
  }
  Status Int(int64_t value) override {
    ARROW_RETURN_NOT_OK(Before(Kind::integer));
    return json_->Int(value);
  }
  Status Uint(uint64_t) override { return NotHeld(JsonFeature::uint64); }
  Status Double(double value) override {
    if (value == 0 && std::signbit(value)) return Refuse("negative-zero", name_, "is -0.0, and Chroma would keep 0.0");
    if (!IsKeptExactly(value)) {
      return Refuse("inexact-double", name_, fmt::format("is {}, which Chroma's server would keep as its neighbour: --map digits:{} takes its first 15 digits", value, Printable(name_, 100)));
    }
    ARROW_RETURN_NOT_OK(Before(Kind::real));
    return json_->Double(value);
  }
  Status String(std::string_view utf8) override {
    if (depth_ == 1 && place_ != Place::metadata) {
      if (place_ == Place::uri) out_->uri = std::string(utf8);
      place_ = Place::metadata;
      return Status::OK();
    }
    ARROW_RETURN_NOT_OK(Before(Kind::string));
    return json_->String(utf8);
  }
  Status Special(std::string_view type, std::string_view) override {
    return Refuse(fmt::format("metadata-{}", type == "f64" ? "non_finite" : type), name_, fmt::format("is a {}, which Chroma does not hold", type == "f64" ? "NaN or infinity" : type));
  }
  Status BeginObject() override {
    if (depth_ > 0) return NotHeld(JsonFeature::nested_object);
    depth_ = 1;
    return json_->BeginObject();
  }
  Status EndObject() override {
    depth_ = 0;
    return json_->EndObject();
  }
  Status BeginArray() override {
    if (depth_ > 1) return NotHeld(JsonFeature::nested_array);
    ARROW_RETURN_NOT_OK(Before(Kind::none));
    depth_ = 2;
    element_ = Kind::none;
    return json_->BeginArray();
  }
  Status EndArray() override {
    depth_ = 1;
    if (element_ == Kind::none) return Refuse("empty-array", name_, "is an empty array, which Chroma would leave out");
    return json_->EndArray();
  }
  Status Key(std::string_view key) override {
    name_ = key;
    place_ = key == kDocumentKey ? Place::document : key == kUriKey ? Place::uri : Place::metadata;
    return place_ == Place::metadata ? WriteKey() : Status::OK();
  }

 private:
  enum class Kind { none, boolean, integer, real, string };
  enum class Place { metadata, document, uri };  ///< of a top-level key's value, if it is a string

  Status WriteKey() { return ReservedPart(own_, name_) || name_ == kDocumentKey ? json_->Key("\\" + name_) : json_->Key(name_); }

  /// A value that is not where its key's name would have it is metadata under that name.
  Status Before(Kind kind) {
    if (depth_ == 1 && place_ != Place::metadata) {
      place_ = Place::metadata;
      return WriteKey();
    }
    if (depth_ < 2) return Status::OK();
    if (element_ != Kind::none && element_ != kind) {
      const bool numbers = (element_ == Kind::integer || element_ == Kind::real) && (kind == Kind::integer || kind == Kind::real);
      if (!numbers) return NotHeld(JsonFeature::mixed_array);
      return Refuse("mixed-numbers", name_, "has integers beside doubles, and Chroma would make doubles of all");
    }
    element_ = kind;
    return Status::OK();
  }

  Status NotHeld(JsonFeature feature) const {
    return Refuse(fmt::format("metadata-{}", Name(feature)), name_, fmt::format("has a value of a kind that Chroma does not hold: {}", Name(feature)));
  }

  const Layout& own_;
  OutgoingRecord* out_ = nullptr;
  std::optional<JsonWriter> json_;
  int depth_ = 0;
  Kind element_ = Kind::none;
  Place place_ = Place::metadata;
  std::string name_;
};

/// Hands the members of the metadata's object on, escaped keys as they were.
class Reader final : public JsonVisitor {
 public:
  Reader(const Layout& own, JsonVisitor& to) : own_(own), to_(to) {}
  Status Null() override { return depth_ ? to_.Null() : NotAnObject(); }
  Status Bool(bool value) override { return depth_ ? to_.Bool(value) : NotAnObject(); }
  Status Int(int64_t value) override { return depth_ ? to_.Int(value) : NotAnObject(); }
  Status Uint(uint64_t value) override { return depth_ ? to_.Uint(value) : NotAnObject(); }
  Status Double(double value) override { return depth_ ? to_.Double(value) : NotAnObject(); }
  Status String(std::string_view utf8) override { return depth_ ? to_.String(utf8) : NotAnObject(); }
  Status Special(std::string_view type, std::string_view text) override { return depth_ ? to_.Special(type, text) : NotAnObject(); }
  Status BeginObject() override { return depth_++ ? to_.BeginObject() : Status::OK(); }
  Status EndObject() override { return --depth_ ? to_.EndObject() : Status::OK(); }
  Status BeginArray() override { return depth_++ ? to_.BeginArray() : NotAnObject(); }
  Status EndArray() override { return --depth_, to_.EndArray(); }
  Status Key(std::string_view key) override {
    const bool escaped = depth_ == 1 && key.starts_with('\\') && ReservedPart(own_, key);
    return to_.Key(escaped ? key.substr(1) : key);
  }

 private:
  static Status NotAnObject() { return BadRecord("metadata-not-an-object", "the metadata is not a JSON object"); }
  const Layout& own_;
  JsonVisitor& to_;
  int depth_ = 0;
};

}  // namespace

struct MetadataEncoder::Impl {
  explicit Impl(const Layout& layout) : own(FamilyLayout(layout)), payload(own), writer(own) {}
  const Layout own;
  PayloadEncoder payload;
  Writer writer;
};

MetadataEncoder::MetadataEncoder(const Layout& layout) : impl_(new Impl(layout)) {}
MetadataEncoder::~MetadataEncoder() = default;
MetadataEncoder::MetadataEncoder(MetadataEncoder&&) noexcept = default;

Status MetadataEncoder::Encode(const RecordView& view, int64_t row, OutgoingRecord* out) {
  impl_->writer.Begin(out);
  return impl_->payload.Encode(view, row, std::nullopt, impl_->writer);
}

struct MetadataDecoder::Impl {
  Impl(const Layout& layout, bool document_column, bool tenant_column)
      : names(layout), own(FamilyLayout(layout)), payload(own), document_column(document_column), tenant_column(tenant_column) {
    names.tenant_field = own.tenant_field;
  }

  Status Fill(const IncomingRecord& record) {
    payload.Begin();
    ARROW_RETURN_NOT_OK(payload.BeginObject());
    if (record.document) {
      ARROW_RETURN_NOT_OK(payload.Key(kDocumentKey));
      ARROW_RETURN_NOT_OK(payload.String(*record.document));
    }
    if (record.uri) {
      ARROW_RETURN_NOT_OK(payload.Key(kUriKey));
      ARROW_RETURN_NOT_OK(payload.String(*record.uri));
    }
    if (!record.metadata.empty()) {
      Reader reader(own, payload);
      ARROW_RETURN_NOT_OK(json.Visit(record.metadata, reader, {.big_integers = true, .plain = true}));
    }
    return payload.EndObject();
  }

  Layout names;
  const Layout own;
  PayloadDecoder payload;
  JsonReader json;
  const bool document_column, tenant_column;
};

MetadataDecoder::MetadataDecoder(const Layout& layout, bool document_column, bool tenant_column) : impl_(new Impl(layout, document_column, tenant_column)) {}
MetadataDecoder::~MetadataDecoder() = default;
MetadataDecoder::MetadataDecoder(MetadataDecoder&&) noexcept = default;

Result<DecodedPayload> MetadataDecoder::Decode(const IncomingRecord& record) {
  ARROW_RETURN_NOT_OK(impl_->Fill(record));
  ARROW_ASSIGN_OR_RAISE(DecodedPayload payload, impl_->payload.End(""));
  ARROW_RETURN_NOT_OK(KeepAsMetadata(impl_->names, impl_->document_column, impl_->tenant_column, &payload));
  return payload;
}

}  // namespace vecferry::chroma_model
