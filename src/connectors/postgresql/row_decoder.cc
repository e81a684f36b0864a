#include "connectors/postgresql/row_decoder.h"

#include <set>

#include <fmt/format.h>

#include "base/text.h"
#include "record/member_forwarder.h"

namespace vecferry::postgresql {
namespace {

/// Adds the columns of a SELECT, each once.
class SelectMaker {
 public:
  SelectMaker(const TableShape& shape, RowSelect* select) : shape_(shape), select_(select) { select->field_of_column.assign(shape.relation.columns.size(), -1); }

  void Column(int column) {
    int& field = select_->field_of_column[static_cast<size_t>(column)];
    if (column < 0 || field >= 0) return;
    const auto& entry = shape_.relation.columns[static_cast<size_t>(column)];
    field = Expression("t." + QuoteName(entry.name) + (entry.type.as_text() ? "::text" : ""));
  }
  int Expression(const std::string& sql) {
    select_->list += (select_->count == 0 ? "" : ", ") + sql;
    return static_cast<int>(select_->count++);
  }

 private:
  const TableShape& shape_;
  RowSelect* select_;
};

/// The keys of the metadata column's object among the record's own. One that is a column's name, apart from backslashes in front, loses the one that a
/// sink put there; one without any is no sink's and gets one, so that it is told from the column.
class Spreader final : public MemberForwarder {
 public:
  /// `taken` are the columns' fields that the record has already.
  Spreader(const TableShape& shape, JsonWriter& out, std::set<std::string>& taken) : shape_(shape), out_(out), taken_(taken) {}

