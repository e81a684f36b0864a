#include "connectors/vdf/shape.h"

#include <arrow/array.h>
#include <arrow/array/builder_nested.h>
#include <arrow/builder.h>
#include <arrow/type.h>
#include <fmt/format.h>

namespace vecferry::vdf {
namespace {

using Kind = Shape::Kind;

bool IsInteger(Kind kind) { return kind == Kind::integer || kind == Kind::unsigned_integer; }

/// Finds the shape of one value, a level at a time.
class Finder final : public JsonVisitor {
 public:
  Status Null() override { return BadRecord("metadata-null", "a null, which a column does not tell from a missing value"); }
  Status Bool(bool) override { return Put(Shape(Kind::boolean)); }
  Status Int(int64_t value) override {
    Shape shape(Kind::integer);
    shape.negative = value < 0;
    return Put(std::move(shape));
  }
  Status Uint(uint64_t) override { return Put(Shape(Kind::unsigned_integer)); }
  Status Double(double) override { return Put(Shape(Kind::real)); }
  Status String(std::string_view) override { return Put(Shape(Kind::text)); }
  Status Special(std::string_view type, std::string_view) override { return BadRecord(fmt::format("metadata-{}", type), fmt::format("a {}, which VDF has no type for", type)); }
  Status BeginObject() override { return levels_.push_back({Shape(Kind::object), {}}), Status::OK(); }
  Status Key(std::string_view key) override {
    if (key.empty()) return BadRecord("metadata-empty-key", "a field whose name is empty");
    return levels_.back().key = key, Status::OK();
  }
  Status EndObject() override {
    if (levels_.back().shape.fields.empty() && levels_.size() > 1) return BadRecord("metadata-empty-object", "an empty object, which no column holds");
    return End();
  }
  Status BeginArray() override { return levels_.push_back({Shape(Kind::list), {}}), Status::OK(); }
  Status EndArray() override { return End(); }
  Shape Take() { return std::move(result_); }

 private:
  struct Level {
    Shape shape;
    std::string key;
  };
  Status End() {
    Shape shape = std::move(levels_.back().shape);
    levels_.pop_back();
    return Put(std::move(shape));
  }
  Status Put(Shape shape) {
    if (levels_.empty()) {
      if (shape.kind != Kind::object) return BadRecord("metadata-no-object", "metadata that is no JSON object");
      result_ = std::move(shape);
      return Status::OK();
    }
    Level& level = levels_.back();
    if (level.shape.kind == Kind::object) {
      level.shape.fields[level.key] = std::move(shape);
    } else if (!level.shape.items) {
      level.shape.items = std::make_unique<Shape>(std::move(shape));
    } else if (level.shape.items->Fits(shape)) {
      level.shape.items->Merge(shape);
    } else {
      return BadRecord("metadata-mixed-array", "a list of several types");
    }
    return Status::OK();
  }

  std::vector<Level> levels_;
  Shape result_;
};

}  // namespace

Shape Shape::Clone() const {
  Shape copy(kind);
  copy.negative = negative;
  if (items) copy.items = std::make_unique<Shape>(items->Clone());
  for (const auto& [name, field] : fields) copy.fields[name] = field.Clone();
  return copy;
}

bool Shape::Fits(const Shape& other) const {
  if (kind == Kind::unknown || other.kind == Kind::unknown) return true;
  if (IsInteger(kind) && IsInteger(other.kind)) {
    const bool large = kind == Kind::unsigned_integer || other.kind == Kind::unsigned_integer;
    return !large || (!negative && !other.negative);
  }
  if (kind != other.kind) return false;
  if (items && other.items && !items->Fits(*other.items)) return false;
  for (const auto& [name, field] : other.fields) {
    const auto mine = fields.find(name);
    if (mine != fields.end() && !mine->second.Fits(field)) return false;
  }
  return true;
}

void Shape::Merge(const Shape& other) {
  if (other.kind == Kind::unknown) return;
  if (kind == Kind::unknown) kind = other.kind;
  if (kind == Kind::integer && other.kind == Kind::unsigned_integer) kind = other.kind;
  negative = negative || other.negative;
  if (other.items && !items) items = std::make_unique<Shape>(other.items->Clone());
  else if (other.items) items->Merge(*other.items);
  for (const auto& [name, field] : other.fields) {
    const auto mine = fields.find(name);
    if (mine == fields.end()) fields[name] = field.Clone();
    else mine->second.Merge(field);
  }
}

std::shared_ptr<arrow::DataType> Shape::ToArrow() const {
  switch (kind) {
    case Kind::unknown: return arrow::null();
    case Kind::boolean: return arrow::boolean();
    case Kind::integer: return arrow::int64();
    case Kind::unsigned_integer: return arrow::uint64();
    case Kind::real: return arrow::float64();
    case Kind::text: return arrow::utf8();
    case Kind::list: return arrow::list(items ? items->ToArrow() : arrow::null());
    case Kind::object: break;
  }
  arrow::FieldVector members;
  for (const auto& [name, field] : fields) members.push_back(arrow::field(name, field.ToArrow()));
  return arrow::struct_(std::move(members));
}

Result<Shape> ShapeOf(std::string_view json, JsonReader& reader) {
  Finder finder;
  ARROW_RETURN_NOT_OK(reader.Visit(json, finder));
  return finder.Take();
}

struct ColumnBuilder::Impl final : public JsonVisitor {
  /// A list or an object that is being filled. Members not met by its end are null.
  struct Level {
    arrow::ArrayBuilder* builder = nullptr;
    bool object = false;
    const arrow::DataType* type = nullptr;
    std::vector<bool> met;
    int member = -1;
  };

