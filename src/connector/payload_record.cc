#include "connector/payload_record.h"

#include "record/quiet_visitor.h"

namespace vecferry {
namespace {

/// Whether an object has a key at its top.
class TopKey final : public QuietVisitor {
 public:
  explicit TopKey(std::string_view wanted) : wanted_(wanted) {}
  bool found() const { return found_; }
  Status Key(std::string_view utf8) override {
    found_ |= depth_ == 1 && utf8 == wanted_;
    return Status::OK();
  }

 private:
  std::string_view wanted_;
  bool found_ = false;
};

/// Where the members of an object begin: one with the key "$vf" is wrapped.
size_t MembersOf(std::string_view object) {
  constexpr std::string_view kWrapped = "{\"$vf\":\"object\",\"v\":{";
  return object.starts_with(kWrapped) ? kWrapped.size() : 1;
}

Status AddField(std::string_view key, std::string_view value, std::string* object) {
  std::string field;
  AppendJsonString(key, &field);
  field += ':';
  if (object->find(field) != object->npos) {
    JsonReader reader;
    TopKey seen(key);
    ARROW_RETURN_NOT_OK(reader.Visit(*object, seen));
    if (seen.found()) return BadRecord("ambiguous-key", "the payload holds a key twice once its backslashes are read");
  }
  AppendJsonString(value, &field);
  const size_t members = MembersOf(*object);
  if ((*object)[members] != '}') field += ',';
  object->insert(members, field);
  return Status::OK();
}

}  // namespace

Status KeepAsMetadata(const Layout& layout, bool document_column, bool tenant_column, DecodedPayload* payload) {
  if (payload->document && !document_column) {
    ARROW_RETURN_NOT_OK(AddField(layout.document_field, *payload->document, &payload->metadata));
    payload->document.reset();
  }
  if (payload->tenant && !tenant_column) {
    ARROW_RETURN_NOT_OK(AddField(layout.tenant_field, *payload->tenant, &payload->metadata));
    payload->tenant.reset();
  }
  return Status::OK();
}

}  // namespace vecferry