 private:
  JsonVisitor& to() override { return out_; }
  Status TopKey(std::string_view utf8) override {
    if (!IsColumnName(shape_.relation, shape_.mapping, utf8)) return out_.Key(utf8);
    const std::string key = utf8.starts_with('\\') ? std::string(utf8.substr(1)) : EscapedKey(utf8);
    if (!taken_.insert(key).second) return BadRecord("ambiguous-key", fmt::format("the field '{}' is there twice, as a column and among the metadata", Printable(key, 100)));
    return out_.Key(key);
  }
  const TableShape& shape_;
  JsonWriter& out_;
  std::set<std::string>& taken_;
};

bool IsObject(const Type& type, std::string_view bytes) {
  if (type.kind == Kind::jsonb && !bytes.empty()) bytes.remove_prefix(1);
  const size_t first = bytes.find_first_not_of(" \t\r\n");
  return first != std::string_view::npos && bytes[first] == '{';
}

}  // namespace

RowSelect MakeSelect(const TableShape& shape, bool keys_only, const Part* part) {
  const Mapping& mapping = shape.mapping;
  RowSelect select;
  select.keys_only = keys_only;
  SelectMaker make(shape, &select);
  for (const int column : mapping.id) make.Column(column);
  for (const int column : mapping.key) make.Column(column);
  // SQL does not read the JSON that an array is made into.
  for (const int column : mapping.key) {
    const Column& entry = shape.relation.columns[static_cast<size_t>(column)];
    select.key_text.push_back(entry.type.array && !entry.type.as_text() ? make.Expression("t." + QuoteName(entry.name) + "::text") : -1);
  }
  if (mapping.tenant >= 0) make.Column(mapping.tenant);
  if (mapping.id_is_place || mapping.key.empty()) select.place = make.Expression("t.ctid::text");
  if (mapping.id_is_place && shape.relation.parts.size() > 1) select.table = make.Expression("t.tableoid::pg_catalog.regclass::text");
  if (mapping.groups && mapping.group >= 0) {
    const auto& groups = *mapping.groups;
    const std::string table = shape.relation.name.schema.empty() ? QuoteName(groups.table) : QuoteName(shape.relation.name.schema) + "." + QuoteName(groups.table);
    const std::string column = "t." + QuoteName(shape.relation.columns[static_cast<size_t>(mapping.group)].name);
    if (mapping.collection.empty()) {
      select.group = make.Expression(fmt::format("(SELECT g.{} FROM {} AS g WHERE g.{} = {})", QuoteName(groups.name), table, QuoteName(groups.key), column));
    } else {
      select.where = fmt::format("{} = (SELECT g.{} FROM {} AS g WHERE g.{} = {})", column, QuoteName(groups.key), table, QuoteName(groups.name), QuoteText(mapping.collection));
    }
  }
  if (!keys_only) {
    if (mapping.document >= 0) make.Column(mapping.document);
    if (mapping.metadata >= 0) make.Column(mapping.metadata);
    for (const int column : mapping.fields) make.Column(column);
    for (const auto& vector : mapping.vectors) make.Column(vector.column);
  }
  select.from = part ? "ONLY " + part->name.Sql() + " AS t"
                     : shape.relation.kind == 'q' ? fmt::format("({}) AS t", shape.relation.query) : shape.relation.name.Sql() + " AS t";
  return select;
}

RowDecoder::RowDecoder(const TableShape& shape, const RowSelect& select) : shape_(shape), select_(select) {}

Status RowDecoder::Key(const std::vector<Field>& row, std::vector<std::string>* texts) {
  const auto& key = shape_.mapping.key;
  texts->resize(key.size());
  for (size_t i = 0; i < key.size(); ++i) {
    std::string& text = (*texts)[i];
    text.clear();
    if (select_.key_text[i] >= 0) text = row[static_cast<size_t>(select_.key_text[i])].bytes();
    else ARROW_RETURN_NOT_OK(DecodeText(TypeOf(key[i]), At(row, key[i]).bytes(), &text));
  }
  return Status::OK();
}

Status RowDecoder::Id(const std::vector<Field>& row) {
  const Mapping& mapping = shape_.mapping;
  id_.clear();
  if (mapping.id_is_place) {
    if (select_.table >= 0) id_ = row[static_cast<size_t>(select_.table)].bytes();
    id_ += Place(row);
    return Status::OK();
  }
  if (mapping.id.size() == 1) {
    const Field& field = At(row, mapping.id[0]);
    if (field.null()) return BadRecord("missing-id", "the id is null");
    return DecodeText(TypeOf(mapping.id[0]), field.bytes(), &id_);
  }
  JsonWriter writer(&id_);
  ARROW_RETURN_NOT_OK(writer.BeginArray());
  for (const int column : mapping.id) {
    const Field& field = At(row, column);
    if (field.null()) ARROW_RETURN_NOT_OK(writer.Null());
    else ARROW_RETURN_NOT_OK(DecodeValue(TypeOf(column), field.bytes(), json_, writer));
  }
  return writer.EndArray();
}

Status RowDecoder::Metadata(const std::vector<Field>& row) {
  const Mapping& mapping = shape_.mapping;
  metadata_.clear();
  JsonWriter writer(&metadata_);
  ARROW_RETURN_NOT_OK(writer.BeginObject());
  for (const int column : mapping.fields) {
    const Field& field = At(row, column);
    if (field.null()) continue;
    ARROW_RETURN_NOT_OK(writer.Key(shape_.relation.columns[static_cast<size_t>(column)].name));
    if (std::find(mapping.moments.begin(), mapping.moments.end(), column) != mapping.moments.end()) {
      std::string text;
      ARROW_RETURN_NOT_OK(DecodeText(TypeOf(column), field.bytes(), &text));
      ARROW_RETURN_NOT_OK(writer.String(text));
      continue;
    }
    ARROW_RETURN_NOT_OK(DecodeValue(TypeOf(column), field.bytes(), json_, writer));
  }
  if (mapping.metadata >= 0 && !At(row, mapping.metadata).null()) {
    const Field& field = At(row, mapping.metadata);
    const Type& type = TypeOf(mapping.metadata);
    if (IsObject(type, field.bytes())) {
      std::set<std::string> taken;
      for (const int column : mapping.fields) {
        if (!At(row, column).null()) taken.insert(shape_.relation.columns[static_cast<size_t>(column)].name);
      }
      Spreader spreader(shape_, writer, taken);
      ARROW_RETURN_NOT_OK(DecodeValue(type, field.bytes(), json_, spreader));
    } else {
      ARROW_RETURN_NOT_OK(writer.Key(shape_.relation.columns[static_cast<size_t>(mapping.metadata)].name));
      ARROW_RETURN_NOT_OK(DecodeValue(type, field.bytes(), json_, writer));
    }
  }
  return writer.EndObject();
}

Status RowDecoder::Vectors(const std::vector<Field>& row, BatchBuilder& builder, Outcome* outcome) {
  const auto& vectors = shape_.mapping.vectors;
  for (size_t i = 0; i < vectors.size(); ++i) {
    const Field& field = At(row, vectors[i].column);
    if (field.null()) continue;
    if (vectors[i].type.kind == Kind::sparsevec) {
      ARROW_RETURN_NOT_OK(DecodeSparse(field.bytes(), &sparse_));
      builder.Sparse(i, sparse_.indices.data(), sparse_.values.data(), sparse_.indices.size());
      continue;
    }
    // Looked at before the place for it is taken: a row that is refused leaves nothing half filled.
    const int64_t dims = DimensionOf(vectors[i].type, field.bytes());
    if (dims >= 0 && dims != vectors[i].dims) {
      return BadRecord("vector-dimension", fmt::format("the vector {} has {} dimensions where the others have {}",
                                                       Printable(shape_.relation.columns[static_cast<size_t>(vectors[i].column)].name, 100), dims, vectors[i].dims));
    }
    ARROW_RETURN_NOT_OK(DecodeDense(vectors[i].type, field.bytes(), vectors[i].dims, builder.VectorSpace(i), &outcome->exact));
  }
  return Status::OK();
}

Status RowDecoder::Fill(const std::vector<Field>& row, BatchBuilder& builder, Outcome* outcome) {
  const Mapping& mapping = shape_.mapping;
  ARROW_RETURN_NOT_OK(Id(row));
  builder.Id(id_);
  tenant_.clear();
  if (mapping.schema.has_tenant) {
    const Field& field = select_.group >= 0 ? row[static_cast<size_t>(select_.group)] : At(row, mapping.tenant);
    if (!field.null()) {
      if (select_.group >= 0) tenant_ = field.bytes();
      else ARROW_RETURN_NOT_OK(DecodeText(TypeOf(mapping.tenant), field.bytes(), &tenant_));
      // A key takes no null: a record without a tenant has the empty one.
      if (!tenant_.empty()) builder.Tenant(tenant_);
    }
  }
  if (select_.keys_only) return Status::OK();
  if (mapping.document >= 0 && !At(row, mapping.document).null()) {
    document_.clear();
    ARROW_RETURN_NOT_OK(DecodeText(TypeOf(mapping.document), At(row, mapping.document).bytes(), &document_));
    builder.Document(document_);
  }
  ARROW_RETURN_NOT_OK(Metadata(row));
  builder.Metadata(metadata_);
  return Vectors(row, builder, outcome);
}

Result<RowDecoder::Outcome> RowDecoder::Decode(const std::vector<Field>& row, BatchBuilder& builder, std::vector<Reject>* rejects) {
  Outcome outcome;
  const Status status = Fill(row, builder, &outcome);
  if (status.ok()) {
    builder.EndRow();
    outcome.taken = true;
    return outcome;
  }
  builder.DropRow();
  if (!IsCategory(status, Category::bad_content)) return status;
  const std::string code = FactsOf(status).code;
  rejects->push_back({.id = id_, .tenant = tenant_, .code = code.empty() ? "bad-metadata" : code, .message = Printable(status.message(), 500)});
  return outcome;
}

}  // namespace vecferry::postgresql
