#include "chroma_model/metadata.h"

#include <cmath>
#include <set>

#include <fmt/format.h>

#include "base/text.h"
#include "chroma_model/doubles.h"
#include "connector/capabilities.h"
#include "connector/flat_object.h"
#include "connector/payload_record.h"
#include "record/quiet_visitor.h"

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

bool IsReserved(std::string_view key) { return key.empty() || key == kJsonField || key.front() == '#' || key.front() == '$' || key.starts_with("chroma:"); }

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
class Writer final : public FlatObject {
 public:
  Writer(const Layout& own, bool encode) : FlatObject(encode), own_(own) {}

  void Begin(OutgoingRecord* out) {
    out_ = out;
    out->metadata.clear();
    out->uri.reset();
    encoded_.clear();
    FlatObject::Begin(&out->metadata);
  }

 private:
  Status Holds(const Value& value) override {
    if (value.depth == 1) element_ = value.kind == Kind::array ? Kind::null : value.kind;
    switch (value.kind) {
      case Kind::null: return NotHeld(JsonFeature::null);
      case Kind::unsigned_integer: return NotHeld(JsonFeature::uint64);
      case Kind::object: return NotHeld(JsonFeature::nested_object);
      case Kind::special: return HoldsNoSpecial(value.special);
      case Kind::array: return value.depth > 1 ? NotHeld(JsonFeature::nested_array) : Status::OK();
      case Kind::real: ARROW_RETURN_NOT_OK(HoldsReal(value.real)); break;
      default: break;
    }
    return value.depth > 1 ? HoldsElement(value.kind) : Status::OK();
  }

  Status HoldsNoSpecial(std::string_view type) const {
    return Refuse(fmt::format("metadata-{}", type == "f64" ? "non_finite" : type), key(), fmt::format("is a {}, which Chroma does not hold", type == "f64" ? "NaN or infinity" : type));
  }

  Status HoldsReal(double value) const {
    if (value == 0 && std::signbit(value)) return Refuse("negative-zero", key(), "is -0.0, and Chroma would keep 0.0; `?metadata=json` keeps it");
    if (IsKeptExactly(value)) return Status::OK();
    return Refuse("inexact-double", key(), fmt::format("is {}, which Chroma's server would keep as its neighbour: --map digits:{} takes its first 15 digits, and `?metadata=json` keeps all", value, Printable(key(), 100)));
  }

  /// Elements of an array are of one type.
  Status HoldsElement(Kind kind) {
    if (element_ == Kind::null || element_ == kind) return element_ = kind, Status::OK();
    const bool numbers = (element_ == Kind::integer || element_ == Kind::real) && (kind == Kind::integer || kind == Kind::real);
    if (!numbers) return NotHeld(JsonFeature::mixed_array);
    return Refuse("mixed-numbers", key(), "has integers beside doubles, and Chroma would make doubles of all; `?metadata=json` keeps them");
  }

  Status HoldsArray() override {
    return element_ == Kind::null ? Refuse("empty-array", key(), "is an empty array, which Chroma would leave out; `?metadata=json` keeps it") : Status::OK();
  }

  Status NotHeld(JsonFeature feature) const {
    return Refuse(fmt::format("metadata-{}", Name(feature)), key(), fmt::format("has a value of a kind that Chroma does not hold: {}", Name(feature)));
  }

  bool TakesAside(std::string_view utf8) override {
    if (key() == kUriKey) out_->uri = std::string(utf8);
    return key() == kUriKey || key() == kDocumentKey;
  }

  /// A value that is not where its key's name would have it is metadata under that name.
  Result<std::string> NameOf(std::string_view key) override { return ReservedPart(own_, key) || key == kDocumentKey ? "\\" + std::string(key) : std::string(key); }

  void Added(const std::string& name, bool as_text) override {
    if (as_text) encoded_.push_back(name);
  }

  /// A text, since not every server holds lists.
  void BeforeEnd() override {
    if (encoded_.empty()) return;
    std::string names;
    AppendJsonString(JsonList(encoded_), &names);
    AddMember(kJsonField, names);
  }

  const Layout& own_;
  OutgoingRecord* out_ = nullptr;
  Kind element_ = Kind::null;  ///< of the array at hand, null before its first
  std::vector<std::string> encoded_;
};

