#include "columnar/mapping.h"

#include <algorithm>
#include <set>

#include <arrow/array.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>
#include <fmt/format.h>

#include "base/text.h"
#include "columnar/values.h"
#include "columnar/vectors.h"

namespace vecferry::columnar {
namespace {

std::vector<std::string> NamesOf(const arrow::Schema& schema) {
  std::vector<std::string> names;
  for (const auto& field : schema.fields()) names.push_back(field->name());
  return names;
}

std::vector<std::string> Split(std::string_view text) {
  std::vector<std::string> parts;
  while (!text.empty()) {
    const std::string_view part = text.substr(0, text.find(','));
    text.remove_prefix(std::min(text.size(), part.size() + 1));
    if (!part.empty()) parts.emplace_back(part);
  }
  return parts;
}

class Mapper {
 public:
  Mapper(const TableFile& file, const ColumnNames& names) : schema_(file.schema()), name_(file.place().text()), names_(names) {}

  Result<Mapping> Make() {
    mapping_.round = names_.round;
    ARROW_RETURN_NOT_OK(Id());
    ARROW_RETURN_NOT_OK(TextColumn("tenant", names_.tenant, &mapping_.tenant));
    ARROW_RETURN_NOT_OK(TextColumn("document", names_.document, &mapping_.document));
    mapping_.schema.has_tenant = mapping_.tenant >= 0;
    mapping_.schema.has_document = mapping_.document >= 0;
    ARROW_RETURN_NOT_OK(Vectors());
    ARROW_RETURN_NOT_OK(Json());
    ARROW_RETURN_NOT_OK(Metadata());
    return std::move(mapping_);
  }

 private:
  Result<int> Find(std::string_view option, const std::string& column) {
    const auto all = schema_.GetAllFieldIndices(column);
    if (all.size() == 1) {
      used_.insert(all[0]);
      return all[0];
    }
    if (all.empty()) {
      return MakeError(Category::usage, fmt::format("{} has no column {}{}", name_, Printable(column, 100), Suggestion(column, NamesOf(schema_))),
                       fmt::format("its columns are {}", Listed()));
    }
    return MakeError(Category::unsupported, fmt::format("{} has several columns named {}, and ?{}= cannot tell them apart", name_, Printable(column, 100), option));
  }

  std::string Listed() const {
    std::string text;
    for (const auto& field : schema_.fields()) {
      if (text.size() > 600) return text + ", ...";
      text += (text.empty() ? "" : ", ") + Printable(field->name(), 60) + " (" + Printable(field->type()->ToString(), 60) + ")";
    }
    return text;
  }

  const arrow::DataType& TypeOf(int column) const { return *schema_.field(column)->type(); }

  Status Id() {
    std::string column = names_.id.value_or("");
    if (column == "@row") {
      mapping_.id_is_row = true;
      mapping_.schema.id_kind = IdKind::u64;
      return Status::OK();
    }
    if (column.empty()) {
      for (const char* known : {"id", "_id"}) {
        if (schema_.GetAllFieldIndices(known).size() == 1 && IdKindOf(TypeOf(schema_.GetFieldIndex(known)))) column += column.empty() ? known : "?";
      }
    }
    if (column.empty() || column == "id?") {
      return MakeError(Category::usage, fmt::format("which column of {} holds the ids is not told", name_),
                       fmt::format("name it with ?id=COLUMN, or number the rows with ?id=@row; its columns are {}", Listed()));
    }
    ARROW_ASSIGN_OR_RAISE(mapping_.id, Find("id", column));
    const auto kind = IdKindOf(TypeOf(mapping_.id));
    if (!kind) return MakeError(Category::usage, fmt::format("the column {} is of type {}, which are no ids", Printable(column, 100), TypeOf(mapping_.id).ToString()), "name a column of text or integers");
    mapping_.schema.id_kind = *kind;
    return Status::OK();
  }

  static std::optional<IdKind> IdKindOf(const arrow::DataType& type) {
    if (ExtensionOf(type) == "arrow.uuid") return IdKind::uuid;
    if (IsText(type)) return IdKind::string;
    if (!IsInteger(type)) return std::nullopt;
    return arrow::is_unsigned_integer(type.id()) ? IdKind::u64 : IdKind::i64;
  }

