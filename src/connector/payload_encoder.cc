#include <algorithm>

#include "connector/layout.h"
#include "connector/payload_keys.h"
#include "record/member_forwarder.h"

namespace vecferry {
namespace {

using Field = PayloadKey::Field;

/// What of the record decides whether a key of its metadata would be misread.
struct RecordFields {
  std::optional<std::string_view> original_id, document, tenant;
  std::string_view id;
};

bool MustEscape(const Layout& layout, const RecordFields& record, const PayloadKey& key, const std::string_view* string_value) {
  if (key.field == Field::none) return false;
  if (key.backslashes > 0) return true;
  switch (key.field) {
    case Field::id:
      return record.original_id || (string_value && IsOriginalOf(layout, record.tenant, *string_value, record.id));
    case Field::document: return record.document || string_value;
    case Field::tenant: return record.tenant || string_value;
    default: return false;  // absent_as is decided by its whole value
  }
}

/// Writes the metadata straight through, keys escaped: for layouts that keep no order.
class Streamer final : public MemberForwarder {
 public:
  Streamer(const Layout& layout, const RecordFields& record, JsonVisitor& out) : layout_(layout), record_(record), out_(out) {}

 private:
  JsonVisitor& to() override { return out_; }
  Status TopKey(std::string_view key) override {
    key_ = ClassifyKey(layout_, key);
    if (key_.field == Field::none) return out_.Key(key);
    name_ = key;
    return Status::OK();
  }
  Status TopValue(const std::string_view* string_value) override {
    if (key_.field == Field::none) return Status::OK();
    return out_.Key(MustEscape(layout_, record_, key_, string_value) ? "\\" + name_ : name_);
  }
  const Layout& layout_;
  const RecordFields& record_;
  JsonVisitor& out_;
  PayloadKey key_;
  std::string name_;
};

/// One field of a payload: a string as it is, or JSON text.
struct Item {
  std::string key;
  bool is_string = false;
  std::string text;
};

/// Takes the metadata apart into items: for layouts with an order or with fields that must be there.
class Collector final : public MemberForwarder {
 public:
  Collector(const Layout& layout, const RecordFields& record, std::vector<Item>* items)
      : layout_(layout), record_(record), items_(items) {}

 private:
  JsonVisitor& to() override { return *writer_; }
  Status TopKey(std::string_view key) override {
    key_ = ClassifyKey(layout_, key);
    items_->push_back({std::string(key), false, {}});
    return Status::OK();
  }
  Status TopValue(const std::string_view* string_value) override {
    Item& item = items_->back();
    if (MustEscape(layout_, record_, key_, string_value)) item.key.insert(0, "\\");
    writer_.emplace(&item.text);
    return Status::OK();
  }
  const Layout& layout_;
  const RecordFields& record_;
  std::vector<Item>* items_;
  PayloadKey key_;
  std::optional<JsonWriter> writer_;
};

void AddOwn(std::string_view key, std::optional<std::string_view> text, std::vector<Item>* items) {
  if (text) items->push_back({std::string(key), true, std::string(*text)});
}

/// A field that is there with the value that stands for its absence is kept under an escaped name beside it.
void FillAbsent(const Layout& layout, std::vector<Item>* items) {
  for (const auto& [key, value] : layout.absent_as) {
    const auto same = [&](const Item& item) { return !item.is_string && item.key == key; };
    const auto found = std::find_if(items->begin(), items->end(), same);
    if (found != items->end() && found->text != value) continue;
    if (found != items->end()) found->key.insert(0, "\\");
    items->push_back({key, false, value});
  }
}

void Sort(const std::vector<std::string>& order, std::vector<Item>* items) {
  const auto rank = [&](const Item& item) { return std::find(order.begin(), order.end(), item.key) - order.begin(); };
  std::stable_sort(items->begin(), items->end(), [&](const Item& a, const Item& b) { return rank(a) < rank(b); });
}

Status CheckFits(const Layout& layout, const RecordFields& record) {
  if (layout.document_required && !record.document) {
    return BadRecord("missing-document", "the record has no document text, which this layout needs");
  }
  if (record.document && layout.document_field.empty()) {
    return BadRecord("document-not-carried", "this layout has no place for a document");
  }
  if (record.tenant && layout.tenant_field.empty()) {
    return BadRecord("tenant-not-carried", "this layout has no place for a tenant");
  }
  return Status::OK();
}

}  // namespace

struct PayloadEncoder::Impl {
  const Layout& layout;
  JsonReader json;
  std::vector<Item> items;

  Status Own(std::string_view key, std::optional<std::string_view> text, JsonVisitor& out) {
    if (!text) return Status::OK();
    ARROW_RETURN_NOT_OK(out.Key(key));
    return out.String(*text);
  }

  Status Stream(const RecordFields& record, std::string_view metadata, JsonVisitor& out) {
    ARROW_RETURN_NOT_OK(Own(layout.id_field, record.original_id, out));
    ARROW_RETURN_NOT_OK(Own(layout.document_field, record.document, out));
    ARROW_RETURN_NOT_OK(Own(layout.tenant_field, record.tenant, out));
    Streamer streamer(layout, record, out);
    return json.Visit(metadata, streamer);
  }

  Status Ordered(const RecordFields& record, std::string_view metadata, JsonVisitor& out) {
    items.clear();
    Collector collector(layout, record, &items);
    ARROW_RETURN_NOT_OK(json.Visit(metadata, collector));
    FillAbsent(layout, &items);
    AddOwn(layout.document_field, record.document, &items);
    AddOwn(layout.tenant_field, record.tenant, &items);
    AddOwn(layout.id_field, record.original_id, &items);
    Sort(layout.field_order, &items);
    for (const Item& item : items) {
      ARROW_RETURN_NOT_OK(out.Key(item.key));
      ARROW_RETURN_NOT_OK(item.is_string ? out.String(item.text) : json.Visit(item.text, out));
    }
    return Status::OK();
  }
};

PayloadEncoder::PayloadEncoder(const Layout& layout) : impl_(new Impl{layout, {}, {}}) {}
PayloadEncoder::~PayloadEncoder() = default;

Status PayloadEncoder::Encode(const RecordView& view, int64_t row, std::optional<std::string_view> original_id, JsonVisitor& out) {
  const RecordFields record = {original_id, view.document(row), view.tenant(row), view.id(row)};
  ARROW_RETURN_NOT_OK(CheckFits(impl_->layout, record));
  const std::string_view metadata = view.metadata(row).value_or("{}");
  const bool ordered = !impl_->layout.field_order.empty() || !impl_->layout.absent_as.empty();
  ARROW_RETURN_NOT_OK(out.BeginObject());
  ARROW_RETURN_NOT_OK(ordered ? impl_->Ordered(record, metadata, out) : impl_->Stream(record, metadata, out));
  return out.EndObject();
}

}  // namespace vecferry