/// The fields that the metadata says hold JSON text; none where its `_json` is a field like any other.
class Marks final : public QuietVisitor {
 public:
  static std::set<std::string, std::less<>> Of(std::string_view metadata, JsonReader& json) {
    Marks marks;
    if (metadata.find(kJsonField) == metadata.npos || !json.Visit(metadata, marks, {.big_integers = true, .plain = true}).ok() || !marks.text_) return {};
    Marks list;
    list.list_ = true;
    if (!json.Visit(*marks.text_, list, {.big_integers = true, .plain = true}).ok() || list.other_) return {};
    return std::move(list.names_);
  }

  Status BeginObject() override { return ++depth_, Value(); }
  Status BeginArray() override { return ++depth_ > 1 ? Value() : Status::OK(); }
  Status Key(std::string_view key) override {
    here_ = depth_ == 1 && key == kJsonField;
    return Status::OK();
  }
  Status String(std::string_view utf8) override {
    if (list_) depth_ == 1 ? void(names_.emplace(utf8)) : void(other_ = true);
    else if (here_ && depth_ == 1) text_ = utf8;
    return Status::OK();
  }

 private:
  Status Value() override { return other_ = true, Status::OK(); }
  bool list_ = false, other_ = false, here_ = false;
  std::optional<std::string> text_;
  std::set<std::string, std::less<>> names_;
};

/// Hands the members of the metadata's object on, escaped keys and values that stand as JSON text as they were.
class Reader final : public JsonVisitor {
 public:
  Reader(const Layout& own, std::set<std::string, std::less<>> encoded, JsonReader& json, JsonVisitor& to)
      : own_(own), encoded_(std::move(encoded)), json_(json), to_(to) {}
  Status Null() override { return depth_ ? to_.Null() : NotAnObject(); }
  Status Bool(bool value) override { return depth_ ? to_.Bool(value) : NotAnObject(); }
  Status Int(int64_t value) override { return depth_ ? to_.Int(value) : NotAnObject(); }
  Status Uint(uint64_t value) override { return depth_ ? to_.Uint(value) : NotAnObject(); }
  Status Double(double value) override { return depth_ ? to_.Double(value) : NotAnObject(); }
  Status String(std::string_view utf8) override {
    if (depth_ == 0) return NotAnObject();
    if (skip_) return Status::OK();
    if (depth_ > 1 || !text_) return to_.String(utf8);
    return json_.Visit(utf8, to_).ok() ? Status::OK() : BadRecord("metadata-marks", fmt::format("a field that {} names holds no JSON text", kJsonField));
  }
  Status Special(std::string_view type, std::string_view text) override { return depth_ ? to_.Special(type, text) : NotAnObject(); }
  Status BeginObject() override { return depth_++ ? to_.BeginObject() : Status::OK(); }
  Status EndObject() override { return --depth_ ? to_.EndObject() : Status::OK(); }
  Status BeginArray() override { return depth_++ ? to_.BeginArray() : NotAnObject(); }
  Status EndArray() override { return --depth_, to_.EndArray(); }
  Status Key(std::string_view key) override {
    if (depth_ > 1) return to_.Key(key);
    skip_ = key == kJsonField && !encoded_.empty();
    if (skip_) return Status::OK();
    text_ = encoded_.contains(key);
    return to_.Key(key.starts_with('\\') && ReservedPart(own_, key) ? key.substr(1) : key);
  }

 private:
  static Status NotAnObject() { return BadRecord("metadata-not-an-object", "the metadata is not a JSON object"); }
  const Layout& own_;
  const std::set<std::string, std::less<>> encoded_;
  JsonReader& json_;
  JsonVisitor& to_;
  int depth_ = 0;
  bool skip_ = false, text_ = false;
};

}  // namespace

struct MetadataEncoder::Impl {
  Impl(const Layout& layout, bool encode) : own(FamilyLayout(layout)), payload(own), writer(own, encode) {}
  const Layout own;
  PayloadEncoder payload;
  Writer writer;
};

MetadataEncoder::MetadataEncoder(const Layout& layout, bool encode) : impl_(new Impl(layout, encode)) {}
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
      Reader reader(own, Marks::Of(record.metadata, json), inner, payload);
      ARROW_RETURN_NOT_OK(json.Visit(record.metadata, reader, {.big_integers = true, .plain = true}));
    }
    return payload.EndObject();
  }

  Layout names;
  const Layout own;
  PayloadDecoder payload;
  JsonReader json, inner;
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