  Status TextColumn(const char* what, const std::optional<std::string>& given, int* column) {
    if (given && given->empty()) return Status::OK();
    const bool known = !given && schema_.GetAllFieldIndices(what).size() == 1 && IsText(TypeOf(schema_.GetFieldIndex(what)));
    if (!given && !known) return Offer(what);
    ARROW_ASSIGN_OR_RAISE(*column, Find(what, given.value_or(what)));
    if (IsText(TypeOf(*column))) return Status::OK();
    return MakeError(Category::usage, fmt::format("the column {} is of type {}, not text", Printable(*given, 100), TypeOf(*column).ToString()));
  }

  Status Offer(const std::string& what) {
    if (what != "document") return Status::OK();
    for (const char* likely : {"text", "content", "chunk", "passage", "body"}) {
      if (schema_.GetAllFieldIndices(likely).size() != 1 || !IsText(TypeOf(schema_.GetFieldIndex(likely)))) continue;
      mapping_.notes.push_back({"column-may-be-document", fmt::format("the column {} is carried as metadata; with ?document={} it is the document", likely, likely), -1, false});
      return Status::OK();
    }
    return Status::OK();
  }

  Status Vectors() {
    if (names_.vector && names_.vector->empty()) return Status::OK();
    const std::vector<std::string> given = Split(names_.vector.value_or(""));
    for (const auto& part : given) {
      const auto equals = part.find('=');
      const std::string column = equals == std::string::npos ? part : part.substr(equals + 1);
      ARROW_ASSIGN_OR_RAISE(const int at, Find("vector", column));
      const std::string name = equals != std::string::npos ? part.substr(0, equals) : given.size() == 1 ? "" : column;
      ARROW_RETURN_NOT_OK(AddVector(at, name));
    }
    if (!given.empty()) return Status::OK();
    std::vector<int> candidates;
    for (int i = 0; i < schema_.num_fields(); ++i) {
      const auto spec = VectorOfType(TypeOf(i));
      if (spec && spec->kind == VectorKind::dense && !IsListOfIntegers(TypeOf(i))) candidates.push_back(i);
    }
    if (candidates.size() == 1) {
      used_.insert(candidates[0]);
      return AddVector(candidates[0], "");
    }
    if (candidates.empty()) {
      return MakeError(Category::usage, fmt::format("{} has no column of lists of floats", name_), fmt::format("name the vectors with ?vector=COLUMN, or say that there are none with ?vector=; its columns are {}", Listed()));
    }
    std::string options;
    for (const int at : candidates) options += (options.empty() ? "?vector=" : " or ?vector=") + Printable(schema_.field(at)->name(), 60);
    return MakeError(Category::usage, fmt::format("{} has {} columns that may be the vectors", name_, candidates.size()),
                     fmt::format("name one with {}, or several as ?vector=NAME=COLUMN,NAME=COLUMN", options));
  }

  /// Lists of whole numbers are tags as often as vectors: they are taken only when named.
  static bool IsListOfIntegers(const arrow::DataType& type) {
    const auto storage = type.num_fields() == 1 ? type.field(0)->type() : nullptr;
    return storage && arrow::is_integer(storage->id());
  }

  Status AddVector(int column, const std::string& name) {
    auto spec = VectorOfType(TypeOf(column));
    if (!spec) return MakeError(Category::usage, fmt::format("the column {} is of type {}, which are no vectors", Printable(schema_.field(column)->name(), 100), TypeOf(column).ToString()), "name a column of lists of numbers");
    spec->name = name;
    for (const auto& other : mapping_.schema.vectors) {
      if (other.column() == spec->column()) return MakeError(Category::usage, fmt::format("two vectors of the name '{}'", Printable(name, 100)));
    }
    mapping_.schema.vectors.push_back(std::move(*spec));
    mapping_.vectors.push_back(column);
    return Status::OK();
  }

  Status Json() {
    if (names_.json && names_.json->empty()) return Status::OK();
    const int at = schema_.GetAllFieldIndices("metadata").size() == 1 ? schema_.GetFieldIndex("metadata") : -1;
    const bool known = !names_.json && !names_.metadata && at >= 0 && ExtensionOf(TypeOf(at)) == "arrow.json";
    if (!names_.json && !known) return Status::OK();
    ARROW_ASSIGN_OR_RAISE(mapping_.json, Find("json", names_.json.value_or("metadata")));
    if (IsText(*Storage(schema_.field(mapping_.json)->type()))) return Status::OK();
    return MakeError(Category::usage, fmt::format("the column {} is of type {}, not JSON text", Printable(*names_.json, 100), TypeOf(mapping_.json).ToString()));
  }

