#include <set>

#include <fmt/format.h>
#include <simdjson.h>

#include "base/text.h"
#include "connectors/csv/rows.h"
#include "connectors/csv/vector_text.h"
#include "record/quiet_visitor.h"

namespace vecferry::csv {
namespace {

using Role = Column::Role;

/// Checks metadata and keeps the keys at its top.
class TopKeys final : public QuietVisitor {
 public:
  void Begin(bool keep) {
    keys_.clear();
    keep_ = keep;
    depth_ = 0;
  }
  bool Has(std::string_view key) const { return keys_.contains(key); }
  size_t count() const { return keys_.size(); }
  Status BeginArray() override {
    ARROW_RETURN_NOT_OK(Value());
    return QuietVisitor::BeginArray();
  }
  Status Key(std::string_view key) override {
    if (keep_ && depth_ == 1) keys_.emplace(key);
    return Status::OK();
  }

 private:
  Status Value() override { return depth_ > 0 ? Status::OK() : BadRecord("metadata-not-an-object", "the metadata is not a JSON object"); }
  std::set<std::string, std::less<>> keys_;
  bool keep_ = false;
};

std::string_view Trimmed(std::string_view text) {
  constexpr const char* kSpace = " \t\r\n";
  const size_t begin = text.find_first_not_of(kSpace);
  if (begin == text.npos) return {};
  return text.substr(begin, text.find_last_not_of(kSpace) - begin + 1);
}

}  // namespace

struct RowParser::Impl {
  const Table& table;
  const Dialect& dialect;
  const bool has_fields;
  VectorReader vectors;
  JsonReader json;
  TopKeys keys;
  std::string id, tenant, members;
  std::vector<std::string_view> present;  ///< names of the fields that have a value
  bool rounded = false;

  Result<std::string_view> Text(std::string_view text, std::string_view what) const {
    if (simdjson::validate_utf8(text.data(), text.size())) return text;
    return BadRecord("invalid-utf8", fmt::format("the {} is not UTF-8", what));
  }

  Status Parse(const Row& row, BatchBuilder& builder) {
    ARROW_RETURN_NOT_OK(Shape(row));
    members.clear();
    present.clear();
    std::optional<std::string_view> metadata;
    bool has_id = false;
    // The key first, so that it is known whatever else is at fault.
    for (size_t i = 0; i < table.columns.size(); ++i) {
      const Column& column = table.columns[i];
      if (row.IsNull(i, dialect)) continue;
      if (column.role == Role::id) has_id = true, id = (*row.fields)[i].text;
      if (column.role == Role::tenant) tenant = (*row.fields)[i].text;
    }
    if (!has_id) return BadRecord("missing-id", "the row has no id");
    for (size_t i = 0; i < table.columns.size(); ++i) {
      if (row.IsNull(i, dialect)) continue;
      if (table.columns[i].role == Role::metadata) metadata = (*row.fields)[i].text;
      else ARROW_RETURN_NOT_OK(Take(table.columns[i], (*row.fields)[i].text, builder));
    }
    return Metadata(metadata, builder);
  }

  Status Shape(const Row& row) const {
    switch (row.fault) {
      case Row::Fault::none: break;
      case Row::Fault::stray_quote: return BadRecord("bad-quote", "a quote inside a field without quotes, or text behind a closing quote");
      case Row::Fault::open_quote: return BadRecord("open-quote", "a quote is opened and never closed: it takes in the rest of the file");
      case Row::Fault::too_long: return BadRecord("row-too-long", fmt::format("a row of more than {} bytes", kMaxRow));
      case Row::Fault::too_many: return BadRecord("ragged-row", fmt::format("more than {} fields", kMaxColumns));
    }
    if (row.fields->size() == table.columns.size()) return Status::OK();
    return BadRecord("ragged-row", fmt::format("{} fields, and there are {} columns", row.fields->size(), table.columns.size()));
  }

  Status Take(const Column& column, std::string_view text, BatchBuilder& builder) {
    switch (column.role) {
      case Role::id: return Text(text, "id").Map([&](std::string_view good) { return builder.Id(good), true; }).status();
      case Role::tenant: return Text(text, "tenant").Map([&](std::string_view good) { return builder.Tenant(good), true; }).status();
      case Role::document: return Text(text, "document").Map([&](std::string_view good) { return builder.Document(good), true; }).status();
      case Role::vector: return vectors.Read(text, table.schema.vectors[column.index], column.index, builder, &rounded);
      case Role::extra: return Extra(column, text, builder);
      case Role::field: return TakeField(column, text);
      case Role::metadata:
      case Role::ignored: break;
    }
    return Status::OK();
  }

  Status Extra(const Column& column, std::string_view text, BatchBuilder& builder) {
    std::string bytes;
    const auto digit = [](char c) { return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1; };
    bool good = text.starts_with("\\x") && text.size() % 2 == 0;
    for (size_t i = 2; good && i < text.size(); i += 2) {
      const int high = digit(text[i]), low = digit(text[i + 1]);
      good = high >= 0 && low >= 0;
      bytes += static_cast<char>(high * 16 + low);
    }
    if (!good) return BadRecord("bad-extra", fmt::format("{} is no bytea in the form \\x00ff", Printable(column.name, 100)));
    builder.Extra(column.index, bytes);
    return Status::OK();
  }

  Status TakeField(const Column& column, std::string_view text) {
    members += members.empty() ? '{' : ',';
    AppendJsonString(column.name, &members);
    members += ':';
    const Status status = AppendAsJson(column.type.value_or(FieldType::text), text, json, &members);
    if (!status.ok()) return BadRecord(FactsOf(status).code, fmt::format("{}: {}", Printable(column.name, 100), status.message()));
    present.push_back(column.name);
    return Status::OK();
  }

  Status Metadata(std::optional<std::string_view> text, BatchBuilder& builder) {
    if (text) {
      keys.Begin(has_fields);
      const Status status = json.Visit(*text, keys);
      if (!status.ok()) return BadRecord(FactsOf(status).code.empty() ? "bad-metadata" : FactsOf(status).code, status.message());
    }
    if (members.empty()) {
      if (text) builder.Metadata(*text);
      return Status::OK();
    }
    if (text && keys.count() > 0) ARROW_RETURN_NOT_OK(Merge(Trimmed(*text)));
    members += '}';
    builder.Metadata(members);
    return Status::OK();
  }

  Status Merge(std::string_view object) {
    for (const std::string_view name : present) {
      if (keys.Has(name)) return BadRecord("ambiguous-key", fmt::format("'{}' stands in a column and in the metadata", Printable(name, 100)));
    }
    // A wrapped object cannot be taken apart, and none that this writes has fields beside it.
    if (keys.Has("$vf")) return BadRecord("ambiguous-key", "the metadata has the key \"$vf\", and there are fields beside it");
    members += ',';
    members += object.substr(1, object.size() - 2);
    return Status::OK();
  }
};

RowParser::RowParser(const Table& table, const Dialect& dialect) : impl_(new Impl{table, dialect, table.Has(Role::field), {}, {}, {}, {}, {}, {}, {}}) {}
RowParser::~RowParser() = default;
const std::string& RowParser::id() const { return impl_->id; }
const std::string& RowParser::tenant() const { return impl_->tenant; }
bool RowParser::rounded() const { return impl_->rounded; }

Status RowParser::Parse(const Row& row, BatchBuilder& builder) {
  impl_->id.clear();
  impl_->tenant.clear();
  impl_->rounded = false;
  const Status status = impl_->Parse(row, builder);
  if (status.ok()) builder.EndRow();
  else builder.DropRow();
  return status;
}

}  // namespace vecferry::csv
