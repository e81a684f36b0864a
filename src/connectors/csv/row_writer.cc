#include <charconv>

#include <fmt/format.h>
#include <simdjson.h>

#include "base/text.h"
#include "connectors/csv/rows.h"
#include "connectors/csv/vector_text.h"
#include "record/json.h"

namespace vecferry::csv {
namespace {

using Role = Column::Role;

/// Takes an object apart into its members.
class Splitter final : public JsonVisitor {
 public:
  struct Member {
    std::string key;
    Value value;
  };
  void Begin() {
    members_.clear();
    depth_ = 0;
  }
  std::vector<Member>& members() { return members_; }

  Status Null() override { return Take(Value::Kind::null, {}, [](JsonVisitor& out) { return out.Null(); }); }
  Status Bool(bool value) override { return Take(Value::Kind::boolean, value ? "true" : "false", [&](JsonVisitor& out) { return out.Bool(value); }); }
  Status Int(int64_t value) override { return Take(Value::Kind::integer, fmt::to_string(value), [&](JsonVisitor& out) { return out.Int(value); }); }
  Status Uint(uint64_t value) override { return Take(Value::Kind::integer, fmt::to_string(value), [&](JsonVisitor& out) { return out.Uint(value); }); }
  Status Double(double value) override { return Take(Value::Kind::real, Shortest(value), [&](JsonVisitor& out) { return out.Double(value); }); }
  Status String(std::string_view text) override { return Take(Value::Kind::string, text, [&](JsonVisitor& out) { return out.String(text); }); }
  Status Special(std::string_view type, std::string_view text) override {
    ARROW_RETURN_NOT_OK(Take(Value::Kind::special, text, [&](JsonVisitor& out) { return out.Special(type, text); }));
    if (depth_ == 1) members_.back().value.type = type;
    return Status::OK();
  }
  Status Key(std::string_view key) override {
    if (depth_ > 1) return writer_->Key(key);
    members_.push_back({std::string(key), {}});
    return Status::OK();
  }
  Status BeginObject() override { return Begin([](JsonVisitor& out) { return out.BeginObject(); }); }
  Status BeginArray() override { return Begin([](JsonVisitor& out) { return out.BeginArray(); }); }
  Status EndObject() override { return End([](JsonVisitor& out) { return out.EndObject(); }); }
  Status EndArray() override { return End([](JsonVisitor& out) { return out.EndArray(); }); }

 private:
  static std::string Shortest(double value) {
    char text[32];
    return {text, std::to_chars(text, text + sizeof(text), value).ptr};
  }
  template <class Give>
  Status Take(Value::Kind kind, std::string_view text, Give give) {
    if (depth_ == 0) return BadRecord("metadata-not-an-object", "the metadata is not a JSON object");
    if (depth_ > 1) return give(*writer_);
    Value& value = members_.back().value;
    value.kind = kind;
    value.text = text;
    JsonWriter writer(&value.json);
    return give(writer);
  }
  template <class Give>
  Status Begin(Give give) {
    if (++depth_ == 1) return Status::OK();
    if (depth_ == 2) {
      members_.back().value.kind = Value::Kind::composite;
      writer_.emplace(&json_);
      json_.clear();
    }
    return give(*writer_);
  }
  template <class Give>
  Status End(Give give) {
    if (--depth_ == 0) return Status::OK();
    ARROW_RETURN_NOT_OK(give(*writer_));
    if (depth_ == 1) members_.back().value.json = json_;
    return Status::OK();
  }

  std::vector<Member> members_;
  std::string json_;
  std::optional<JsonWriter> writer_;
  int depth_ = 0;
};

void AppendQuoted(std::string_view text, std::string* out) {
  *out += '"';
  for (size_t quote; (quote = text.find('"')) != text.npos; text.remove_prefix(quote + 1)) {
    out->append(text.substr(0, quote + 1));
    *out += '"';
  }
  out->append(text);
  *out += '"';
}

}  // namespace

void AppendField(std::string_view text, const Dialect& dialect, std::string* out) {
  const char special[] = {dialect.delimiter, '"', '\n', '\r'};
  // PostgreSQL takes a line of \. for the end of the data.
  if (text.empty() || text == dialect.null || text == "\\." || text.find_first_of({special, 4}) != text.npos) AppendQuoted(text, out);
  else out->append(text);
}

struct RowWriter::Impl {
  Table* table;
  const Dialect& dialect;
  const bool has_fields, has_metadata;
  JsonReader json;
  Splitter splitter;
  std::vector<std::optional<std::string>> fields;  ///< by column
  std::string rest, cell;