  Status Metadata() {
    std::vector<int> columns;
    if (names_.metadata.value_or("*") == "*") {
      for (int i = 0; i < schema_.num_fields(); ++i) {
        if (!used_.contains(i)) columns.push_back(i);
      }
    } else {
      for (const auto& name : Split(*names_.metadata)) {
        ARROW_ASSIGN_OR_RAISE(columns.emplace_back(), Find("metadata", name));
      }
    }
    std::set<std::string> keys;
    for (const int column : columns) {
      const auto& field = *schema_.field(column);
      if (!CanEmit(*field.type())) {
        mapping_.notes.push_back({"not-carried", fmt::format("the column {} is of type {}, which has no counterpart: it is left out", Printable(field.name(), 100), field.type()->ToString()), 1, true});
        continue;
      }
      if (!IsValidUtf8(field.name())) return MakeError(Category::unsupported, fmt::format("{} has a column whose name is not UTF-8", name_));
      if (!keys.insert(field.name()).second) return MakeError(Category::unsupported, fmt::format("{} has several columns named {}", name_, Printable(field.name(), 100)), "choose columns with ?metadata=");
      mapping_.metadata.emplace_back(column, field.name());
      mapping_.schema.field_types[field.name()] = field.type()->ToString();
    }
    return Status::OK();
  }

