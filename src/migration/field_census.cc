#include "migration/field_census.h"

#include <cstdlib>

#include "record/digest.h"

namespace vecferry {
namespace {

bool Digits(std::string_view text, size_t begin, size_t count) {
  if (begin + count > text.size()) return false;
  for (size_t i = begin; i < begin + count; ++i) {
    if (text[i] < '0' || text[i] > '9') return false;
  }
  return true;
}

/// "2026-01-02", also with a time of day behind it.
bool LooksLikeTime(std::string_view text) {
  if (text.size() > 40 || !Digits(text, 0, 4) || !Digits(text, 5, 2) || !Digits(text, 8, 2) || text[4] != '-' || text[7] != '-') return false;
  if (text.size() == 10) return true;
  return (text[10] == 'T' || text[10] == ' ') && Digits(text, 11, 2) && text.size() > 13 && text[13] == ':' && Digits(text, 14, 2);
}

struct Field {
  FieldInventory told;
  HashSample values{FieldCensus::kMostValues};
  double least = 0, greatest = 0;
  int64_t texts = 0, times = 0;

  void Number(double value, const std::string& spelled) {
    if (told.least.empty() || value < least) least = value, told.least = spelled;
    if (told.greatest.empty() || value > greatest) greatest = value, told.greatest = spelled;
  }

  void Text(std::string_view text, bool time) {
    ++texts;
    told.longest = std::max(told.longest, static_cast<int64_t>(text.size()));
    if (!time) return;
    ++times;
    if (told.first_time.empty() || text < told.first_time) told.first_time = text;
    if (told.last_time.empty() || text > told.last_time) told.last_time = text;
  }
};

}  // namespace

/// Takes the values of one object's members, each as its compact text.
class FieldCensus::Visitor : public JsonVisitor {
 public:
  std::map<std::string, Field, std::less<>> fields;
  int64_t left_out = 0;

  void Begin() { depth_ = 0, field_ = nullptr, text_.clear(), writer_ = JsonWriter(&text_); }

  Status Null() override { return Value("null", writer_.Null()); }
  Status Bool(bool value) override { return Value("boolean", writer_.Bool(value)); }
  Status Int(int64_t value) override { return Numeric("integer", static_cast<double>(value), writer_.Int(value)); }
  Status Uint(uint64_t value) override { return Numeric("integer", static_cast<double>(value), writer_.Uint(value)); }
  Status Double(double value) override { return Numeric("float", value, writer_.Double(value)); }
  Status String(std::string_view text) override {
    if (depth_ == 1 && field_) field_->Text(text, LooksLikeTime(text));
    return Value("string", writer_.String(text));
  }
  Status Special(std::string_view type, std::string_view text) override {
    if (depth_ == 1 && field_ && (type == "datetime" || type == "date")) field_->Text(text, true);
    return Value(type, writer_.Special(type, text));
  }
  Status BeginObject() override { return ++depth_ == 1 ? Status::OK() : writer_.BeginObject(); }
  Status EndObject() override { return --depth_ == 0 ? Status::OK() : Value("object", writer_.EndObject()); }
  Status BeginArray() override { return ++depth_, writer_.BeginArray(); }
  Status EndArray() override { return --depth_, Value("array", writer_.EndArray()); }

  Status Key(std::string_view key) override {
    if (depth_ != 1) return writer_.Key(key);
    text_.clear();
    writer_ = JsonWriter(&text_);
    auto found = fields.find(key);
    if (found == fields.end() && fields.size() < kMostFields) found = fields.emplace(std::string(key), Field{}).first;
    field_ = found == fields.end() ? nullptr : &found->second;
    if (!field_) ++left_out;
    return Status::OK();
  }

 private:
  Status Numeric(std::string_view type, double value, Status written) {
    if (depth_ == 1 && field_) field_->Number(value, text_);
    return Value(type, std::move(written));
  }

  /// After a value was written: that of a field is counted.
  Status Value(std::string_view type, Status written) {
    if (depth_ != 1 || !field_ || !written.ok()) return written;
    ++field_->told.records;
    const auto known = field_->told.types.find(std::string(type));
    ++(known == field_->told.types.end() ? field_->told.types[std::string(type)] : known->second);
    if (type != "null") field_->values.Add(RecordHasher::Key(std::nullopt, text_).low);
    return written;
  }

  int depth_ = 0;
  Field* field_ = nullptr;
  std::string text_;
  JsonWriter writer_{&text_};
};

FieldCensus::FieldCensus() : visitor_(std::make_unique<Visitor>()) {}
FieldCensus::~FieldCensus() = default;

void FieldCensus::Add(std::string_view metadata) {
  visitor_->Begin();
  // What is no valid metadata is met again, as a reject, by a copy.
  (void)reader_.Visit(metadata, *visitor_);
}

void FieldCensus::Finish(Inventory* inventory) {
  inventory->fields_left_out = visitor_->left_out;
  for (auto& [name, field] : visitor_->fields) {
    FieldInventory& told = inventory->fields[name] = std::move(field.told);
    told.distinct = {field.values.Distinct(), field.values.exact()};
    if (field.times < field.texts) told.first_time.clear(), told.last_time.clear();
  }
}

}  // namespace vecferry