  Status Append(const RecordView& view, int64_t row, std::string* out) {
    ARROW_RETURN_NOT_OK(Check("id", view.id(row)));
    ARROW_RETURN_NOT_OK(Check("tenant", view.tenant(row)));
    ARROW_RETURN_NOT_OK(Check("document", view.document(row)));
    ARROW_RETURN_NOT_OK(Check("metadata", view.metadata(row)));
    std::optional<std::string_view> metadata = view.metadata(row);
    if (has_fields || !has_metadata) {
      ARROW_RETURN_NOT_OK(Split(metadata.value_or("{}")));
      metadata = rest.empty() ? std::nullopt : std::optional<std::string_view>(rest);
    }
    for (size_t i = 0; i < table->columns.size(); ++i) {
      if (i > 0) *out += dialect.delimiter;
      AppendCell(table->columns[i], i, view, row, metadata, out);
    }
    *out += '\n';
    return Status::OK();
  }

  static Status Check(std::string_view what, std::optional<std::string_view> text) {
    if (!text || simdjson::validate_utf8(text->data(), text->size())) return Status::OK();
    return BadRecord("invalid-utf8", fmt::format("the {} is not UTF-8", what));
  }

  void Null(std::string* out) const { out->append(dialect.null); }
  void Text(std::optional<std::string_view> text, std::string* out) const {
    if (text) AppendField(*text, dialect, out);
    else Null(out);
  }

  void AppendCell(const Column& column, size_t i, const RecordView& view, int64_t row, std::optional<std::string_view> metadata, std::string* out) {
    switch (column.role) {
      case Role::id: return Text(view.id(row), out);
      case Role::tenant: return Text(view.tenant(row), out);
      case Role::document: return Text(view.document(row), out);
      case Role::metadata: return Text(metadata, out);
      case Role::field: return Text(fields[i], out);
      case Role::ignored: return Null(out);
      case Role::vector: return Vector(view.vectors()[column.index], column, row, out);
      case Role::extra:
        if (const auto bytes = view.extra(column.index, row)) return Text("\\x" + ToHex(*bytes), out);
        return Null(out);
    }
  }

  void Vector(const VectorColumn& vector, const Column& column, int64_t row, std::string* out) {
    if (vector.IsNull(row)) return Null(out);
    if (dialect.delimiter == ',' && vector.spec.kind == VectorKind::dense && vector.spec.element != Element::bit && vector.spec.dims > 1) {
      *out += '"';
      AppendVector(vector, row, column.size, out);
      *out += '"';
      return;
    }
    cell.clear();
    AppendVector(vector, row, column.size, &cell);
    AppendField(cell, dialect, out);
  }

  Status Split(std::string_view metadata) {
    fields.assign(table->columns.size(), std::nullopt);
    rest.clear();
    splitter.Begin();
    ARROW_RETURN_NOT_OK(json.Visit(metadata, splitter));
    for (const auto& member : splitter.members()) {
      // Such an object stands in the text as a whole, wrapped.
      if (member.key == "$vf") return Whole(metadata);
    }
    for (const auto& member : splitter.members()) {
      if (!ToColumn(member)) ToRest(member);
    }
    if (rest.empty()) return Status::OK();
    rest += '}';
    if (has_metadata) return Status::OK();
    return BadRecord("metadata-not-carried", fmt::format("no column holds {}", Printable(rest, 200)));
  }

  Status Whole(std::string_view metadata) {
    fields.assign(table->columns.size(), std::nullopt);
    rest = metadata;
    return has_metadata ? Status::OK() : BadRecord("metadata-not-carried", "no column holds a metadata key \"$vf\"");
  }

  bool ToColumn(const Splitter::Member& member) {
    for (size_t i = 0; i < table->columns.size(); ++i) {
      Column& column = table->columns[i];
      if (column.role != Role::field || column.name != member.key) continue;
      if (!column.type) column.type = TypeFor(member.value);
      if (column.type) fields[i] = TextOf(*column.type, member.value, json);
      return fields[i].has_value();
    }
    return false;
  }

  void ToRest(const Splitter::Member& member) {
    rest += rest.empty() ? '{' : ',';
    AppendJsonString(member.key, &rest);
    rest += ':';
    rest += member.value.json;
  }
};

RowWriter::RowWriter(Table* table, const Dialect& dialect)
    : impl_(new Impl{table, dialect, table->Has(Role::field), table->Has(Role::metadata), {}, {}, {}, {}, {}}) {}
RowWriter::~RowWriter() = default;

void RowWriter::AppendHeader(std::string* out) const {
  for (size_t i = 0; i < impl_->table->columns.size(); ++i) {
    if (i > 0) *out += impl_->dialect.delimiter;
    AppendField(impl_->table->columns[i].name, impl_->dialect, out);
  }
  *out += '\n';
}

Status RowWriter::Append(const RecordView& view, int64_t row, std::string* out) {
  const size_t before = out->size();
  const Status status = impl_->Append(view, row, out);
  if (!status.ok()) out->resize(before);
  return status;
}

}  // namespace vecferry::csv
