#include "transform/map_schema.h"

#include <algorithm>
#include <numeric>

#include <fmt/format.h>

#include "base/text.h"

namespace vecferry {
namespace {

class SchemaMapper {
 public:
  explicit SchemaMapper(const RecordSchema& before) {
    result_.schema = before;
    result_.vectors.resize(before.vectors.size());
    std::iota(result_.vectors.begin(), result_.vectors.end(), size_t{0});
  }

  Result<MappedSchema> Run(const std::vector<MapRule>& rules) {
    for (const auto& rule : rules) {
      rule_ = &rule;
      ARROW_RETURN_NOT_OK(One());
    }
    return std::move(result_);
  }

 private:
  Status Bad(std::string what) const {
    return MakeError(Category::usage, fmt::format("--map '{}': {}", Printable(rule_->spelled, 200), what), "`vecferry inspect` shows what the dataset has");
  }

  Status One() {
    const bool takes = rule_->verb == MapRule::Verb::move || rule_->verb == MapRule::Verb::copy || rule_->verb == MapRule::Verb::cast;
    if (rule_->target.kind == Field::Kind::vector) return Vector();
    if (takes) ARROW_RETURN_NOT_OK(MustHave(rule_->source));
    for (const auto& part : rule_->text.parts) {
      if (part.field) ARROW_RETURN_NOT_OK(MustHave(*part.field));
    }
    const std::string type = takes ? TypeOf(rule_->source) : "";
    if (rule_->verb == MapRule::Verb::drop) {
      ARROW_RETURN_NOT_OK(MustHave(rule_->target));
      Leave(rule_->target);
      return Status::OK();
    }
    if ((rule_->verb == MapRule::Verb::move || rule_->verb == MapRule::Verb::cast) && !(rule_->source == rule_->target)) Leave(rule_->source);
    Arrive(rule_->target, rule_->verb == MapRule::Verb::cast ? "" : type);
    return Status::OK();
  }

  Status MustHave(const Field& field) const {
    if (field.kind == Field::Kind::tenant && !result_.schema.has_tenant) return Bad("the dataset has no tenant");
    if (field.kind == Field::Kind::document && !result_.schema.has_document) return Bad("the dataset has no document");
    return Status::OK();
  }

  std::string TypeOf(const Field& field) const {
    if (field.kind != Field::Kind::metadata || field.path.size() != 1) return "";
    const auto found = result_.schema.field_types.find(field.path[0]);
    return found == result_.schema.field_types.end() ? "" : found->second;
  }

  void Leave(const Field& field) {
    if (field.kind == Field::Kind::tenant) result_.schema.has_tenant = false;
    if (field.kind == Field::Kind::document) result_.schema.has_document = false;
    if (field.kind == Field::Kind::metadata && field.path.size() == 1) result_.schema.field_types.erase(field.path[0]);
  }

  void Arrive(const Field& field, const std::string& type) {
    if (field.kind == Field::Kind::id) result_.schema.id_kind = IdKind::string;
    if (field.kind == Field::Kind::tenant) result_.schema.has_tenant = true;
    if (field.kind == Field::Kind::document) result_.schema.has_document = true;
    if (field.kind != Field::Kind::metadata || field.path.size() != 1) return;
    if (type.empty()) result_.schema.field_types.erase(field.path[0]);
    else result_.schema.field_types[field.path[0]] = type;
  }

  Result<size_t> PositionOf(const std::string& column) const {
    std::vector<std::string> there;
    for (size_t i = 0; i < result_.schema.vectors.size(); ++i) {
      there.push_back(result_.schema.vectors[i].column());
      if (there.back() == column) return i;
    }
    return Bad(fmt::format("there is no {}{}", Printable(column, 100), Suggestion(column, there)));
  }

  Status Vector() {
    const bool drop = rule_->verb == MapRule::Verb::drop;
    ARROW_ASSIGN_OR_RAISE(const size_t at, PositionOf(drop ? rule_->target.column : rule_->source.column));
    const auto position = static_cast<ptrdiff_t>(at);
    if (drop) {
      result_.schema.vectors.erase(result_.schema.vectors.begin() + position);
      result_.vectors.erase(result_.vectors.begin() + position);
      return Status::OK();
    }
    if (rule_->source == rule_->target) return Status::OK();
    for (const auto& vector : result_.schema.vectors) {
      if (vector.column() == rule_->target.column) return Bad(fmt::format("there is a {} already", Printable(rule_->target.column, 100)));
    }
    const std::string& column = rule_->target.column;
    const size_t colon = column.find(':');
    result_.schema.vectors[at].name = colon == column.npos ? "" : column.substr(colon + 1);
    return Status::OK();
  }

  MappedSchema result_;
  const MapRule* rule_ = nullptr;
};

}  // namespace

Result<MappedSchema> MapSchema(const std::vector<MapRule>& rules, const RecordSchema& before) { return SchemaMapper(before).Run(rules); }

}  // namespace vecferry
