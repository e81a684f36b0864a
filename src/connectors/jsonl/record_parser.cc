#include <algorithm>

#include <fmt/format.h>

#include "base/text.h"
#include "connectors/jsonl/foreign_json.h"
#include "record/json.h"

namespace vecferry::jsonl {
namespace {

constexpr JsonReader::Options kForeign = {.big_integers = true, .python_floats = true, .plain = true};

std::string Or(const std::string& name, const char* otherwise) { return name.empty() ? otherwise : name; }

/// An object whose fields are named by options: a line of foreign JSON, or a row of columns put together.
class RecordParser final : public ItemParser {
 public:
  RecordParser(const Wishes& wishes, const RecordSchema& schema)
      : wishes_(wishes), schema_(schema), id_name_(Or(wishes.id, "id")), document_(Or(wishes.document, "document")), tenant_name_(Or(wishes.tenant, "tenant")),
        metadata_(Or(wishes.metadata, "*")), vectors_(wishes.vectors) {
    if (vectors_.empty()) vectors_ = {"vector", "embedding"};
    if (wishes.shape != Shape::columns) return;
    // A row of columns is put together with these names, whatever the columns are called.
    id_name_ = "id", document_ = "document", tenant_name_ = "", metadata_ = "metadata", vectors_ = {"embedding"};
  }

  void LookAt(std::string_view item, Facts* facts) override {
    if (!object_.Read(item, true, &members_).ok()) return;
    ++facts->records;
    for (const Member& member : members_) {
      if (member.key == id_name_) LookAtId(member, facts);
      else if (IsVector(member.key)) VectorParser::LookAt(NameOf(member.key), member.raw, wishes_, facts);
      else if (member.key == document_) facts->document |= member.kind == '"';
      else if (member.key == tenant_name_) facts->tenant |= IsTenant(member);
    }
  }

  Status Parse(std::string_view item, BatchBuilder& builder) override {
    id_.clear();
    tenant_.clear();
    rounded_ = false;
    const Status status = Append(item, builder);
    if (status.ok()) builder.EndRow();
    else builder.DropRow();
    return status;
  }

 private:
  bool IsVector(std::string_view key) const { return std::find(vectors_.begin(), vectors_.end(), key) != vectors_.end(); }
  /// A single vector has no name.
  std::string_view NameOf(std::string_view key) const { return wishes_.vectors.size() > 1 && vectors_.size() > 1 ? key : std::string_view(); }
  /// A number is a tenant where the user says which field it is.
  bool IsTenant(const Member& member) const {
    std::string text;
    return member.kind == '"' || (!wishes_.tenant.empty() && ReadId(member, &text));
  }

  Status Append(std::string_view item, BatchBuilder& builder) {
    ARROW_RETURN_NOT_OK(object_.Read(item, true, &members_));
    rest_.clear();
    bool has_id = false;
    for (const Member& member : members_) {
      if (member.key != id_name_) continue;
      has_id = ReadId(member, &id_);
    }
    if (!has_id) return BadRecord("missing-id", fmt::format("it has no '{}' that is a text or a whole number", Printable(id_name_, 100)));
    builder.Id(id_);
    for (const Member& member : members_) ARROW_RETURN_NOT_OK(Take(member, builder));
    if (rest_.empty()) return Status::OK();
    rest_ += '}';
    return Metadata(rest_, builder);
  }

  Status Take(const Member& member, BatchBuilder& builder) {
    if (member.key == id_name_) return Status::OK();
    if (IsVector(member.key)) return member.kind == 'n' ? Status::OK() : Vector(NameOf(member.key), member, builder);
    if (member.key == document_ && schema_.has_document && (member.kind == '"' || member.kind == 'n')) {
      if (member.kind == '"') builder.Document(member.text);
      return Status::OK();
    }
    if (member.key == tenant_name_ && schema_.has_tenant && (IsTenant(member) || member.kind == 'n')) {
      if (member.kind == 'n') return Status::OK();
      ReadId(member, &tenant_);
      builder.Tenant(tenant_);
      return Status::OK();
    }
    if (member.key == metadata_) {
      if (member.kind == 'n') return Status::OK();
      if (member.kind != '{') return BadRecord("metadata-not-an-object", fmt::format("'{}' is no object", Printable(metadata_, 100)));
      return Metadata(member.raw, builder);
    }
    if (metadata_ != "*") return Status::OK();
    rest_ += rest_.empty() ? '{' : ',';
    AppendJsonString(member.key, &rest_);
    rest_ += ':';
    rest_ += member.raw;
    return Status::OK();
  }

  Status Metadata(std::string_view raw, BatchBuilder& builder) {
    written_.clear();
    JsonWriter writer(&written_);
    const Status status = json_.Visit(raw, writer, kForeign);
    if (!status.ok()) return BadRecord(FactsOf(status).code.empty() ? "bad-metadata" : FactsOf(status).code, status.message());
    builder.Metadata(written_);
    return Status::OK();
  }

  Status Vector(std::string_view name, const Member& member, BatchBuilder& builder) {
    for (size_t i = 0; i < schema_.vectors.size(); ++i) {
      if (schema_.vectors[i].name == name) return parser_.Parse(member.raw, schema_.vectors[i], i, builder, &rounded_);
    }
    return BadRecord("bad-vector", fmt::format("'{}' is no vector", Printable(member.key, 100)));
  }

  const Wishes& wishes_;
  const RecordSchema& schema_;
  std::string id_name_, document_, tenant_name_, metadata_;
  std::vector<std::string> vectors_;
  ObjectReader object_;
  std::vector<Member> members_;
  JsonReader json_;
  VectorParser parser_;
  std::string rest_, written_;
};

}  // namespace

std::unique_ptr<ItemParser> MakeRecordParser(const Wishes& wishes, const RecordSchema& schema) { return std::make_unique<RecordParser>(wishes, schema); }

std::unique_ptr<ItemParser> MakeParser(const Wishes& wishes, const RecordSchema& schema) {
  return wishes.shape == Shape::scroll ? MakePointParser(wishes, schema) : MakeRecordParser(wishes, schema);
}

}  // namespace vecferry::jsonl