  explicit Impl(const Shape& shape) : type(shape.ToArrow()), failed(arrow::MakeBuilder(arrow::default_memory_pool(), type, &builder)) {}

  arrow::ArrayBuilder* Next() {
    Level& level = levels.back();
    if (!level.object) return static_cast<arrow::ListBuilder*>(level.builder)->value_builder();
    return level.builder->child(level.member);
  }

  Status Null() override { return MakeError(Category::internal, "a null in a column"); }
  Status Bool(bool value) override { return static_cast<arrow::BooleanBuilder*>(Next())->Append(value); }
  Status Int(int64_t value) override {
    arrow::ArrayBuilder* to = Next();
    if (to->type()->id() == arrow::Type::UINT64) return static_cast<arrow::UInt64Builder*>(to)->Append(static_cast<uint64_t>(value));
    return static_cast<arrow::Int64Builder*>(to)->Append(value);
  }
  Status Uint(uint64_t value) override { return static_cast<arrow::UInt64Builder*>(Next())->Append(value); }
  Status Double(double value) override { return static_cast<arrow::DoubleBuilder*>(Next())->Append(value); }
  Status String(std::string_view utf8) override { return static_cast<arrow::StringBuilder*>(Next())->Append(utf8); }
  Status Special(std::string_view, std::string_view) override { return MakeError(Category::internal, "a special value in a column"); }
  Status BeginObject() override {
    auto* to = static_cast<arrow::StructBuilder*>(levels.empty() ? builder.get() : Next());
    const arrow::DataType* of = levels.empty() ? type.get() : TypeOfNext();
    ARROW_RETURN_NOT_OK(to->Append());
    levels.push_back({to, true, of, std::vector<bool>(static_cast<size_t>(of->num_fields())), -1});
    return Status::OK();
  }
  Status Key(std::string_view key) override {
    Level& level = levels.back();
    level.member = static_cast<const arrow::StructType*>(level.type)->GetFieldIndex(std::string(key));
    if (level.member < 0) return MakeError(Category::internal, "a field that its column's shape lacks");
    level.met[static_cast<size_t>(level.member)] = true;
    return Status::OK();
  }
  Status EndObject() override {
    Level& level = levels.back();
    for (size_t i = 0; i < level.met.size(); ++i) {
      if (!level.met[i]) ARROW_RETURN_NOT_OK(level.builder->child(static_cast<int>(i))->AppendNull());
    }
    levels.pop_back();
    return Status::OK();
  }
  Status BeginArray() override {
    auto* to = static_cast<arrow::ListBuilder*>(Next());
    const arrow::DataType* of = TypeOfNext();
    ARROW_RETURN_NOT_OK(to->Append());
    levels.push_back({to, false, of, {}, -1});
    return Status::OK();
  }
  Status EndArray() override { return levels.pop_back(), Status::OK(); }

  const arrow::DataType* TypeOfNext() const {
    const Level& level = levels.back();
    return level.type->field(level.object ? level.member : 0)->type().get();
  }

  const std::shared_ptr<arrow::DataType> type;
  std::unique_ptr<arrow::ArrayBuilder> builder;
  const Status failed;
  std::vector<Level> levels;
};

ColumnBuilder::ColumnBuilder(const Shape& shape) : impl_(std::make_unique<Impl>(shape)) {}
ColumnBuilder::~ColumnBuilder() = default;

Status ColumnBuilder::Append(std::string_view json, JsonReader& reader) {
  ARROW_RETURN_NOT_OK(impl_->failed);
  impl_->levels.clear();
  return reader.Visit(json, *impl_);
}

Result<std::vector<std::shared_ptr<arrow::Array>>> ColumnBuilder::Finish() {
  ARROW_RETURN_NOT_OK(impl_->failed);
  ARROW_ASSIGN_OR_RAISE(const auto whole, impl_->builder->Finish());
  return static_cast<const arrow::StructArray&>(*whole).fields();
}

}  // namespace vecferry::vdf
