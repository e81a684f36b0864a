#include <algorithm>

#include <fmt/format.h>

#include "base/text.h"
#include "connector/layout.h"
#include "connector/payload_keys.h"

namespace vecferry {

using Field = PayloadKey::Field;

constexpr size_t kMostReserved = 4096;

/// The root object's last brace is written by End, so that an id field that proves to be metadata can be put back.
struct PayloadDecoder::Impl {
  explicit Impl(const Layout& of) : layout(of) {}

  const Layout& layout;
  std::string text;
  std::optional<JsonWriter> writer;
  std::optional<std::string> id, document, tenant;
  std::vector<std::string> reserved_names;  ///< names of fields that the metadata has as keys of its own
  int depth = 0;
  bool root_seen = false;
  Field pending = Field::none;  ///< the top-level key whose value decides what it is
  std::string pending_key;
  char held = 0;                ///< '{' or '[' that is dropped if it is closed at once
  bool whole = false;           ///< the writer has closed all that it opened
  size_t last_size = 0;

  /// Buffers are kept: payloads come by the million.
  void Begin() {
    text.clear();
    text.reserve(last_size);
    if (!whole) writer.emplace(&text);
    whole = root_seen = false;
    id.reset();
    document.reset();
    tenant.reset();
    reserved_names.clear();
    depth = 0;
    pending = Field::none;
    held = 0;
  }

  Status MetadataKey(std::string_view key, bool reserved) {
    if (reserved) {
      if (std::find(reserved_names.begin(), reserved_names.end(), key) != reserved_names.end()) {
        return BadRecord("ambiguous-key", fmt::format("the payload holds the key '{}' twice once its backslashes are read", Printable(key, 200)));
      }
      reserved_names.emplace_back(key);
    }
    return writer->Key(key);
  }

  Status Release() {
    if (held) {
      const char bracket = std::exchange(held, 0);
      ARROW_RETURN_NOT_OK(FlushKey());
      return bracket == '{' ? writer->BeginObject() : writer->BeginArray();
    }
    return Status::OK();
  }

  Status FlushKey() {
    if (pending == Field::none) return Status::OK();
    pending = Field::none;
    return MetadataKey(pending_key, true);
  }

  /// Before a value that is no string and no container.
  Status BeforeScalar() {
    if (depth == 0) return NotAnObject();
    ARROW_RETURN_NOT_OK(Release());
    return depth == 1 ? FlushKey() : Status::OK();
  }

  Status Begin(char bracket) {
    if (depth == 0) return BeginRoot(bracket);
    if (depth >= kMaxJsonDepth) return BadRecord("too-deep", fmt::format("the payload nests deeper than {} levels", kMaxJsonDepth));
    ARROW_RETURN_NOT_OK(Release());
    if (depth++ == 1 && pending == Field::absent && layout.absent_as.at(pending_key) == (bracket == '{' ? "{}" : "[]")) {
      held = bracket;
      return Status::OK();
    }
    if (depth == 2) ARROW_RETURN_NOT_OK(FlushKey());
    return bracket == '{' ? writer->BeginObject() : writer->BeginArray();
  }

  Status BeginRoot(char bracket) {
    if (bracket != '{' || root_seen) return NotAnObject();
    root_seen = true;
    depth = 1;
    return writer->BeginObject();
  }

  Status End(char bracket) {
    if (depth-- == 1) return Status::OK();
    if (std::exchange(held, 0)) {
      pending = Field::none;
      return Status::OK();
    }
    return bracket == '}' ? writer->EndObject() : writer->EndArray();
  }

  Status TopKey(std::string_view key) {
    const PayloadKey found = ClassifyKey(layout, key);
    if (found.field == Field::none) return writer->Key(key);
    if (found.backslashes > 0) return MetadataKey(key.substr(1), found.backslashes == 1);
    pending = found.field;
    pending_key = key;
    return Status::OK();
  }