  const arrow::Schema& schema_;
  const std::string name_;
  const ColumnNames& names_;
  std::set<int> used_;
  Mapping mapping_;
};

/// Columns of the record's own names and types, wherever they stand.
Mapping ExactMapping(const arrow::Schema& file, RecordSchema schema) {
  Mapping mapping;
  mapping.exact = true;
  mapping.id = file.GetFieldIndex("id");
  mapping.tenant = file.GetFieldIndex("tenant");
  mapping.document = file.GetFieldIndex("document");
  mapping.json = file.GetFieldIndex("metadata");
  for (const auto& vector : schema.vectors) mapping.vectors.push_back(file.GetFieldIndex(vector.column()));
  for (const auto& extra : schema.extras) mapping.extras.push_back(file.GetFieldIndex("extra:" + extra));
  mapping.schema = std::move(schema);
  return mapping;
}

bool SaysNothing(const ColumnNames& names) { return !names.id && !names.tenant && !names.document && !names.vector && !names.metadata && !names.json; }

}  // namespace

std::vector<int> Mapping::Columns() const {
  std::set<int> columns = {id, tenant, document, json};
  columns.insert(vectors.begin(), vectors.end());
  columns.insert(extras.begin(), extras.end());
  for (const auto& [column, key] : metadata) columns.insert(column);
  columns.erase(-1);
  return {columns.begin(), columns.end()};
}

Result<RecordSchema> OwnSchema(const arrow::Schema& given) {
  arrow::FieldVector fields;
  for (const auto& field : given.fields()) fields.push_back(field->WithType(Storage(field->type())));
  const arrow::Schema schema(fields, given.metadata());
  const auto own = RecordSchema::FromArrow(schema);
  if (!own.ok()) return MakeError(Category::unsupported, "not the record's own columns");
  // What the schema makes must be what is there, once each; a schema that repeats a name has no such table.
  const auto wanted = own->ToArrow();
  bool same = wanted->num_fields() == schema.num_fields();
  for (const auto& field : wanted->fields()) {
    const auto all = schema.GetAllFieldIndices(field->name());
    same = same && all.size() == 1 && schema.field(all[0])->type()->Equals(*field->type());
  }
  for (const auto& vector : own->vectors) {
    const bool shaped = vector.kind == VectorKind::dense || vector.element == Element::f32;
    same = same && shaped && vector.dims >= 0 && vector.dims <= (1 << 20) && (vector.kind == VectorKind::sparse || vector.dims > 0);
  }
  if (!same) return MakeError(Category::unsupported, "not the record's own columns");
  return *own;
}

Result<Mapping> MakeMapping(const TableFile& file, const ColumnNames& names) {
  if (SaysNothing(names)) {
    auto own = OwnSchema(file.schema());
    if (own.ok()) return ExactMapping(file.schema(), std::move(*own));
  }
  return Mapper(file, names).Make();
}

Status SampleVectors(const TableFile& file, Mapping* mapping) {
  if (mapping->exact) return Status::OK();
  for (size_t i = 0; i < mapping->vectors.size(); ++i) {
    VectorSpec& spec = mapping->schema.vectors[i];
    const auto& field = *file.schema().field(mapping->vectors[i]);
    if (spec.kind == VectorKind::sparse || (spec.dims > 0 && !MayRound(*field.type()))) continue;
    for (size_t group = 0; group < file.row_groups().size() && group < 16; ++group) {
      ARROW_ASSIGN_OR_RAISE(const auto reader, file.Read(static_cast<int>(group), {mapping->vectors[i]}, 0, 256, false));
      ARROW_ASSIGN_OR_RAISE(const auto batch, reader->Next());
      if (!batch || batch->num_rows() == batch->column(0)->null_count()) continue;
      const auto column = Storage(batch->column(0));
      VectorCells cells(*column, spec, mapping->round, field.name());
      for (int64_t row = 0; row < column->length() && spec.dims == 0; ++row) {
        if (!column->IsNull(row)) spec.dims = static_cast<int32_t>(std::clamp<int64_t>(cells.LengthOf(row), 0, 1 << 20));
      }
      if (spec.dims == 0) continue;
      RecordSchema probe;
      probe.vectors = {spec};
      BatchBuilder builder(probe);
      VectorCells sized(*column, spec, mapping->round, field.name());
      for (int64_t row = 0; row < column->length(); ++row) {
        if (column->IsNull(row)) continue;
        builder.Id("");
        const Status status = sized.Put(row, 0, builder);
        if (!status.ok() && !IsCategory(status, Category::bad_content)) return status;
        builder.DropRow();
      }
      break;
    }
    if (spec.dims == 0) {
      return MakeError(Category::usage, fmt::format("the dimensions of {} cannot be told: no vector was found in the first row groups of {}", Printable(field.name(), 100), file.place().text()),
                       "leave the column out with ?vector=");
    }
  }
  return Status::OK();
}

Result<Mapping> Remap(const Mapping& mapping, const TableFile& first, const TableFile& other) {
  Mapping moved = mapping;
  Status status;
  const auto move = [&](int& column, bool needed) {
    if (column < 0 || !status.ok()) return;
    const auto& field = *first.schema().field(column);
    const auto all = other.schema().GetAllFieldIndices(field.name());
    if (all.size() != 1) {
      column = -1;
      if (needed || all.size() > 1) status = MakeError(Category::unsupported, fmt::format("{} lacks the column {} of the first file", other.place().text(), Printable(field.name(), 100)), "name one file, or a folder of files alike");
      return;
    }
    column = all[0];
  };
  move(moved.id, true);
  move(moved.tenant, false);
  move(moved.document, false);
  move(moved.json, false);
  for (size_t i = 0; i < moved.vectors.size(); ++i) {
    move(moved.vectors[i], true);
    if (!status.ok()) break;
    const auto a = VectorOfType(*first.schema().field(mapping.vectors[i])->type()), b = VectorOfType(*other.schema().field(moved.vectors[i])->type());
    if (!mapping.exact && (!a || !b || a->element != b->element || a->kind != b->kind || (b->dims > 0 && b->dims != mapping.schema.vectors[i].dims))) {
      status = MakeError(Category::unsupported, fmt::format("{} has another type of vectors than the first file", other.place().text()), "name one file, or a folder of files alike");
    }
  }
  for (int& column : moved.extras) move(column, true);
  for (auto& [column, key] : moved.metadata) move(column, false);
  ARROW_RETURN_NOT_OK(status);
  std::erase_if(moved.metadata, [](const auto& item) { return item.first < 0; });
  if (mapping.exact) {
    const auto own = OwnSchema(other.schema());
    const RecordSchema& schema = mapping.schema;
    if (!own.ok() || own->vectors != schema.vectors || own->extras != schema.extras || own->has_document != schema.has_document) return MakeError(Category::unsupported, fmt::format("{} is not like the first file", other.place().text()), "name one file, or a folder of files alike");
  }
  return moved;
}

}  // namespace vecferry::columnar
