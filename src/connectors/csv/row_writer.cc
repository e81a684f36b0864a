#include <fmt/format.h>
#include <simdjson.h>

#include "base/text.h"
#include "connectors/csv/rows.h"
#include "connectors/csv/vector_text.h"
#include "record/member_splitter.h"

namespace vecferry::csv {
namespace {

using Role = Column::Role;

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
  MemberSplitter splitter;
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

  bool ToColumn(const JsonMember& member) {
    for (size_t i = 0; i < table->columns.size(); ++i) {
      Column& column = table->columns[i];
      if (column.role != Role::field || column.name != member.key) continue;
      if (!column.type) column.type = TypeFor(member);
      if (column.type) fields[i] = TextOf(*column.type, member, json);
      return fields[i].has_value();
    }
    return false;
  }

  void ToRest(const JsonMember& member) {
    rest += rest.empty() ? '{' : ',';
    AppendJsonString(member.key, &rest);
    rest += ':';
    rest += member.json;
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