  /// A string under a name of the layout's own.
  Status OwnString(std::string_view utf8) {
    const Field field = std::exchange(pending, Field::none);
    auto& place = field == Field::id ? id : field == Field::document ? document : tenant;
    if (place) return BadRecord("ambiguous-key", fmt::format("the payload holds the key '{}' twice", Printable(pending_key, 200)));
    place = utf8;
    return Status::OK();
  }

  bool IsAbsent(std::string_view utf8) const {
    std::string quoted;
    AppendJsonString(utf8, &quoted);
    return layout.absent_as.at(pending_key) == quoted;
  }

  static Status NotAnObject() { return BadRecord("payload-not-an-object", "the payload is not one object"); }
};

PayloadDecoder::PayloadDecoder(const Layout& layout) : impl_(std::make_unique<Impl>(layout)) { Begin(); }
PayloadDecoder::~PayloadDecoder() = default;

void PayloadDecoder::Begin() { impl_->Begin(); }

Result<DecodedPayload> PayloadDecoder::End(std::string_view point_id) {
  Impl& impl = *impl_;
  if (!impl.root_seen || impl.depth != 0) return Impl::NotAnObject();
  DecodedPayload payload;
  if (impl.id && IsOriginalOf(impl.layout, impl.tenant, *impl.id, point_id)) {
    payload.original_id = std::move(impl.id);
  } else if (impl.id) {
    ARROW_RETURN_NOT_OK(impl.MetadataKey(impl.layout.id_field, true));
    ARROW_RETURN_NOT_OK(impl.writer->String(*impl.id));
  }
  ARROW_RETURN_NOT_OK(impl.writer->EndObject());
  impl.whole = true;
  impl.last_size = std::min(impl.text.size(), kMostReserved);
  payload.document = std::move(impl.document);
  payload.tenant = std::move(impl.tenant);
  payload.metadata = std::move(impl.text);
  return payload;
}

Status PayloadDecoder::Null() {
  ARROW_RETURN_NOT_OK(impl_->BeforeScalar());
  return impl_->writer->Null();
}
Status PayloadDecoder::Bool(bool value) {
  ARROW_RETURN_NOT_OK(impl_->BeforeScalar());
  return impl_->writer->Bool(value);
}
Status PayloadDecoder::Int(int64_t value) {
  ARROW_RETURN_NOT_OK(impl_->BeforeScalar());
  return impl_->writer->Int(value);
}
Status PayloadDecoder::Uint(uint64_t value) {
  ARROW_RETURN_NOT_OK(impl_->BeforeScalar());
  return impl_->writer->Uint(value);
}
Status PayloadDecoder::Double(double value) {
  ARROW_RETURN_NOT_OK(impl_->BeforeScalar());
  return impl_->writer->Double(value);
}
Status PayloadDecoder::Special(std::string_view type, std::string_view text) {
  ARROW_RETURN_NOT_OK(impl_->BeforeScalar());
  return impl_->writer->Special(type, text);
}
Status PayloadDecoder::String(std::string_view utf8) {
  if (impl_->depth == 1 && impl_->pending != Field::none) {
    if (impl_->pending != Field::absent) return impl_->OwnString(utf8);
    if (impl_->IsAbsent(utf8)) return impl_->pending = Field::none, Status::OK();
  }
  ARROW_RETURN_NOT_OK(impl_->BeforeScalar());
  return impl_->writer->String(utf8);
}
Status PayloadDecoder::BeginObject() { return impl_->Begin('{'); }
Status PayloadDecoder::EndObject() { return impl_->End('}'); }
Status PayloadDecoder::BeginArray() { return impl_->Begin('['); }
Status PayloadDecoder::EndArray() { return impl_->End(']'); }
Status PayloadDecoder::Key(std::string_view utf8) {
  ARROW_RETURN_NOT_OK(impl_->Release());
  return impl_->depth == 1 ? impl_->TopKey(utf8) : impl_->writer->Key(utf8);
}

}  // namespace vecferry
