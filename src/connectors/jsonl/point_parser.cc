#include <algorithm>

#include <fmt/format.h>

#include "base/text.h"
#include "connector/payload_record.h"
#include "connectors/jsonl/foreign_json.h"
#include "record/json.h"

namespace vecferry::jsonl {
namespace {

/// Payloads come from servers of all ages and from Python.
constexpr JsonReader::Options kForeign = {.big_integers = true, .python_floats = true, .plain = true};

/// {"id": ..., "payload": {...}, "vector": [...] | {...}}: a point of Qdrant's REST API.
class PointParser final : public ItemParser {
 public:
  PointParser(const Wishes& wishes, const RecordSchema& schema) : wishes_(wishes), schema_(schema), decoder_(wishes.layout) {}

  void LookAt(std::string_view item, Facts* facts) override {
    if (!Open(item).ok() || !id_member_.raw.data()) return;
    LookAtId(id_member_, facts);
    ++facts->records;
    // What every point has need not be asked again.
    if (!facts->document || !facts->tenant || !facts->mapped) {
      DecodedPayload payload;
      if (Decode(&payload).ok()) {
        facts->document |= payload.document.has_value();
        facts->tenant |= payload.tenant.has_value();
        facts->mapped |= payload.original_id.has_value();
      }
      if (IsBookkeeping()) return;
    }
    (void)EachVector([&](std::string_view name, std::string_view raw) {
      VectorParser::LookAt(name, raw, wishes_, facts);
      return Status::OK();
    });
  }

  Status Parse(std::string_view item, BatchBuilder& builder) override {
    id_.clear();
    tenant_.clear();
    rounded_ = false;
    const Status status = Append(item, builder);
    if (!status.ok()) builder.DropRow();
    return status;
  }

 private:
  Status Open(std::string_view item) {
    id_member_ = payload_ = vector_ = {};
    ARROW_RETURN_NOT_OK(object_.Read(item, true, &members_));
    for (const Member& member : members_) {
      if (member.key == "id") id_member_ = member;
      else if (member.key == "payload" && member.kind != 'n') payload_ = member;
      else if ((member.key == "vector" || member.key == "vectors") && member.kind != 'n') vector_ = member;
    }
    return Status::OK();
  }

  Status Append(std::string_view item, BatchBuilder& builder) {
    ARROW_RETURN_NOT_OK(Open(item));
    if (!id_member_.raw.data()) return BadRecord("missing-id", "it has no id");
    if (!ReadId(id_member_, &id_)) return BadRecord("bad-id", "the id is neither a number nor a text");
    DecodedPayload payload;
    ARROW_RETURN_NOT_OK(Decode(&payload));
    if (IsBookkeeping()) return Status::OK();
    id_ = UnmapId(wishes_.layout, id_, payload);
    if (payload.tenant) tenant_ = *payload.tenant;
    ARROW_RETURN_NOT_OK(KeepAsMetadata(wishes_.layout, schema_.has_document, schema_.has_tenant, &payload));
    ARROW_RETURN_NOT_OK(EachVector([&](std::string_view name, std::string_view raw) { return Vector(name, raw, builder); }));
    builder.Id(id_);
    if (payload.tenant) builder.Tenant(*payload.tenant);
    if (payload.document) builder.Document(*payload.document);
    builder.Metadata(payload.metadata);
    builder.EndRow();
    return Status::OK();
  }

  Status Decode(DecodedPayload* payload) {
    std::string point;
    ReadId(id_member_, &point);
    decoder_.Begin();
    const Status status = json_.Visit(payload_.raw.data() ? payload_.raw : std::string_view("{}"), decoder_, kForeign);
    if (!status.ok()) return BadRecord(FactsOf(status).code.empty() ? "unsupported-value" : FactsOf(status).code, status.message());
    ARROW_ASSIGN_OR_RAISE(*payload, decoder_.End(point));
    return Status::OK();
  }

  bool IsBookkeeping() {
    const auto& own = wishes_.layout.bookkeeping;
    if (!own || id_member_.raw != own->point_id || payload_.kind != '{' || !inner_.Read(payload_.raw, false, &inside_).ok()) return false;
    return std::all_of(own->must_have.begin(), own->must_have.end(), [&](const std::string& key) {
      return std::any_of(inside_.begin(), inside_.end(), [&](const Member& member) { return member.key == key; });
    });
  }

  template <class Each>
  Status EachVector(Each each) {
    if (!vector_.raw.data()) return Status::OK();
    if (vector_.kind == '[') return each("", vector_.raw);
    if (vector_.kind != '{') return BadRecord("bad-vector", "the vector is neither an array nor an object");
    ARROW_RETURN_NOT_OK(inner_.Read(vector_.raw, false, &inside_));
    for (const Member& member : inside_) {
      if (member.kind != 'n') ARROW_RETURN_NOT_OK(each(member.key, member.raw));
    }
    return Status::OK();
  }

  Status Vector(std::string_view name, std::string_view raw, BatchBuilder& builder) {
    for (size_t i = 0; i < schema_.vectors.size(); ++i) {
      if (schema_.vectors[i].name == name) return vectors_.Parse(raw, schema_.vectors[i], i, builder, &rounded_);
    }
    return BadRecord("unknown-vector", name.empty() ? "it has an unnamed vector, and others have none" : fmt::format("no other has a vector {}", Printable(name, 100)));
  }

  const Wishes& wishes_;
  const RecordSchema& schema_;
  ObjectReader object_, inner_;
  std::vector<Member> members_, inside_;
  Member id_member_, payload_, vector_;
  JsonReader json_;
  PayloadDecoder decoder_;
  VectorParser vectors_;
};

}  // namespace

std::unique_ptr<ItemParser> MakePointParser(const Wishes& wishes, const RecordSchema& schema) { return std::make_unique<PointParser>(wishes, schema); }

}  // namespace vecferry::jsonl
